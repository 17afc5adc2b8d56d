"""The sandbox as a provider: its books under refunds and disputes, and how it tells what happened."""

import json
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce import tasks
from commerce.gateways.protocol import (
    Charge,
    ChargeRequest,
    DisputeOutcome,
    DisputeReport,
    EventRefused,
    Kind,
    ProviderEvent,
    RefundAnswer,
    Setup,
    SetupRequest,
)
from commerce.gateways.sandbox import news, wire
from commerce.models import IncomingEvent, SandboxEvent
from tests.commerce.provider import BANK, forget_what_is_owed, owed, signed
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PRICE = Decimal("19.98")
SECOND = timedelta(seconds=1)


def charged(card="pm_card_visa", amount=PRICE):
    request = ChargeRequest(
        key=uuid4(), amount=amount, currency="USD", payment_method=card, customer="c", return_url="/back/"
    )
    return BANK.charge(request)


def kept(card="pm_card_visa"):
    return BANK.set_up(SetupRequest(key=uuid4(), payment_method=card, customer="c", return_url="/back/"))


class TestItsBooks:
    def test_give_back_no_more_than_was_taken(self):
        charge = charged()
        assert BANK.refund(key=uuid4(), charge_key=charge.key, amount=PRICE).outcome == "succeeded"
        assert BANK.refund(key=uuid4(), charge_key=charge.key, amount=Decimal("0.01")).outcome == "failed"

    @pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_authenticationRequired"])
    def test_give_nothing_back_of_what_was_not_taken(self, card):
        assert BANK.refund(key=uuid4(), charge_key=charged(card).key, amount=PRICE).outcome == "failed"

    def test_give_nothing_back_of_what_is_contested_or_was_lost(self):
        charge = charged()
        BANK.contest(charge.key)
        assert BANK.refund(key=uuid4(), charge_key=charge.key, amount=PRICE).outcome == "failed"
        BANK.judge_dispute(charge.key, won=False)
        assert BANK.refund(key=uuid4(), charge_key=charge.key, amount=PRICE).outcome == "failed"

    def test_give_back_what_was_won(self):
        charge = charged()
        BANK.contest(charge.key)
        BANK.judge_dispute(charge.key, won=True)
        assert BANK.refund(key=uuid4(), charge_key=charge.key, amount=PRICE).outcome == "succeeded"

    def test_a_card_that_is_contested_is_so_at_once_for_what_was_not_given_back(self):
        charge = charged("pm_card_createDispute")
        [dispute] = [
            entry.found for entry in BANK.books(NOON, timezone.now()) if isinstance(entry.found, DisputeReport)
        ]
        assert (dispute.charge_key, dispute.amount, dispute.outcome) == (charge.key, PRICE, DisputeOutcome.OPEN)

    def test_a_bank_decides_once(self):
        charge = charged("pm_card_createDispute")
        assert BANK.judge_dispute(charge.key, won=True).outcome == DisputeOutcome.WON
        assert BANK.judge_dispute(charge.key, won=False).outcome == DisputeOutcome.WON
        assert len(owed("dispute.closed")) == 1

    def test_a_refund_made_by_hand_has_no_key_of_ours(self):
        charge = charged()
        answer = BANK.refund_by_hand(key=uuid4(), charge_key=charge.key, amount=PRICE)
        assert (answer.key.int, answer.charge_key) == (0, charge.key)

    def test_a_card_that_takes_no_refund(self):
        charge = charged("pm_card_refundFail")
        assert BANK.refund(key=uuid4(), charge_key=charge.key, amount=PRICE).outcome == "failed"


class TestItsNews:
    def test_are_owed_for_everything_that_happens(self):
        charge = charged("pm_card_authenticationRequired")
        BANK.confirm(charge.key)
        BANK.refund(key=uuid4(), charge_key=charge.key, amount=Decimal(1))
        BANK.contest(charge.key)
        BANK.judge_dispute(charge.key, won=True)
        kept()
        assert [event.type for event in owed()] == [
            "charge.requires_action", "charge.captured", "refund.succeeded", "dispute.opened", "dispute.closed",
            "setup.captured",
        ]  # fmt: skip

    def test_are_owed_once_for_what_is_asked_twice(self):
        charge, key = charged(), uuid4()
        for _again in range(2):
            BANK.refund(key=key, charge_key=charge.key, amount=PRICE)
            BANK.contest(charge.key)
            BANK.cancel(charge.key)
        assert [event.type for event in owed()] == ["charge.captured", "refund.succeeded", "dispute.opened"]

    def test_say_what_they_are_about_and_the_provider_knows_it(self):
        charge = charged()
        BANK.refund(key=uuid4(), charge_key=charge.key, amount=Decimal(1))
        BANK.contest(charge.key)
        kept()
        kinds = {Kind.CHARGE: Charge, Kind.REFUND: RefundAnswer, Kind.DISPUTE: DisputeReport, Kind.SETUP: Setup}
        read = [BANK.read_event(body, signed(body), timezone.now()) for body in map(news.written, owed())]
        assert {event.kind for event in read} == set(kinds)
        for event in read:
            found = BANK.fetch(event.kind, event.reference)
            assert type(found) is kinds[event.kind]
            assert found.reference == event.reference

    def test_of_what_it_never_had_it_knows_nothing(self):
        for kind in Kind:
            assert BANK.fetch(kind, "pi_0123") is None
            assert BANK.fetch(kind, f"pi_{uuid4().hex}") is None

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"null", b"[]", b'"evt"', b"3", b"{", b"{}", b"\xff\xfe", b'{"id": "\xe9"}',
            b'{"id": 1, "type": "charge.captured", "object": "pi_1"}',
            b'{"id": "evt_1", "type": null, "object": "pi_1"}',
            b'{"id": "evt_1", "type": "charge.captured"}',
            b'{"id": "evt_1", "type": "charge.captured", "object": {}}',
            b"[" * 100_000, b'{"a":' * 100_000,
        ],
        ids=lambda body: repr(body[:20]),
    )  # fmt: skip
    def test_that_are_signed_but_say_nothing_are_refused(self, body):
        with pytest.raises(EventRefused):
            BANK.read_event(body, signed(body, NOON), NOON)

    def test_of_a_type_that_is_new_are_read(self):
        body = json.dumps({"id": "evt_1", "type": "payout.paid", "object": "po_1"}).encode()
        told = BANK.read_event(body, signed(body, NOON), NOON)
        assert told == ProviderEvent(id="evt_1", type="payout.paid", kind=Kind.OTHER, reference="po_1")


class Listener:
    """Takes what is posted, or does not."""

    def __init__(self, takes=True):
        self.takes, self.heard = takes, []

    def __call__(self, body, headers):
        self.heard.append(json.loads(body)["id"])
        return self.takes


class TestTelling:
    @pytest.fixture
    def three(self):
        for _n in range(3):
            charged()
        return [event.id for event in owed()]

    def test_is_done_once_oldest_first(self, three):
        listener = Listener()
        assert news.deliver(post=listener, at=NOON) == 3
        assert news.deliver(post=listener, at=NOON) == 0
        assert listener.heard == three

    def test_what_is_not_taken_is_told_again_ever_more_seldom(self, three):
        listener, moments = Listener(takes=False), []
        for second in range(700):
            before = len(listener.heard)
            news.deliver(post=listener, at=NOON + second * SECOND, limit=1)
            if listener.heard[before:] == three[:1]:
                moments.append(second)
        assert moments == [0, 5, 15, 35, 75, 155, 315, 635]

    def test_one_that_is_not_taken_holds_up_no_other(self, three):
        class Picky(Listener):
            def __call__(self, body, headers):
                super().__call__(body, headers)
                return json.loads(body)["id"] != three[0]

        assert news.deliver(post=Picky(), at=NOON) == 2

    def test_stops_where_nobody_listens_at_all(self, three):
        heard = []

        def nobody(body, headers):
            heard.append(body)
            raise wire.NobodyListens

        assert news.deliver(post=nobody, at=NOON) == 0
        assert len(heard) == 1

    def test_is_given_up_in_the_end(self, three):
        listener = Listener(takes=False)
        for hour in range(60):
            news.deliver(post=listener, at=NOON + timedelta(hours=2 * hour))
        assert len(listener.heard) == 3 * news.MOST_ATTEMPTS

    def test_by_two_at_once_happens_once(self, three):
        heard = []

        def post(body, headers):
            heard.append(body)
            if len(heard) == 1:  # another sender begins while this one waits for its answer
                news.deliver(post=Listener(), at=NOON)
            return True

        news.deliver(post=post, at=NOON)
        assert len(heard) == 1
        assert owed() == []


class TestOverHttp:
    @pytest.fixture
    def listener(self):
        """A server of its own; `answers` is what it says to each request."""
        seen = []

        class Handler(BaseHTTPRequestHandler):
            answers = 202
            location = ""

            def do_POST(self):
                seen.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(Handler.answers)
                if Handler.location:
                    self.send_header("Location", Handler.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *args):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        yield Handler, seen, f"http://127.0.0.1:{server.server_port}/hook/"
        server.shutdown()
        server.server_close()

    def test_what_is_sent_is_what_was_signed(self, listener):
        _handler, seen, url = listener
        charged()
        assert news.deliver(post=wire.poster(url), at=NOON) == 1
        [(path, headers, body)] = seen
        assert path == "/hook/"
        assert BANK.read_event(body, headers, NOON).type == "charge.captured"

    @pytest.mark.parametrize("status", [400, 404, 413, 500, 503])
    def test_only_a_yes_counts_as_taken(self, listener, status):
        handler, _seen, url = listener
        handler.answers = status
        assert wire.poster(url)(b"{}", {}) is False

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_no_redirect_is_followed(self, listener, status):
        handler, seen, url = listener
        handler.answers, handler.location = status, url + "elsewhere/"
        assert wire.poster(url)(b"{}", {}) is False
        assert len(seen) == 1

    def test_no_proxy_is_asked(self, listener, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        _handler, _seen, url = listener
        assert wire.poster(url)(b"{}", {}) is True

    def test_nobody_there_is_told_apart(self):
        with pytest.raises(wire.NobodyListens):
            wire.poster("http://127.0.0.1:9/")(b"{}", {})


@pytest.mark.django_db(transaction=True, serialized_rollback=True, databases=["default", "sandbox"])
def test_the_task_sends_to_this_site_itself(live_server, settings):
    settings.BASE_URL = live_server.url
    forget_what_is_owed()
    charged()
    assert tasks.send_sandbox_events() == 1
    assert IncomingEvent.objects.get().type == "charge.captured"
    assert owed() == []
    assert tasks.send_sandbox_events() == 0


def test_the_task_sends_nothing_while_another_provider_is_in_use(settings):
    charged()
    settings.PAYMENT_GATEWAY = "stripe"
    assert tasks.send_sandbox_events() == 0
    assert SandboxEvent.objects.using("sandbox").get().attempts == 0


def test_the_hook_is_where_it_says():
    assert reverse("payment-events", kwargs={"gateway": "sandbox"}) == "/hooks/payments/sandbox/"
