import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils.module_loading import import_string

from commerce import gateways
from commerce.gateways.sandbox import SandboxGateway
from commerce.gateways.stripe import StripeGateway
from config.environment import BASE_DIR, GATEWAYS, address_file

LIVE = {
    "SECRET_KEY": "a" * 60,
    "DATABASE_URL": "postgresql://app@db.example/seatwise",
    "REDIS_URL": "rediss://broker.example/0",
    "BASE_URL": "https://seatwise.example",
    "PAYMENT_GATEWAY": "stripe",
    "STRIPE_SECRET_KEY": "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_TYooMQauvdEDq54NiTphI7jx",
    "STRIPE_WEBHOOK_SECRET": "whsec_wRNftLajMZNeslQOP6vEPm4iVx5NlZ6z",
}


def start(environment, *command):
    given = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        [sys.executable, *(command or ["-c", "import config.settings"])],
        cwd=BASE_DIR, env=given, capture_output=True, text=True,
    )  # fmt: skip


def test_with_the_keys_of_a_real_provider_it_starts_without_the_demo():
    done = start(LIVE)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_provider_that_does_not_exist_is_refused_by_name():
    done = start({**LIVE, "PAYMENT_GATEWAY": "paypal"})
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        ["seatwise cannot start: PAYMENT_GATEWAY is 'paypal': it must be one of sandbox, stripe"],
    )


@pytest.mark.parametrize("name", [name for name in LIVE if name.startswith("STRIPE_")])
def test_a_key_of_nothing_but_spaces_is_missing(name):
    done = start({**LIVE, name: " "})
    assert (done.returncode, done.stderr.split(":")[1].strip()) == (1, f"{name} is not set")


def test_the_keys_of_a_provider_are_not_asked_for_while_another_one_is_in_use():
    assert start({"DEMO": "1"}).returncode == 0


def base_url(folder, **environment):
    says = "from config import settings; print(settings.BASE_URL)"
    return start({"DEMO": "1", "DATA_DIR": str(folder), **environment}, "-c", says).stdout.strip()


def test_letters_of_a_demos_commands_lead_to_where_it_was_served_last(tmp_path):
    assert base_url(tmp_path) == "http://127.0.0.1:8000"
    address_file(tmp_path).write_text("http://127.0.0.1:8123")
    assert base_url(tmp_path) == "http://127.0.0.1:8123"
    assert base_url(tmp_path, BASE_URL="http://localhost:9000") == "http://localhost:9000"


@pytest.mark.parametrize("written", ["", "https://seatwise.example", "nonsense", "http://10.0.0.7:8000"])
def test_and_never_to_another_machine(tmp_path, written):
    address_file(tmp_path).write_text(written)
    assert base_url(tmp_path) == "http://127.0.0.1:8000"


def test_a_live_site_reads_no_such_file(tmp_path):
    address_file(tmp_path).write_text("http://127.0.0.1:8123")
    says = "from config import settings; print(settings.BASE_URL)"
    assert start({**LIVE, "DATA_DIR": str(tmp_path)}, "-c", says).stdout.strip() == "https://seatwise.example"


def test_every_provider_that_may_be_named_is_there():
    assert {import_string(path).name for path in GATEWAYS.values()} == set(GATEWAYS)


@pytest.mark.parametrize("name", sorted(LIVE))
def test_names_a_variable_that_is_missing(name):
    done = start({key: value for key, value in LIVE.items() if key != name})
    assert done.returncode == 1
    assert done.stderr.startswith(f"seatwise cannot start: {name} is not set")


@pytest.mark.parametrize(
    "name, value, live",
    [
        ("PAYMENT_GATEWAY", "sandbox", True),
        ("PAYMENT_GATEWAY", "paypal", True),
        ("ALLOWED_HOSTS", "localhost,seatwise.example", False),
        ("ALLOWED_HOSTS", "*", False),
        ("BASE_URL", "https://seatwise.example", False),
        ("BASE_URL", "http://10.0.0.7:8000", False),
    ],
)
def test_names_a_variable_that_is_wrong(name, value, live):
    done = start({**LIVE, name: value} if live else {"DEMO": "1", name: value})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"seatwise cannot start: {name}")


def test_a_command_that_is_told_of_a_live_setting_does_not_fall_back_to_the_demo():
    done = start({"SECRET_KEY": "a" * 60}, "manage.py", "check")
    assert (done.returncode, "DATABASE_URL is not set" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_the_web_server_gives_up_at_once():
    done = start({}, "-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket")
    assert (done.returncode, "SECRET_KEY is not set" in done.stderr) == (3, True)


def test_a_demo_bound_to_another_address_by_hand_serves_nobody_from_elsewhere(client, settings):
    settings.MIDDLEWARE = ["config.loopback.OnlyFromThisMachine", *settings.MIDDLEWARE]
    assert client.get("/healthz", REMOTE_ADDR="::1").status_code == 200
    assert client.get("/healthz", REMOTE_ADDR="203.0.113.7").status_code == 403


def test_the_provider_in_use_is_made_from_the_settings(settings):
    settings.PAYMENT_GATEWAY = "stripe"
    settings.STRIPE_SECRET_KEY = settings.STRIPE_WEBHOOK_SECRET = "x"
    assert isinstance(gateways.current(), StripeGateway)
    settings.PAYMENT_GATEWAY = "sandbox"
    assert isinstance(gateways.current(), SandboxGateway)


def test_the_provider_is_made_once_for_what_is_set(settings, monkeypatch):
    settings.PAYMENT_GATEWAY = "stripe"
    settings.STRIPE_SECRET_KEY = settings.STRIPE_WEBHOOK_SECRET = "x"
    first = gateways.current()
    assert gateways.current() is first
    settings.STRIPE_WEBHOOK_SECRET = "y"
    second = gateways.current()
    assert second is not first
    with ThreadPoolExecutor(1) as other:  # it waits for answers of its own
        assert other.submit(gateways.current).result() is not second
    monkeypatch.setattr("os.getpid", lambda: 0)
    assert gateways.current() is not second
