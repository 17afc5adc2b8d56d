from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Invoice, Order, PaymentSource
from commerce.operations.changes import cancellations, reactivations, scheduled
from commerce.operations.paying import cards, charging
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle, subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from policies.eligibility import PurchaseRefused
from policies.models import Decision
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.announcing import announce, tell
from tests.commerce.changes import DAY, SECOND, STEP_CARD, change, confirm, findings, fresh, reactivate, seats_of
from tests.factories import (
    NOON,
    MembershipFactory,
    PolicyFactory,
    TaxRateFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    plan_on_sale,
)
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

FIRST = Decimal("19.98")


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan)


@pytest.fixture
def in_grace(subscription):
    lifecycle.advance_due(at=subscription.term_end)
    subscription.refresh_from_db()
    assert subscription.state == "expired"
    return subscription


@pytest.fixture
def disabled(subscription):
    lifecycle.advance_due(at=subscription.term_end + 40 * DAY)
    subscription.refresh_from_db()
    assert subscription.state == "disabled"
    return subscription


def preview(subscription, at, by=None, **options):
    by = by or acting(subscription.owner)
    return reactivations.preview_reactivation(subscription=fresh(subscription), by=by, at=at, **options)


class TestWhileTheTermRuns:
    def test_turns_renewal_on_and_charges_nothing(self, ana, subscription):
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=acting(ana), at=NOON)
        for _ in range(2):
            assert (preview(subscription, NOON).direction, preview(subscription, NOON).lines) == ("none", ())
            assert reactivate(subscription, NOON).order is None
        subscription.refresh_from_db()
        assert subscription.auto_renew
        assert ledger.captured() == [FIRST]
        assert Event.objects.filter(type="subscription.renewal_changed").count() == 2

    def test_needs_no_rule_and_no_card(self, ana, plan, subscription):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
        PaymentSource.objects.all().delete()
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=acting(ana), at=NOON)
        reactivate(subscription, NOON)
        subscription.refresh_from_db()
        assert subscription.auto_renew


class TestInGrace:
    def test_charges_the_term_after_the_last_one(self, in_grace):
        end, at = in_grace.term_end, in_grace.term_end + 5 * DAY
        done = reactivate(in_grace, at)
        [line] = done.quote.lines
        assert (line.quantity, line.total, line.why.value, line.starts_at) == (2, FIRST, "next_term", end)
        in_grace.refresh_from_db()
        assert (in_grace.state, in_grace.auto_renew, in_grace.term_start) == ("active", True, end)
        assert in_grace.term_end == end + 30 * DAY  # 10 May
        assert ledger.captured() == [FIRST, FIRST]
        assert (done.order.kind, done.order.state) == ("reactivation", "paid")
        periods = BillingPeriod.objects.order_by("starts_at").values_list("starts_at", "ends_at")
        assert list(periods) == [(NOON, end), (end, in_grace.term_end)]
        assert Invoice.objects.get(order=done.order).total == FIRST
        assert findings() == []

    def test_keeps_the_people_on_their_seats(self, ana, in_grace):
        reactivate(in_grace, in_grace.term_end + DAY)
        assert [seat.member for seat in Seat.objects.with_access()] == [ana]

    def test_may_be_canceled_again_for_what_is_left_of_the_new_term(self, ana, in_grace):
        at = in_grace.term_end + 15 * DAY
        reactivate(in_grace, at)
        done = cancellations.cancel_subscription(subscription=in_grace, reason="", by=acting(ana), at=at)
        assert done.total == Decimal("9.99")  # 15 of 30 days
        assert findings() == []

    def test_charges_as_many_seats_as_it_has_by_then(self, ana, plan):
        subscription = buy(ana, plan, 5)
        change(subscription, 3, at=NOON + 10 * DAY)
        scheduled.advance_due(at=subscription.term_end)
        assert reactivate(subscription, subscription.term_end + DAY).quote.total == Decimal("29.97")
        assert seats_of(subscription) == (3, 1)


class TestDisabled:
    def test_starts_a_new_term_from_the_payment_on(self, disabled):
        at = disabled.term_end + 45 * DAY
        done = reactivate(disabled, at)
        assert (done.quote.lines[0].why.value, done.quote.total) == ("new_term", FIRST)
        disabled.refresh_from_db()
        assert (disabled.state, disabled.term_start, disabled.anchor_at) == ("active", at, at)
        assert disabled.end_cause == ""
        assert Seat.objects.with_access().count() == 1

    def test_after_a_cancellation_too(self, ana, subscription):
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON + DAY)
        reactivate(subscription, NOON + 2 * DAY)
        subscription.refresh_from_db()
        assert (subscription.state, subscription.term_start) == ("active", NOON + 2 * DAY)
        assert seats_of(subscription) == (2, 1)


class TestWhatItCosts:
    def test_is_the_price_of_a_renewal(self, subscription):
        announce(subscription.plan, "12.00", (NOON + DAY).date(), NOON)
        tell(NOON)
        lifecycle.advance_due(at=subscription.term_end)
        assert preview(subscription, subscription.term_end).total == Decimal("24.00")

    def test_is_the_old_price_where_the_new_one_was_told_too_late(self, subscription):
        announce(subscription.plan, "12.00", (NOON + DAY).date(), NOON)
        tell(NOON + 2 * DAY)
        lifecycle.advance_due(at=subscription.term_end)
        assert preview(subscription, subscription.term_end).total == FIRST

    def test_of_a_term_that_begins_early_is_not_yet_what_was_announced_for_later(self, ana):
        subscription = buy(ana, plan_on_sale("120.00", term="P1Y"), 1)
        announce(subscription.plan, "240.00", (NOON + 80 * DAY).date(), NOON)
        tell(NOON)
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON + DAY)
        assert preview(subscription, NOON + 79 * DAY).total == Decimal("120.00")
        assert preview(subscription, NOON + 80 * DAY).total == Decimal("240.00")

    def test_is_taxed_as_today(self):
        subscription = buy(MembershipFactory(tenant__country="DE"), plan_on_sale(country="DE"))
        lifecycle.advance_due(at=subscription.term_end)
        TaxRateFactory()
        done = reactivate(subscription, subscription.term_end)
        assert (done.order.subtotal, done.order.tax, done.order.total) == (FIRST, Decimal("3.80"), Decimal("23.78"))
        assert findings() == []

    def test_is_what_the_preview_showed(self, in_grace):
        at = in_grace.term_end + DAY
        shown = preview(in_grace, at)
        done = reactivate(in_grace, at + timedelta(minutes=14), as_of=shown.as_of)
        assert done.quote.lines == shown.lines
        assert ledger.captured() == [FIRST, shown.total]


class TestRefused:
    def test_once_it_is_deleted(self, subscription):
        at = subscription.term_end + 200 * DAY
        lifecycle.advance_due(at=at)
        for act in (reactivate, preview):
            with pytest.raises(SubscriptionInactive):
                act(subscription, at)
        assert ledger.captured() == [FIRST]

    def test_to_everybody_but_its_owner(self, ana, in_grace):
        others = [acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant), admin_of(TenantFactory())]
        for by in others:
            for act in (reactivate, preview):
                with pytest.raises(NotAllowed):
                    act(in_grace, in_grace.term_end, by=by)
        assert ledger.captured() == [FIRST]

    def test_when_a_rule_forbids_it_by_now_and_that_is_written_down(self, ana, plan, in_grace):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
        for act in (preview, reactivate):
            with pytest.raises(PurchaseRefused):
                act(in_grace, in_grace.term_end)
        assert Decision.objects.filter(outcome="refused", quantity=2).count() == 1
        assert state_of(in_grace) == "expired"

    def test_without_any_card(self, in_grace):
        PaymentSource.objects.all().delete()
        with pytest.raises(cards.PaymentMethodNotAccepted):
            reactivate(in_grace, in_grace.term_end)
        assert reactivate(in_grace, in_grace.term_end, card="pm_card_visa").order.state == "paid"

    @pytest.mark.parametrize("ago", [timedelta(minutes=15) + SECOND, -SECOND])
    def test_with_a_preview_that_holds_no_longer(self, in_grace, ago):
        at = in_grace.term_end + DAY
        with pytest.raises(BadInput):
            reactivate(in_grace, at, as_of=at - ago)

    def test_while_another_order_waits_for_its_payment(self, in_grace):
        reactivate(in_grace, in_grace.term_end, card=STEP_CARD)
        for act in (reactivate, preview):
            with pytest.raises(PaymentInProgress):
                act(in_grace, in_grace.term_end)


class TestTheCard:
    def test_that_is_declined_leaves_it_in_grace(self, in_grace):
        with pytest.raises(charging.CardDeclined):
            reactivate(in_grace, in_grace.term_end, card="pm_card_chargeDeclined")
        assert state_of(in_grace) == "expired"
        assert Order.objects.get(kind="reactivation").state == "canceled"
        assert ledger.captured() == [FIRST]
        assert reactivate(in_grace, in_grace.term_end).order.state == "paid"
        assert findings() == []

    def test_that_asks_its_holder_is_waited_for(self, in_grace):
        order = reactivate(in_grace, in_grace.term_end, card=STEP_CARD).order
        assert (order.state, state_of(in_grace)) == ("pending", "expired")
        assert confirm(order, at=in_grace.term_end + DAY).state == "paid"
        assert state_of(in_grace) == "active"
        assert findings() == []

    def test_that_paid_after_grace_had_ended_starts_a_new_term(self, in_grace):
        order = reactivate(in_grace, in_grace.term_end, card=STEP_CARD).order
        at = in_grace.term_end + 31 * DAY
        lifecycle.advance_due(at=at)
        confirm(order, at=at)
        in_grace.refresh_from_db()
        assert (in_grace.state, in_grace.term_start) == ("active", at)


def state_of(row):
    row.refresh_from_db()
    return row.state


@between_transactions
class TestRaces:
    def test_twenty_reactivations_at_once_charge_one_term(self, ana, plan):
        subscription = buy(ana, plan)
        end = subscription.term_end
        lifecycle.advance_due(at=end)
        race(
            lambda _: reactivate(Subscription.objects.get(), end),
            range(20),
            refused=(PaymentInProgress, SubscriptionInactive),
        )
        assert ledger.captured() == [FIRST, FIRST]
        assert BillingPeriod.objects.count() == 2
        assert findings() == []
