"""localstripe as a separate program, in its own environment: see `make test-interop`."""

import socket
import subprocess
import time
from contextlib import closing
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from config.environment import BASE_DIR
from tests.interop.between import Between
from tests.interop.mailbox import Mailbox

PROGRAM = BASE_DIR / ".interop/bin/localstripe"
WEBHOOK_SECRET = "whsec_interop"


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory):
    """Its address, once it answers."""
    if not PROGRAM.exists():
        pytest.exit(f"localstripe is not installed at {PROGRAM}: run make test-interop", returncode=2)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("localstripe") / "log"
    with log.open("w") as out:
        program = subprocess.Popen(
            [PROGRAM, "--port", str(port), "--from-scratch"], stdout=out, stderr=out, cwd=log.parent
        )
    try:
        if not answers(port, program):
            pytest.exit(f"localstripe does not start:\n{log.read_text()[-2000:]}", returncode=2)
        yield f"http://127.0.0.1:{port}"
    finally:
        program.terminate()
        program.wait(10)


def answers(port, program):
    for _try in range(100):
        if program.poll() is not None:
            return False
        try:
            with urlopen(f"http://127.0.0.1:{port}/js.stripe.com/v3/", timeout=1):
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False


@pytest.fixture
def between(localstripe):
    with closing(Between(localstripe)) as found:
        yield found


@pytest.fixture
def mailbox(between):
    """Where its events come in, signed with our secret."""
    with closing(Mailbox()) as found:
        status, _body = between.ask("POST", "/_config/webhooks/seatwise", {"url": found.url, "secret": WEBHOOK_SECRET})
        assert status == 200
        yield found


@pytest.fixture(autouse=True)
def _in_use(settings, between):
    settings.PAYMENT_GATEWAY = "stripe"
    settings.STRIPE_SECRET_KEY = "sk_test_interop"
    settings.STRIPE_PUBLISHABLE_KEY = "pk_test_interop"
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.STRIPE_API_BASE = between.url
