"""Money that goes back: once, by the provider that took it, and with its tax."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.gateways.protocol import GatewayUnavailable, RefundAnswer, RefundOutcome
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Invoice, Order, Payment, Refund
from commerce.operations.changes import cancellations
from commerce.operations.paying import charging, disputes, incoming, refunds, settlement
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tests import ledger
from tests.commerce.changes import DAY, STEP_CARD, change, confirm, findings, reactivate, seats_of
from tests.commerce.conftest import state_of
from tests.commerce.differences import compare
from tests.commerce.provider import BANK, bought, owed, tell
from tests.factories import NOON, MembershipFactory, TaxRateFactory, acting, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PRICE = Decimal("19.98")
MINUTES = timedelta(minutes=2)


def cancel(subscription, at=NOON):
    by = acting(subscription.purchaser)
    return cancellations.cancel_subscription(subscription=subscription, reason="", by=by, at=at)


def unanswered(monkeypatch, subscription):
    """A refund that the provider made; nobody here knows."""
    done = SandboxGateway.refund

    def say_nothing(self, **asked):
        done(self, **asked)
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "refund", say_nothing)
        cancel(subscription)
    return Refund.objects.get()


class TestOfAProviderThatIsNotInUseAnyMore:
    def test_no_other_one_is_asked_for_it(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "name", "another")
            patch.setattr(SandboxGateway, "refund", lambda self, **asked: pytest.fail("asked"))
            cancel(subscription)
            settlement.reconcile(at=NOON + MINUTES)
        refund = Refund.objects.get()
        assert (refund.state, refund.asked_at) == ("started", None)
        settlement.reconcile(at=NOON + MINUTES)
        assert state_of(Refund.objects.get()) == "succeeded"
        assert ledger.refunded() == [PRICE]

    def test_another_ones_news_settle_nothing(self, ana, plan, monkeypatch):
        refund = unanswered(monkeypatch, buy(ana, plan))
        Payment.objects.update(gateway="stripe")
        told = tell(owed("refund.succeeded")[0])
        assert (told.state, told.note) == ("ignored", incoming.NOT_OURS)
        assert state_of(refund) == "started"


def test_one_that_failed_stays_so_whatever_is_said_of_it_later(ana, plan):
    payment = bought(ana, plan, card="pm_card_refundFail")
    cancel(payment.order.subscription)
    refund = Refund.objects.get()
    assert refund.state == "failed"
    answer = RefundAnswer(
        key=refund.pk,
        charge_key=payment.pk,
        reference=refund.gateway_ref,
        outcome=RefundOutcome.SUCCEEDED,
        amount=refund.amount,
        currency="USD",
    )
    refunds.settle_refund(refund=refund, answer=answer, at=NOON + DAY)
    payment.refresh_from_db()
    assert (state_of(refund), payment.refunded) == ("failed", 0)
    assert not Invoice.objects.filter(kind="credit_note").exists()


@pytest.mark.parametrize("left", [1, 0])
def test_one_that_waits_for_the_bank_is_no_difference_however_much_it_is_of(ana, plan, monkeypatch, left):
    subscription = buy(ana, plan)

    def away(self, **asked):
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "refund", away)
        change(subscription, left) if left else cancel(subscription)
    disputes.settle_dispute(report=BANK.contest(Payment.objects.get().pk), at=NOON)
    settlement.reconcile(at=NOON + MINUTES)
    assert state_of(Refund.objects.get()) == "started"
    assert compare(NOON + MINUTES).standing == 0


@pytest.mark.parametrize("inclusive", [False, True])
def test_what_goes_off_an_open_invoice_goes_off_with_its_tax(tenant, plan, inclusive):
    TaxRateFactory(country="US", inclusive=inclusive)
    buyer = MembershipFactory(tenant=tenant, roles=["billing_admin"])
    subscription = buy_centrally(buyer, plan, 4)
    change(subscription, 1, by=acting(buyer))
    order, refund = Order.objects.get(), Refund.objects.get()
    assert refund.tax > 0
    assert order.due == order.total - refund.amount == (Decimal("8.99") if inclusive else Decimal("10.70"))
    cancel(subscription)
    assert Order.objects.get().due == 0
    assert findings() == []


class TestOfWhatCouldNotBeHadAnyMore:
    @pytest.fixture
    def subscription(self, ana, plan):
        return buy(ana, plan)

    def test_holds_up_no_other_order(self, subscription):
        end = subscription.term_end
        order = change(subscription, 5, card=STEP_CARD, at=end - DAY).order
        lifecycle.advance_due(at=end)
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=end)
        assert state_of(order) == "canceled"
        assert reactivate(subscription, end).order.state == "paid"
        assert findings() == []

    def test_seats_of_a_term_that_another_one_followed(self, subscription):
        end = subscription.term_end
        order = change(subscription, 5, card=STEP_CARD, at=end - DAY).order
        lifecycle.advance_due(at=end)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=end)
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=end + DAY)
        assert ledger.refunded() == [Payment.objects.get(order=order).amount]
        assert seats_of(subscription) == (2, 1)

    def test_another_term_of_what_was_deleted_meanwhile(self, subscription):
        end = subscription.term_end
        lifecycle.advance_due(at=end)
        order = reactivate(subscription, end, card=STEP_CARD).order
        lifecycle.advance_due(at=end + 200 * DAY)
        assert state_of(subscription) == "deleted"
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=end + 200 * DAY)
        assert ledger.refunded() == [PRICE]
        assert (state_of(subscription), state_of(order)) == ("deleted", "canceled")
        assert findings() == []
