"""The sandbox as a provider: its books under refunds and disputes, and the news it owes of them."""

import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.protocol import (
    Charge,
    DisputeOutcome,
    DisputeReport,
    EventRefused,
    Kind,
    ProviderEvent,
    RefundAnswer,
    Setup,
)
from commerce.gateways.sandbox import news
from tests.commerce.provider import BANK, PRICE, charged, kept, owed, signed
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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


def test_the_hook_is_where_it_says():
    assert reverse("payment-events", kwargs={"gateway": "sandbox"}) == "/hooks/payments/sandbox/"
