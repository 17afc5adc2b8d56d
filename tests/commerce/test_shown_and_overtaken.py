"""Changes that somebody looked at, or began, while another one was faster: nothing is done that was not shown."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Dispute, Payment
from commerce.models.order import OrderQuerySet
from commerce.operations.changes import cancellations, reactivations
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import EndCause
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tests import ledger
from tests.commerce.changes import DAY, SECOND, STEP_CARD, change, findings, fresh, preview, reactivate, seats_of
from tests.commerce.provider import contested
from tests.factories import NOON, MembershipFactory, TaxRateFactory, acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def subscription(ana, plan):
    """Two seats, bought at noon."""
    return buy(ana, plan)


def cancel(subscription, at=NOON, **options):
    by = acting(subscription.owner)
    return cancellations.cancel_subscription(subscription=fresh(subscription), reason="", by=by, at=at, **options)


class TestShown:
    def test_another_total_than_would_go_back_gives_nothing_back(self):
        TaxRateFactory(country="DE")
        subscription = buy(MembershipFactory(tenant__country="DE"), plan_on_sale(country="DE"), 5)
        told = preview(subscription, 2)
        with pytest.raises(ChangedSincePreview):
            change(subscription, 2, as_of=told.as_of, expecting=told.total + Decimal("0.01"))
        assert (seats_of(subscription), ledger.refunded()) == ((5, 1), [])
        change(subscription, 2, as_of=told.as_of, expecting=told.total)
        assert ledger.refunded() == [told.total]

    def test_a_contest_that_was_decided_meanwhile_is_looked_at_again(self, subscription):
        payment = Payment.objects.get()
        Dispute.objects.create(
            tenant=payment.tenant, payment=payment, gateway_ref="dp_1", amount=payment.amount, opened_at=NOON
        )
        by, at = acting(subscription.owner), NOON + DAY
        told = cancellations.preview_cancellation(subscription=fresh(subscription), by=by, at=at)
        assert told.total == 0
        Dispute.objects.update(state="won", closed_at=at + SECOND)
        with pytest.raises(ChangedSincePreview):
            cancel(subscription, at + 2 * SECOND, as_of=told.as_of)
        assert ledger.refunded() == []

    def test_the_term_after_the_last_is_no_other_term(self, subscription):
        at = subscription.term_end + DAY
        lifecycle.advance_due(at=at)
        by = acting(subscription.owner)
        told = reactivations.preview_reactivation(subscription=fresh(subscription), by=by, at=at)
        contested(Payment.objects.get(), at=at + SECOND)
        Dispute.objects.update(opened_at=at + SECOND)
        with pytest.raises(ChangedSincePreview):
            reactivate(subscription, at + timedelta(minutes=1), as_of=told.as_of, expecting=told.total)
        assert ledger.captured() == [told.total]


class TestInThisVeryMoment:
    """Between the look at the orders, which are locked first, and the lock of the subscription."""

    @pytest.fixture
    def meanwhile(self):
        """What is done by others after the orders were looked at."""
        with pytest.MonkeyPatch.context() as patch:

            def begin(act):
                locked = OrderQuerySet.locked

                def slow(rows):
                    found = list(locked(rows))
                    patch.undo()
                    act()
                    return found

                patch.setattr(OrderQuerySet, "locked", slow)

            yield begin

    def test_an_order_that_is_placed_is_waited_for(self, subscription, meanwhile):
        meanwhile(lambda: change(subscription, 5, card=STEP_CARD))
        with pytest.raises(PaymentInProgress):
            cancel(subscription)
        assert ledger.refunded() == []
        assert findings() == []

    def test_another_term_that_begins_is_waited_for(self, subscription, meanwhile):
        def goes_on():
            lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
            lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + DAY)

        meanwhile(goes_on)
        with pytest.raises(PaymentInProgress):
            cancel(subscription, NOON + DAY)
        assert fresh(subscription).auto_renew
        assert ledger.refunded() == []
