from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.buying import payments
from commerce.operations.paying import charging, refunds, settlement
from config.celery import app
from licensing.models import Subscription
from tests import ledger
from tests.commerce.conftest import state_of
from tests.factories import NOON, MembershipFactory, acting, open_checkout, pay
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

PRICE = Decimal("19.98")
SECOND = timedelta(seconds=1)
A_MINUTE_LATER = NOON + 61 * SECOND


@pytest.fixture
def silent(monkeypatch):
    """The provider captures, but its answer never arrives."""
    charge = SandboxGateway.charge

    def charge_and_say_nothing(self, request):
        charge(self, request)
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "charge", charge_and_say_nothing)
        yield patch


@pytest.fixture
def deaf(monkeypatch):
    """The provider never hears of the charge."""

    def unreachable(self, request):
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "charge", unreachable)
        yield patch


def findings():
    return [finding for check in CHECKS for finding in check()]


class TestAnAnswerThatNeverCame:
    def test_shows_processing_until_the_sweep_finds_the_purchase(self, ana, plan, silent):
        checkout = open_checkout(ana, plan)
        assert pay(checkout).state == "processing"
        [settled] = settlement.reconcile(at=A_MINUTE_LATER)
        assert settled.state == "succeeded"
        assert state_of(checkout) == "completed"
        assert ledger.captured() == [PRICE]
        assert Subscription.objects.count() == 1
        assert findings() == []

    def test_is_never_asked_for_before_sixty_seconds_have_passed(self, ana, plan, silent):
        checkout = open_checkout(ana, plan)
        pay(checkout)
        for seconds in (0, 1, 59, 60):
            assert settlement.reconcile(at=NOON + seconds * SECOND) == []
            assert state_of(checkout) == "processing"
        assert settlement.reconcile(at=A_MINUTE_LATER)

    def test_blocks_a_second_card_meanwhile(self, ana, plan, silent):
        checkout = open_checkout(ana, plan)
        pay(checkout)
        with pytest.raises(settlement.PaymentInProgress):
            pay(checkout)
        assert ledger.captured() == [PRICE]

    def test_a_purchase_is_dated_when_it_was_learned(self, ana, plan, silent):
        # The term starts with access: nobody pays for a minute that they did not have.
        pay(open_checkout(ana, plan))
        settlement.reconcile(at=A_MINUTE_LATER)
        assert Subscription.objects.get().term_start == Order.objects.get().paid_at == A_MINUTE_LATER

    def test_a_second_sweep_changes_nothing(self, ana, plan, silent):
        pay(open_checkout(ana, plan))
        settlement.reconcile(at=A_MINUTE_LATER)
        assert settlement.reconcile(at=A_MINUTE_LATER) == []
        assert Subscription.objects.count() == 1

    def test_a_decline_that_never_arrived_opens_the_checkout_again(self, ana, plan, silent):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_chargeDeclined")
        settlement.reconcile(at=A_MINUTE_LATER)
        assert state_of(checkout) == "open"
        assert Payment.objects.get().decline_code == "generic_decline"

    def test_a_step_that_never_arrived_is_shown(self, ana, plan, silent):
        checkout = open_checkout(ana, plan)
        assert pay(checkout, "pm_card_authenticationRequired").state == "processing"
        assert settlement.reconcile(at=A_MINUTE_LATER) == []
        assert state_of(checkout) == "requires_action"
        assert Payment.objects.get().action_url


class TestAChargeThatWasNeverMade:
    def test_is_called_off_and_the_checkout_is_payable(self, ana, plan, deaf):
        checkout = open_checkout(ana, plan)
        assert pay(checkout).state == "processing"
        settlement.reconcile(at=A_MINUTE_LATER)
        assert state_of(checkout) == "open"
        assert ledger.states() == ["canceled"]
        deaf.undo()
        assert pay(checkout, at=A_MINUTE_LATER).state == "completed"
        assert ledger.captured() == [PRICE]
        assert (Subscription.objects.count(), Order.objects.count()) == (1, 1)
        assert findings() == []

    def test_still_on_its_way_then_charges_nothing(self, ana, plan, deaf):
        # The request arrives after the sweep has given it up: its key is taken.
        checkout = open_checkout(ana, plan)
        pay(checkout)
        settlement.reconcile(at=A_MINUTE_LATER)
        deaf.undo()
        payment = Payment.objects.get()
        request = ChargeRequest(
            key=payment.pk,
            amount=payment.amount,
            currency=payment.currency,
            payment_method="pm_card_visa",
            customer=str(ana.pk),
            return_url="",
        )
        charge = SandboxGateway().charge(request)
        assert charge.outcome == "canceled"
        settlement.settle_payment(payment=payment, charge=charge, at=A_MINUTE_LATER)
        assert state_of(checkout) == "open"
        assert ledger.captured() == []


class TestAProviderThatIsAway:
    @pytest.fixture
    def away(self, monkeypatch):
        def unreachable(*args, **options):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            for call in ("charge", "find", "cancel"):
                patch.setattr(SandboxGateway, call, unreachable)
            yield patch

    def test_is_asked_again_and_nothing_is_guessed(self, ana, plan, away):
        checkout = open_checkout(ana, plan)
        pay(checkout)
        for minutes in (2, 60, 60 * 24 * 3):
            assert settlement.reconcile(at=NOON + timedelta(minutes=minutes)) == []
            assert state_of(checkout) == "processing"
        away.undo()
        settlement.reconcile(at=NOON + timedelta(days=3, minutes=2))
        assert state_of(checkout) == "open"

    def test_does_not_hold_up_the_confirmation_page(self, ana, plan, monkeypatch):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")

        def unreachable(*args):
            raise GatewayUnavailable

        for call in ("confirm", "find"):
            monkeypatch.setattr(SandboxGateway, call, unreachable)
        for ask in (payments.confirm_checkout, payments.refresh_checkout):
            checkout.refresh_from_db()
            assert ask(checkout=checkout, by=acting(ana), at=NOON).state == "requires_action"


def test_takes_those_without_an_answer_before_those_that_wait_for_a_cardholder(ana, plan, silent):
    for n in range(3):
        waiting = open_checkout(ana, plan, at=NOON + n * SECOND)
        pay(waiting, "pm_card_authenticationRequired", at=NOON + n * SECOND)
    settlement.reconcile(at=NOON + 90 * SECOND)
    newest = open_checkout(ana, plan, at=NOON + 91 * SECOND)
    pay(newest, at=NOON + 91 * SECOND)
    settlement.reconcile(at=NOON + 152 * SECOND, limit=2)
    assert state_of(newest) == "completed"


def test_what_another_sweep_asks_about_now_is_not_asked_about(ana, plan, silent, monkeypatch):
    pay(open_checkout(ana, plan))
    find, others = SandboxGateway.find, []

    def look_while_another_sweep_begins(self, key):
        others.append(settlement.reconcile(at=A_MINUTE_LATER + 59 * SECOND))
        return find(self, key)

    monkeypatch.setattr(SandboxGateway, "find", look_while_another_sweep_begins)
    assert len(settlement.reconcile(at=A_MINUTE_LATER)) == 1
    assert others == [[]]


def test_a_cardholder_who_takes_time_is_asked_about_every_five_minutes(ana, plan, monkeypatch):
    pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
    asked, find = [], SandboxGateway.find
    monkeypatch.setattr(SandboxGateway, "find", lambda self, key: asked.append(key) or find(self, key))
    for minutes in (2, 4, 6, 7, 8, 12):
        settlement.reconcile(at=NOON + timedelta(minutes=minutes))
        if minutes in (6, 7):
            assert len(asked) == 1
    assert len(asked) == 2


def test_refunds_have_a_sweep_of_their_own(ana, plan, silent, monkeypatch):
    pay(open_checkout(ana, plan))
    assert refunds.retry_unsettled(at=A_MINUTE_LATER) == 0
    assert Payment.objects.get().asked_at is None
    assert {"commerce.reconcile_payments", "commerce.retry_refunds"} <= set(app.conf.beat_schedule)


def test_a_provider_that_is_not_in_use_any_more_keeps_its_payments(ana, plan, monkeypatch):
    checkout = open_checkout(ana, plan)
    pay(checkout, "pm_card_authenticationRequired")
    monkeypatch.setattr(SandboxGateway, "name", "another")
    assert settlement.reconcile(at=A_MINUTE_LATER) == []
    with pytest.raises(settlement.PaymentInProgress):
        settlement.release_card(checkout=checkout, at=A_MINUTE_LATER)
    payment = Payment.objects.get()
    assert charging.learn(payment=payment, ask=lambda key: pytest.fail("asked"), at=NOON).state == "requires_action"
    assert state_of(payment) == "requires_action"
    assert payment.asked_at is None


@between_transactions
def test_four_sweeps_at_once_settle_each_payment_once(plan, silent):
    for buyer in MembershipFactory.create_batch(5):
        pay(open_checkout(buyer, plan))
    race(lambda _: settlement.reconcile(at=A_MINUTE_LATER), range(4))
    assert Subscription.objects.count() == 5
    assert ledger.captured() == [PRICE] * 5
    assert findings() == []
