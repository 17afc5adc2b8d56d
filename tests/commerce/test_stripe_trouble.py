"""Whatever goes wrong on the way: each call of the protocol says that it does not know, and nothing else escapes."""

import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest

from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable, Kind, SetupRequest
from commerce.gateways.stripe import line
from commerce.models import StripeCustomer, StripeIntent, StripeRefund
from tests.commerce.stripe_wire import (
    COLLISION,
    NO_SUCH_KEY,
    NOT_JSON,
    TOO_MANY,
    TROUBLE,
    Wire,
    gateway_on,
    invalid,
    payment,
    timeout,
)

pytestmark = pytest.mark.django_db

NEW, PAID, KEPT, BACK = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

CALLS = {
    "describe": lambda gateway: gateway.describe("pm_1"),
    "charge": lambda gateway: gateway.charge(charge_request()),
    "find": lambda gateway: gateway.find(PAID),
    "confirm": lambda gateway: gateway.confirm(PAID),
    "cancel": lambda gateway: gateway.cancel(PAID),
    "with_holder": lambda gateway: gateway.with_holder(PAID),
    "refund": lambda gateway: gateway.refund(key=NEW, charge_key=PAID, amount=Decimal(5)),
    "find_refund": lambda gateway: gateway.find_refund(BACK),
    "set_up": lambda gateway: gateway.set_up(setup_request()),
    "find_setup": lambda gateway: gateway.find_setup(KEPT),
    "confirm_setup": lambda gateway: gateway.confirm_setup(KEPT),
    "cancel_setup": lambda gateway: gateway.cancel_setup(KEPT),
    "forget": lambda gateway: gateway.forget("pm_1"),
    "fetch a charge": lambda gateway: gateway.fetch(Kind.CHARGE, "pi_paid"),
    "fetch a setup": lambda gateway: gateway.fetch(Kind.SETUP, "seti_kept"),
    "fetch a refund": lambda gateway: gateway.fetch(Kind.REFUND, "re_back"),
    "fetch a dispute": lambda gateway: gateway.fetch(Kind.DISPUTE, "du_1"),
    "books": lambda gateway: list(gateway.books(NOON - timedelta(days=1), NOON)),
}
ANSWERS = {
    "nothing in time": timeout(),
    "5xx": TROUBLE,
    "a collision": COLLISION,
    "too many requests": TOO_MANY,
    "a wrong key of the account": NO_SUCH_KEY,
    "a proxy's page": NOT_JSON,
    "another version's parameter": invalid("parameter_unknown", "colour"),
}
# Where a refusal is an answer: a card that is not known, or that nobody keeps any more; a refund that is not made.
ANSWERED = {(name, "another version's parameter") for name in ("describe", "forget", "refund")}


def charge_request():
    return ChargeRequest(
        key=NEW, amount=Decimal("9.99"), currency="USD", payment_method="pm_1", customer="p", return_url="https://s/"
    )


def setup_request():
    return SetupRequest(key=NEW, payment_method="pm_1", customer="p", return_url="https://s/")


@pytest.fixture(autouse=True)
def _on_record(monkeypatch):
    monkeypatch.setattr(line, "PAUSES", (0, 0))
    StripeCustomer.objects.create(payer="p", reference="cus_1")
    paid = StripeIntent.objects.create(key=PAID, reference="pi_paid", amount="9.99", currency="USD")
    StripeIntent.objects.create(key=KEPT, reference="seti_kept")
    StripeRefund.objects.create(key=BACK, intent=paid, amount=5, reference="re_back")


class Deaf(Wire):
    """Every request ends the same way."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def request(self, method, url, headers, post_data=None):
        self.on(method.upper(), url.split("?")[0].removeprefix("https://api.stripe.com"), self.answer)
        return super().request(method, url, headers, post_data)


@pytest.mark.parametrize("name, answer", [each for each in product(CALLS, ANSWERS) if each not in ANSWERED])
def test_every_call_says_that_it_does_not_know(name, answer):
    wire = Deaf(ANSWERS[answer])
    with pytest.raises(GatewayUnavailable):
        CALLS[name](gateway_on(wire))
    posted = [sent.key for sent in wire.sent if sent.method == "POST"]
    assert all(posted), "a request that changes something has a key"
    if posted:
        assert len(set(posted)) == 1, "and all its repeats the same one"


def test_what_stripe_refuses_is_logged_without_the_words_of_its_message(caplog):
    body = {"error": {"type": "invalid_request_error", "message": "Ana Alvarez typed 4242", "code": "odd"}}
    with pytest.raises(GatewayUnavailable):
        gateway_on(Deaf((400, body))).find(PAID)
    assert "InvalidRequestError odd, request req_1" in caplog.text
    assert "4242" not in caplog.text


# --- The ten seconds, on a real line


class Server(threading.Thread):
    """A stand-in that accepts, and then does what it is told to the connection."""

    def __init__(self, serve):
        super().__init__(daemon=True)
        self._serve, self._socket = serve, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection):
        with closing(connection):
            connection.recv(65536)
            self._serve(connection)

    def close(self):
        self._socket.close()


def says_nothing(connection):
    time.sleep(5)


def trickles(connection):
    """A byte at a time: no single wait is long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _second in range(50):
        time.sleep(0.1)
        connection.sendall(b" ")


def is_in_trouble(connection):
    time.sleep(0.2)
    connection.sendall(b'HTTP/1.1 500 Oh\r\nContent-Length: 25\r\n\r\n{"error":{"type":"oh no"}}')


@pytest.mark.parametrize("serve", [says_nothing, trickles, is_in_trouble])
def test_a_call_ends_when_its_time_is_up(serve, monkeypatch):
    monkeypatch.setattr(line, "PAUSES", (0.3, 0.3))
    with closing(Server(serve)) as server:
        gateway = gateway_on(None, api_base=server.url, at_most=0.8)
        began = time.monotonic()
        with pytest.raises(GatewayUnavailable):
            gateway.find(PAID)
        assert time.monotonic() - began < 1.2


def test_all_requests_of_one_call_share_its_time(monkeypatch):
    now = [0]
    monkeypatch.setattr(line.time, "monotonic", lambda: now[0])

    def slow(answer):
        def told(sent):
            now[0] += 6
            return answer

        return told

    wire = Wire().on("POST", "/v1/payment_intents", slow(payment("requires_confirmation", pi="pi_1")))
    wire.on("POST", "/v1/payment_intents/pi_1/confirm", slow(timeout()))
    with pytest.raises(GatewayUnavailable):
        gateway_on(wire).charge(charge_request())
    assert len(wire.sent) == 2, "neither a repeat nor a look: the time is up"


def test_nobody_is_there():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(GatewayUnavailable):
        gateway_on(None, api_base=url, at_most=2).find(PAID)


def test_by_default_a_call_has_ten_seconds():
    assert line.AT_MOST == 10
