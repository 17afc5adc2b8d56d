# The front door: make run, make test, make check. `make help` says what else.
PORT ?= 8000
DATA_DIR ?= .data
PYTHON ?= python3

VENV := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test check test-browser test-faults test-interop bench lock

help:
	@echo "make run           set everything up and serve at 127.0.0.1:$(PORT)   (PORT=… DATA_DIR=…)"
	@echo "make test          every test that pip alone can feed"
	@echo "make check         format, lint, types, imports, migrations, templates, translations, deployment"
	@echo "make test-browser  the purchase in a real browser (a Chromium on PATH or in CHROMIUM)"
	@echo "make test-faults   processes killed in the middle of purchases and renewals, and events in every order, at length"
	@echo "make test-interop  the Stripe gateway against localstripe, a program of its own"
	@echo "make bench         what is measured: processor time and queries, as ratios"
	@echo "make lock          pin the dependencies of pyproject.toml anew (needs uv)"

run: .venv/ready-to-run
	@PORT=$(PORT) DATA_DIR="$(DATA_DIR)" exec $(VENV)/python -m config.serve

test: .venv/ready-to-develop
	$(VENV)/pytest -n 2 -q

check: .venv/ready-to-develop
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	DEMO=1 $(VENV)/mypy
	$(VENV)/lint-imports
	DEMO=1 $(VENV)/python manage.py makemigrations --check --dry-run
	$(VENV)/djlint templates --lint --quiet
	$(VENV)/python -m config.translations
	DEMO=1 BASE_URL=https://localhost $(VENV)/python manage.py check --deploy --fail-level WARNING

test-browser: .venv/ready-to-develop
	@CHROMIUM="$${CHROMIUM:-$$(command -v chromium || command -v chromium-browser || command -v google-chrome)}"; \
	if [ -z "$$CHROMIUM" ]; then \
		echo "make test-browser: no Chromium found: install one, or name it in CHROMIUM" >&2; exit 2; \
	fi; \
	CHROMIUM="$$CHROMIUM" $(VENV)/pytest -q -m browser

test-faults: .venv/ready-to-develop
	$(VENV)/pytest -q -n 2 -m "not browser" tests/faults tests/lifecycle tests/commerce/incoming/test_orders.py

# A separate program, in an environment of its own: it is never imported, and no part of Seatwise needs it.
LOCALSTRIPE_PIN := localstripe==1.15.10
test-interop: .venv/ready-to-develop
	@test -x .interop/bin/localstripe || { $(PYTHON) -m venv .interop \
		&& .interop/bin/pip install --quiet --disable-pip-version-check $(LOCALSTRIPE_PIN); } \
		|| { echo "make test-interop: $(LOCALSTRIPE_PIN) could not be installed into .interop" >&2; exit 2; }
	$(VENV)/pytest -q -n0 -m interop tests/interop

bench: .venv/ready-to-develop
	$(VENV)/python -m bench

# Development's packages include production's, so either folder is good enough to run.
.venv/ready-to-run: requirements.txt
	@test -x $(VENV)/python || $(PYTHON) -m venv .venv
	@echo "Installing packages …"
	@$(VENV)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/ready-to-develop: requirements-dev.txt
	@test -x $(VENV)/python || $(PYTHON) -m venv .venv
	@echo "Installing packages for development …"
	@$(VENV)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch .venv/ready-to-run $@

COMPILE = uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"
lock:
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
