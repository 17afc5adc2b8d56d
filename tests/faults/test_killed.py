"""Processes that are really killed, at the points that matter and, with `make test-faults`, before every statement."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, Order, Payment, PaymentMethod, SandboxCard
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.buying import checkouts, payments
from commerce.operations.changes import cancellations
from commerce.operations.paying import card_setups, kept_cards, settlement
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle
from tenants.journal.events import sequence_waiting
from tenants.journal.models import Event, UnsequencedEvent
from tests import ledger
from tests.callers import Api, token_for
from tests.factories import NOON, MembershipFactory, acting, add_card, buy, open_checkout, pay, plan_on_sale
from tests.faults.conftest import KILLED

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

PRICE = Decimal("19.98")
SECOND = timedelta(seconds=1)
LATER = NOON + 61 * SECOND


@pytest.fixture
def ana():
    return MembershipFactory()


@pytest.fixture
def checkout(ana):
    return open_checkout(ana, plan_on_sale())


@pytest.fixture
def waiting(checkout):
    """Its cardholder is at the bank's page."""
    pay(checkout, "pm_card_authenticationRequired")
    return checkout


def state_of(row):
    row.refresh_from_db()
    return row.state


def purchases():
    """Orders that are paid, subscriptions, and what the provider took by its own books."""
    return Order.objects.paid().count(), Subscription.objects.count(), ledger.captured()


ONE, NONE = (1, 1, [PRICE]), (0, 0, [])


def books_agree():
    sequence_waiting()
    assert [finding for check in CHECKS for finding in check()] == []
    assert not UnsequencedEvent.objects.exists()


class TestPaying:
    def test_killed_before_the_charge_is_no_purchase_and_can_be_paid_again(self, victim, checkout):
        assert victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": "before the charge"}) == [KILLED]
        assert state_of(checkout) == "processing"
        assert purchases() == NONE
        settlement.reconcile(at=LATER)
        assert state_of(checkout) == "open"
        assert purchases() == NONE
        assert pay(checkout, at=LATER).state == "completed"
        assert purchases() == ONE
        books_agree()

    def test_killed_between_charge_and_settlement_is_one_purchase_and_one_charge(self, victim, checkout):
        assert victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": "after the charge"}) == [KILLED]
        assert state_of(checkout) == "processing"
        assert purchases() == (0, 0, [PRICE])
        settlement.reconcile(at=LATER)
        assert state_of(checkout) == "completed"
        assert purchases() == ONE
        with pytest.raises(checkouts.CheckoutCompleted):
            pay(checkout, at=LATER)
        assert purchases() == ONE
        books_agree()

    def test_killed_before_the_settlement_commits_too(self, victim, checkout):
        point = "before the settlement commits"
        assert victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": point}) == [KILLED]
        settlement.reconcile(at=LATER)
        assert purchases() == ONE
        books_agree()

    def test_killed_after_the_settlement_nothing_is_left_to_do(self, victim, checkout):
        assert victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": "after the settlement"}) == [KILLED]
        assert state_of(checkout) == "completed"
        assert purchases() == ONE
        assert settlement.reconcile(at=LATER) == []
        assert purchases() == ONE
        books_agree()

    @pytest.mark.parametrize("point", ["before the charge", "after the charge"])
    def test_the_provider_is_never_asked_before_sixty_seconds_have_passed(self, victim, checkout, point):
        victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": point})
        before = purchases()
        for seconds in (0, 30, 59, 60):
            assert settlement.reconcile(at=NOON + seconds * SECOND) == []
            with pytest.raises(settlement.PaymentInProgress):
                pay(checkout, at=NOON + seconds * SECOND)
        assert (state_of(checkout), purchases()) == ("processing", before)

    @pytest.mark.parametrize("point, bought", [("before the charge", NONE), ("after the charge", ONE)])
    def test_three_processes_that_reconcile_at_once_settle_once(self, victim, checkout, point, bought):
        victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": point})
        assert victim(*[{"do": "reconcile", "at": LATER}] * 3) == [0, 0, 0]
        assert purchases() == bought
        books_agree()

    def test_a_sweep_that_is_killed_while_settling_is_taken_over_by_the_next(self, victim, checkout):
        victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": "after the charge"})
        assert victim({"do": "reconcile", "at": LATER, "die": "before the settlement commits"}) == [KILLED]
        assert purchases() == (0, 0, [PRICE])
        settlement.reconcile(at=LATER + 61 * SECOND)
        assert purchases() == ONE
        books_agree()

    @pytest.mark.parametrize("point, first", [("before the charge", NONE), ("after the charge", ONE)])
    def test_the_clients_own_retry_of_a_call_that_died(self, victim, ana, point, first):
        checkout = open_checkout(ana, plan_on_sale(), at=timezone.now())
        path = f"/api/v1/checkouts/{checkout.pk}/pay/"
        call = {"do": "call", "path": path, "token": token_for(ana), "key": "first", "payment_method": "pm_card_visa"}
        assert victim({**call, "die": point}) == [KILLED]
        client, body = Api(ana), {"payment_method": "pm_card_visa"}
        assert client.post(path, body, key="first").json()["code"] == "idempotency_key_in_use"
        with time_machine.travel(timezone.now() + 61 * SECOND):
            settlement.reconcile(at=timezone.now())
            assert purchases() == first
            answer = client.post(path, body, key="first")
            assert (answer.status_code, answer.json()["state"]) == (200, "completed")
        assert purchases() == ONE
        books_agree()


class TestCanceling:
    @pytest.mark.parametrize("point, sent", [("before the refund", []), ("after the refund", [PRICE])])
    def test_killed_around_the_refund_gives_back_once(self, victim, ana, point, sent):
        subscription = buy(ana, plan_on_sale())
        assert victim({"do": "cancel", "subscription": subscription.pk, "at": NOON, "die": point}) == [KILLED]
        assert state_of(subscription) == "disabled"
        assert ledger.refunded() == sent
        settlement.reconcile(at=LATER)
        settlement.reconcile(at=LATER)
        assert ledger.refunded() == [PRICE]
        books_agree()


def recovered(checkout):
    """What sweeps and the client's retry make of it, wherever the process died."""
    # A sweep that died has taken it for a minute; its session may hold the row's lock for a moment more.
    for _ in range(50):
        settlement.reconcile(at=LATER + 61 * SECOND)
        charged, bought = ledger.captured(), Subscription.objects.count()
        if len(charged) == bought and not Payment.objects.filter(state="started").exists():
            break
        time.sleep(0.1)
    assert len(charged) == bought <= 1
    if state_of(checkout) == "requires_action":
        payments.confirm_checkout(checkout=checkout, by=acting(checkout.buyer), at=LATER)
    elif checkout.state != "completed":
        assert checkout.state == "open"
        pay(checkout, at=LATER)
    assert state_of(checkout) == "completed"
    assert purchases() == ONE
    assert Seat.objects.open().count() == 1
    assert Event.objects.filter(type="order.paid").count() == 1
    books_agree()


def every(last, step):
    """The statement to die before; `make test` takes each `step`th of them. Before the last nobody dies any more."""
    marks = [[] if n % step == 0 or n == last else pytest.mark.faults for n in range(last + 1)]
    return pytest.mark.parametrize(
        "nth, last", [pytest.param(n, last, marks=m, id=str(n)) for n, m in enumerate(marks)]
    )


def killed_or_done(code, nth, last):
    """A deed that takes more statements by now needs a longer row of tests."""
    assert code in (KILLED, 0)
    assert code == KILLED or nth > 0
    assert code == 0 or nth < last


class TestBeforeEveryStatement:
    """The nth statement is never sent."""

    @every(last=128, step=16)
    def test_of_paying(self, victim, checkout, nth, last):
        [code] = victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        recovered(checkout)

    @every(last=108, step=18)
    def test_of_confirming(self, victim, waiting, nth, last):
        [code] = victim({"do": "confirm", "checkout": waiting.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        recovered(waiting)

    @every(last=100, step=20)
    def test_of_reconciling(self, victim, checkout, nth, last):
        victim({"do": "pay", "checkout": checkout.pk, "at": NOON, "die": "after the charge"})
        [code] = victim({"do": "reconcile", "at": LATER, "die": nth})
        killed_or_done(code, nth, last)
        recovered(checkout)

    @every(last=48, step=16)
    def test_of_giving_up(self, victim, waiting, nth, last):
        [code] = victim({"do": "give up", "checkout": waiting.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        settlement.reconcile(at=LATER)
        assert state_of(waiting) in ("requires_action", "open", "canceled")
        checkouts.cancel_checkout(checkout=waiting, by=acting(waiting.buyer), at=LATER)
        assert state_of(waiting) == "canceled"
        assert SandboxGateway().find(Payment.objects.get().pk).outcome == "canceled"
        assert purchases() == NONE
        books_agree()

    @every(last=96, step=16)
    def test_of_canceling(self, victim, ana, nth, last):
        subscription = buy(ana, plan_on_sale())
        [code] = victim({"do": "cancel", "subscription": subscription.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        settlement.reconcile(at=LATER)
        if state_of(subscription) == "active":
            assert ledger.refunded() == []
            cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        assert state_of(subscription) == "disabled"
        assert ledger.refunded() == [PRICE]
        books_agree()

    @every(last=48, step=16)
    def test_of_adding_a_card(self, victim, ana, nth, last):
        [code] = victim({"do": "add card", "member": ana.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        card_setups.reconcile(at=LATER)
        assert not CardSetup.objects.live().exists()
        at_the_provider = SandboxCard.objects.using("sandbox").filter(customer=str(ana.pk)).count()
        assert PaymentMethod.objects.count() == at_the_provider <= 1
        add_card(ana, at=LATER)
        assert PaymentMethod.objects.get().is_default
        books_agree()

    @every(last=40, step=10)
    def test_of_removing_a_card(self, victim, ana, nth, last):
        card, _other = add_card(ana).payment_method, add_card(ana, "pm_card_refundFail")
        [code] = victim({"do": "remove card", "card": card.pk, "at": NOON, "die": nth})
        killed_or_done(code, nth, last)
        kept_cards.forget_removed(at=LATER)
        card.refresh_from_db()
        forgotten = SandboxCard.objects.using("sandbox").filter(reference=card.reference, forgotten_at=None)
        assert (card.removed_at is None) == (card.forgotten_at is None) == forgotten.exists()
        assert PaymentMethod.objects.get(is_default=True).removed_at is None
        books_agree()

    @every(last=40, step=20)
    def test_of_expiring(self, victim, ana, nth, last):
        subscription = buy(ana, plan_on_sale())
        at = subscription.term_end + timedelta(days=200)
        [code] = victim({"do": "expire", "at": at, "die": nth})
        killed_or_done(code, nth, last)
        lifecycle.advance_due(at=at)
        assert state_of(subscription) == "deleted"
        assert Event.objects.filter(type__in=("subscription.expired", "subscription.deleted")).count() == 2
        books_agree()
