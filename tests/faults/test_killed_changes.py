"""Processes that are killed while they change a subscription: seats and money always agree in the end."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from commerce.models import Order, OrderLine, Payment
from commerce.operations.changes import scheduled
from commerce.operations.paying import open_orders, settlement
from licensing.operations import lifecycle
from tenants.journal.models import Event
from tests import ledger
from tests.callers import Api, token_for
from tests.commerce.changes import DAY, STEP_CARD, change, confirm, reactivate, seats_of
from tests.factories import NOON, MembershipFactory, acting, buy, plan_on_sale
from tests.faults.conftest import KILLED
from tests.faults.test_killed import books_agree, every, killed_or_done, state_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

LATER = NOON + timedelta(seconds=61)
TWO, THREE = Decimal("19.98"), Decimal("29.97")


@pytest.fixture
def subscription():
    return buy(MembershipFactory(), plan_on_sale())


@pytest.fixture
def in_grace(subscription):
    lifecycle.advance_due(at=subscription.term_end)
    return subscription


@pytest.fixture
def waiting(subscription):
    """Three more seats, whose cardholder is at the bank's page."""
    return change(subscription, 5, card=STEP_CARD).order


def five_seats_in_the_end(subscription):
    """What sweeps and the owner's second try make of it, wherever the process died."""
    settlement.reconcile(at=LATER)
    assert len(ledger.captured()) == 1 + (seats_of(subscription)[0] == 5)
    order = open_orders.pending(subscription)
    if order is not None:
        confirm(order, at=LATER)
    elif seats_of(subscription)[0] == 2:
        change(subscription, 5, at=LATER)
    assert seats_of(subscription) == (5, 1)
    assert ledger.captured() == [TWO, THREE]
    assert Order.objects.paid().filter(kind="seats").count() == 1
    books_agree()


class TestAtThePointsThatMatter:
    @pytest.mark.parametrize(
        "point, seats",
        [
            ("before the charge", 2),
            ("after the charge", 5),
            ("before the settlement commits", 5),
            ("after the settlement", 5),
        ],
    )
    def test_more_seats_are_there_exactly_where_they_were_charged(self, victim, subscription, point, seats):
        order = {"do": "change", "subscription": subscription.pk, "quantity": 5, "at": NOON, "die": point}
        assert victim(order) == [KILLED]
        settlement.reconcile(at=LATER)
        assert seats_of(subscription)[0] == seats
        five_seats_in_the_end(subscription)

    @pytest.mark.parametrize("point, sent", [("before the refund", []), ("after the refund", [Decimal("9.99")])])
    def test_seats_that_were_given_back_are_refunded_once(self, victim, subscription, point, sent):
        order = {"do": "change", "subscription": subscription.pk, "quantity": 1, "at": NOON, "die": point}
        assert victim(order) == [KILLED]
        assert (seats_of(subscription), ledger.refunded()) == ((1, 1), sent)
        for _ in range(2):
            settlement.reconcile(at=LATER)
        assert ledger.refunded() == [Decimal("9.99")]
        books_agree()

    @pytest.mark.parametrize("point", ["before the charge", "after the charge", "before the settlement commits"])
    def test_the_clients_own_retry_of_a_call_that_died_charges_once(self, victim, point):
        ana = MembershipFactory()
        bought = buy(ana, plan_on_sale(), at=timezone.now() - timedelta(days=1))
        path, body = f"/api/v1/subscriptions/{bought.pk}/quantity/", {"quantity": 5}
        call = {"do": "call", "path": path, "token": token_for(ana), "key": "first", **body}
        assert victim({**call, "die": point}) == [KILLED]
        api = Api(ana)
        assert api.post(path, body, key="first").json()["code"] == "idempotency_key_in_use"
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            settlement.reconcile(at=timezone.now())
            answer = api.post(path, body, key="first")
            if point == "before the charge":
                # The try was called off at the provider: the client is told, and orders anew.
                assert (answer.status_code, answer.json()["code"]) == (409, "payment_canceled")
                answer = api.post(path, body, key="second")
            assert (answer.status_code, answer.json()["state"]) == (200, "completed")
        assert seats_of(bought)[0] == 5
        assert len(ledger.captured()) == 2
        books_agree()

    @pytest.mark.parametrize("point", ["before the refund", "after the refund"])
    def test_the_clients_own_retry_of_seats_given_back_is_told_what_its_call_did(self, victim, point):
        ana = MembershipFactory()
        bought = buy(ana, plan_on_sale(), at=timezone.now() - timedelta(days=1))
        path, body = f"/api/v1/subscriptions/{bought.pk}/quantity/", {"quantity": 1}
        call = {"do": "call", "path": path, "token": token_for(ana), "key": "first", **body}
        assert victim({**call, "die": point}) == [KILLED]
        api = Api(ana)
        # Somebody was faster with another change: it is not what the first call is answered with.
        assert api.post(path, {"quantity": 4}, key="second").json()["quantity_before"] == 1
        again = api.post(path, body, key="first")
        assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")
        assert (again.json()["quantity_before"], again.json()["quantity"]) == (2, 1)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            settlement.reconcile(at=timezone.now())
        assert seats_of(bought)[0] == 4
        assert len(ledger.refunded()) == 1
        books_agree()

    def test_a_call_that_died_before_its_commit_is_done_by_its_retry(self, victim):
        ana = MembershipFactory()
        bought = buy(ana, plan_on_sale(), at=timezone.now() - timedelta(days=1))
        path, body = f"/api/v1/subscriptions/{bought.pk}/quantity/", {"quantity": 1}
        call = {"do": "call", "path": path, "token": token_for(ana), "key": "first", **body}
        assert victim({**call, "die": "before the change commits"}) == [KILLED]
        assert seats_of(bought)[0] == 2
        with time_machine.travel(timezone.now() + timedelta(seconds=31)):
            again = Api(ana).post(path, body, key="first")
        assert (again.status_code, again.json()["quantity_before"], again.json()["quantity"]) == (200, 2, 1)
        assert "Idempotent-Replayed" not in again
        assert len(ledger.refunded()) == 1
        books_agree()


class TestBeforeEveryStatement:
    """The nth statement is never sent."""

    @every(last=128, step=32)
    def test_of_adding_seats(self, victim, subscription, nth, last):
        order = {"do": "change", "subscription": subscription.pk, "quantity": 5, "at": NOON, "die": nth}
        [code] = victim(order)
        killed_or_done(code, nth, last)
        five_seats_in_the_end(subscription)

    @every(last=96, step=32)
    def test_of_confirming_them(self, victim, waiting, nth, last):
        [code] = victim({"do": "confirm order", "order": waiting.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        five_seats_in_the_end(waiting.subscription)

    @every(last=32, step=16)
    def test_of_giving_them_up(self, victim, waiting, nth, last):
        [code] = victim({"do": "give up order", "order": waiting.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        settlement.reconcile(at=LATER)
        open_orders.cancel_order(order=waiting, by=acting(waiting.buyer), at=LATER)
        assert state_of(waiting) == "canceled"
        assert Payment.objects.get(order=waiting).state == "canceled"
        assert ledger.captured() == [TWO]
        books_agree()

    @every(last=80, step=20)
    def test_of_giving_seats_back(self, victim, subscription, nth, last):
        order = {"do": "change", "subscription": subscription.pk, "quantity": 1, "at": NOON, "die": nth}
        [code] = victim(order)
        killed_or_done(code, nth, last)
        settlement.reconcile(at=LATER)
        change(subscription, 1, at=NOON)
        assert seats_of(subscription) == (1, 1)
        assert ledger.refunded() == [Decimal("9.99")]
        assert OrderLine.objects.get().returned == 1
        books_agree()

    @every(last=128, step=32)
    def test_of_reactivating(self, victim, in_grace, nth, last):
        at = in_grace.term_end + DAY
        [code] = victim({"do": "reactivate", "subscription": in_grace.pk, "at": at, "die": nth})
        killed_or_done(code, nth, last)
        settlement.reconcile(at=at + timedelta(seconds=61))
        assert len(ledger.captured()) == 1 + (state_of(in_grace) == "active")
        if in_grace.state == "expired":
            reactivate(in_grace, at + timedelta(seconds=61))
        assert state_of(in_grace) == "active"
        assert ledger.captured() == [TWO, TWO]
        assert in_grace.term_start == NOON + 31 * DAY
        books_agree()

    @every(last=36, step=12)
    def test_of_applying_what_waited_for_the_renewal(self, victim, subscription, nth, last):
        change(subscription, 1, at=NOON + 8 * DAY)
        [code] = victim({"do": "end terms", "at": subscription.term_end, "die": nth})
        killed_or_done(code, nth, last)
        scheduled.advance_due(at=subscription.term_end)
        assert (seats_of(subscription), subscription.state) == ((1, 1), "expired")
        for type in ("quantity_change.applied", "subscription.expired"):
            assert Event.objects.filter(type=type).count() == 1
        books_agree()
