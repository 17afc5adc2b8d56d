import os
import subprocess
import sys

import pytest
from django.utils.module_loading import import_string

from config.environment import BASE_DIR, GATEWAYS

LIVE = {
    "SECRET_KEY": "a" * 60,
    "DATABASE_URL": "postgresql://app@db.example/seatwise",
    "REDIS_URL": "rediss://broker.example/0",
    "BASE_URL": "https://seatwise.example",
    "PAYMENT_GATEWAY": "stripe",
}


def start(environment, *command):
    given = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        [sys.executable, *(command or ["-c", "import config.settings"])],
        cwd=BASE_DIR, env=given, capture_output=True, text=True,
    )  # fmt: skip


def test_a_provider_that_does_not_exist_yet_is_refused_by_name():
    # The one thing that is missing for a life without DEMO: a provider that takes real money.
    done = start(LIVE)
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        ["seatwise cannot start: PAYMENT_GATEWAY is 'stripe': it must be one of sandbox"],
    )


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
