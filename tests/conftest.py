"""Real servers for the tests: one PostgreSQL and one Valkey a run, in a temporary folder, without fsync."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.db import connections
from pytest_django import DjangoDbBlocker

from config import embedded
from tests import as_migrated

# There is memory enough to look for garbage seldom: it is a twentieth of the time, and more where tests are collected.
gc.set_threshold(50_000, 20, 50)

RUNS = Path(tempfile.gettempdir()) / f"seatwise-tests-{os.getuid()}"
servers = ExitStack()


def sweep_up() -> None:
    """Runs that were killed left their servers behind."""
    for folder in RUNS.glob("run-*"):
        if (folder / "passwords.json").exists() and embedded.stop_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def start_servers() -> None:
    RUNS.mkdir(mode=0o755, exist_ok=True)
    sweep_up()
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=RUNS))
    folder.chmod(0o755)
    servers.callback(shutil.rmtree, folder, ignore_errors=True)
    found = servers.enter_context(embedded.attached(folder, broker=True, durable=False))
    for name in ("SECRET_KEY", "EMAIL_URL", "ALLOWED_HOSTS", "BASE_URL"):
        os.environ.pop(name, None)
    os.environ.update(found.environment, DEMO="1", AS_OWNER="1", PAYMENT_GATEWAY="sandbox", DATA_DIR=str(folder))


# Before Django's settings are read. The workers of one run inherit what its controller has set up.
if "PYTEST_XDIST_WORKER" not in os.environ:
    start_servers()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
# Tests call from many addresses, to see what is counted by address. The wall itself has its own test.
settings.MIDDLEWARE.remove("config.loopback.OnlyFromThisMachine")
# Else every client of a test reads through all static files before its first call: most of what many a test takes.
settings.WHITENOISE_AUTOREFRESH = True
# A slow hash is the point of a password's hash, and of no test.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The sandbox provider's own connection is closed before the database is thrown away."""
    with django_db_blocker.unblock():
        as_migrated.keep()
    yield
    connections["sandbox"].close()


def pytest_collection_finish() -> None:
    """What is there now stays, and is no garbage of any test."""
    gc.freeze()


def pytest_unconfigure() -> None:
    servers.close()
