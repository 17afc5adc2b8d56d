"""What Stripe has on record: one thing asked for afresh, and everything of some days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commerce.gateways.protocol import DisputeOutcome, Kind, Outcome, RefundOutcome
from commerce.models import StripeIntent, StripeRefund
from tests.commerce.stripe_wire import (
    CREATED,
    Wire,
    dispute,
    failure,
    gateway_on,
    lone_charge,
    missing,
    page,
    payment,
    refund,
)

pytestmark = pytest.mark.django_db

OURS, BACK, NOBODY = UUID(int=1), UUID(int=2), UUID(int=0)
PI = payment("")["id"]
INTENTS, CHARGES, REFUNDS, DISPUTES = (f"/v1/{name}" for name in ("payment_intents", "charges", "refunds", "disputes"))
NOON = datetime.fromtimestamp(CREATED, UTC)


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def ours():
    return StripeIntent.objects.create(key=OURS, reference=PI, amount="19.98", currency="USD")


class TestOneThing:
    def test_a_charge_is_known_by_the_id_that_we_stored(self, wire, ours):
        # What is written on it at Stripe could have been written by anybody who may log in there.
        wire.on("GET", f"{INTENTS}/{PI}", payment("succeeded", UUID(int=7)))
        assert gateway_on(wire).fetch(Kind.CHARGE, PI).key == OURS

    def test_a_charge_that_we_lost_is_known_by_what_we_wrote_on_it(self, wire):
        wire.on("GET", f"{INTENTS}/{PI}", payment("succeeded", OURS))
        assert gateway_on(wire).fetch(Kind.CHARGE, PI).key == OURS

    @pytest.mark.parametrize("metadata", [{}, {"key": "order 7"}])
    def test_a_charge_of_somebody_elses_has_no_key(self, wire, metadata):
        wire.on("GET", f"{INTENTS}/{PI}", payment("succeeded", metadata=metadata))
        charge = gateway_on(wire).fetch(Kind.CHARGE, PI)
        assert (charge.key, charge.outcome, charge.amount) == (NOBODY, Outcome.CAPTURED, Decimal("19.98"))

    @pytest.mark.parametrize("status", ["requires_confirmation", "processing"])
    def test_what_is_not_decided_is_no_news(self, wire, ours, status):
        wire.on("GET", f"{INTENTS}/{PI}", payment(status))
        assert gateway_on(wire).fetch(Kind.CHARGE, PI) is None

    def test_a_refund_made_by_hand_has_no_key_but_a_charge(self, wire, ours):
        wire.on("GET", f"{REFUNDS}/re_1", refund("pending", re="re_1"))
        found = gateway_on(wire).fetch(Kind.REFUND, "re_1")
        assert (found.key, found.charge_key, found.outcome) == (NOBODY, OURS, RefundOutcome.PENDING)

    def test_a_refund_of_ours(self, wire, ours):
        StripeRefund.objects.create(key=BACK, intent=ours, amount=5, reference="re_1")
        wire.on("GET", f"{REFUNDS}/re_1", refund(re="re_1"))
        assert gateway_on(wire).fetch(Kind.REFUND, "re_1").key == BACK

    @pytest.mark.parametrize(
        "status, outcome",
        [
            ("needs_response", DisputeOutcome.OPEN),
            ("under_review", DisputeOutcome.OPEN),
            ("won", DisputeOutcome.WON),
            ("lost", DisputeOutcome.LOST),
        ],
    )
    def test_a_dispute(self, wire, ours, status, outcome):
        wire.on("GET", f"{DISPUTES}/du_1", dispute(status, dp="du_1"))
        found = gateway_on(wire).fetch(Kind.DISPUTE, "du_1")
        assert (found.charge_key, found.outcome, found.amount) == (OURS, outcome, Decimal("19.98"))
        assert found.opened_at == NOON

    @pytest.mark.parametrize("status", ["warning_needs_response", "warning_under_review", "warning_closed"])
    def test_an_inquiry_is_no_dispute(self, wire, ours, status):
        wire.on("GET", f"{DISPUTES}/du_1", dispute(status, dp="du_1"))
        assert gateway_on(wire).fetch(Kind.DISPUTE, "du_1") is None

    @pytest.mark.parametrize("kind, path", [(Kind.CHARGE, INTENTS), (Kind.REFUND, REFUNDS), (Kind.DISPUTE, DISPUTES)])
    def test_what_stripe_does_not_know_is_not_there(self, wire, kind, path):
        wire.on("GET", f"{path}/x_1", missing())
        assert gateway_on(wire).fetch(kind, "x_1") is None

    def test_other_things_are_not_asked_for(self, wire):
        assert gateway_on(wire).fetch(Kind.OTHER, "cus_1") is None
        assert wire.told() == []


def books(wire, since=NOON - timedelta(days=1), until=NOON):
    return list(gateway_on(wire).books(since, until))


def shelves(wire, intents=(), charges=(), refunds=(), disputes=()):
    for url, things in ((INTENTS, intents), (CHARGES, charges), (REFUNDS, refunds), (DISPUTES, disputes)):
        wire.on("GET", url, page(url, *things))
    return wire


class TestBooks:
    def test_each_kind_oldest_first_over_all_pages(self, wire, ours):
        wire.on(
            "GET",
            INTENTS,
            page(INTENTS, payment("succeeded", pi="pi_3"), payment("succeeded", pi="pi_2"), more=True),
            page(INTENTS, payment("succeeded")),
        )
        shelves(wire, refunds=[refund()], disputes=[dispute()])
        wire._answers["GET", INTENTS].pop()
        found = [entry.found.reference for entry in books(wire)]
        assert found == [PI, "pi_2", "pi_3", refund()["id"], dispute()["id"]]
        first, second = (sent.form for sent in wire.sent if sent.path == INTENTS)
        assert (first["created[gte]"], first["created[lt]"]) == (str(CREATED - 86400), str(CREATED))
        assert (second["starting_after"], second["created[lt]"]) == ("pi_2", str(CREATED))
        assert wire.all_answered()

    def test_the_window_is_told_in_whole_seconds_that_lie_inside_it(self, wire):
        half = timedelta(milliseconds=500)
        books(shelves(wire), NOON + half, NOON + timedelta(seconds=1) + half)
        assert {(sent.form["created[gte]"], sent.form["created[lt]"]) for sent in wire.sent} == {
            (str(CREATED + 1), str(CREATED + 2))
        }

    def test_what_somebody_else_took_is_there_without_a_key(self, wire):
        theirs = [lone_charge(), lone_charge("failed", ch="ch_2"), lone_charge(ch="ch_3", payment_intent=PI)]
        found = [entry.found for entry in books(shelves(wire, [payment("succeeded")], theirs))]
        assert [(charge.key, charge.reference, charge.outcome) for charge in found] == [
            (NOBODY, PI, Outcome.CAPTURED),
            (NOBODY, "ch_2", Outcome.DECLINED),
            (NOBODY, lone_charge()["id"], Outcome.CAPTURED),
        ]

    def test_how_a_thing_stands_now(self, wire, ours):
        StripeIntent.objects.filter(key=OURS).update(decline_code="lost_card")
        intents = [payment("canceled"), payment("requires_payment_method", pi="pi_2", last_payment_error=failure())]
        found = [entry.found for entry in books(shelves(wire, [*intents, payment("processing", pi="pi_4")]))]
        assert [(charge.outcome, charge.decline_code) for charge in found] == [
            (Outcome.DECLINED, "insufficient_funds"),
            (Outcome.DECLINED, "lost_card"),
        ]

    @pytest.mark.parametrize("rows", [1, 30])
    def test_any_number_of_lines_takes_the_same_queries(self, wire, rows, django_assert_num_queries):
        for n in range(rows):
            intent = StripeIntent.objects.create(key=UUID(int=100 + n), reference=f"pi_{n}", currency="USD")
            StripeRefund.objects.create(key=UUID(int=500 + n), intent=intent, amount=1, reference=f"re_{n}")
        shelves(
            wire,
            [payment("succeeded", pi=f"pi_{n}") for n in range(rows)],
            [],
            [refund(re=f"re_{n}", payment_intent=f"pi_{n}") for n in range(rows)],
            [dispute(dp=f"du_{n}", payment_intent=f"pi_{n}") for n in range(rows)],
        )
        with django_assert_num_queries(6):
            found = books(wire)
        assert len(found) == 3 * rows
        assert NOBODY not in {getattr(entry.found, "charge_key", None) for entry in found}
