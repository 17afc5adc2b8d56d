"""Renewals that no card pays, that a rule refuses, or that nobody wants any more."""

from datetime import UTC, datetime, timedelta

import pytest

from commerce.models import Order, PaymentMethod, PaymentSource, Renewal
from commerce.operations.changes import cancellations
from commerce.operations.paying import open_orders, settlement
from commerce.operations.renewing import claims, due, renewals
from licensing.models import Subscription
from licensing.operations import renewal_stops, subscriptions
from policies.models import Market
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.changes import STEP_CARD, change, findings
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import (
    NOON,
    ExclusionFactory,
    MembershipFactory,
    acting,
    add_card,
    buy,
    confirm,
    open_checkout,
    pay,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)
MINUTES = timedelta(minutes=1)


@pytest.fixture
def subscription():
    return buy(MembershipFactory(), plan_on_sale())


@pytest.fixture
def declining():
    """As `subscription`, by a card that pays once."""
    return bought_with("pm_card_chargeCustomerFail")


def bought_with(card):
    checkout = open_checkout(MembershipFactory(), plan_on_sale())
    pay(checkout, card)
    if card == STEP_CARD:
        confirm(checkout)
    return Subscription.objects.get(purchaser=checkout.buyer)


def pays_well(subscription):
    """Another card of its payer from now on."""
    kept = add_card(subscription.payer, "pm_card_visa").payment_method
    PaymentSource.objects.filter(subscription=subscription).update(payment_method=kept)


def stands(subscription):
    found = renewal_of(subscription)
    return found.state, found.decline_code, found.attempts


class TestACardThatDoesNotPay:
    def test_is_tried_again_by_the_steps(self, declining):
        subscription = declining
        assert sweep(DUE) == {"declined": 1}
        assert stands(subscription) == ("retrying", "generic_decline", 1)
        assert renewal_of(subscription).next_try_at == datetime(2026, 4, 11, 9, tzinfo=UTC)
        assert sweep(DUE + timedelta(hours=10)) == {}
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.state == "expired"
        pays_well(subscription)
        assert sweep(datetime(2026, 4, 11, 9, tzinfo=UTC)) == {"charged": 1}
        subscription.refresh_from_db()
        assert (subscription.state, subscription.term_start) == ("active", datetime(2026, 4, 10, 12, tzinfo=UTC))
        assert findings() == []

    def test_or_is_not_there_is_a_try_that_failed(self, subscription):
        PaymentSource.objects.filter(subscription=subscription).delete()
        assert sweep(DUE) == {"declined": 1}
        assert stands(subscription)[1] == "no_payment_method"
        assert not Order.objects.filter(kind="renewal").exists()

    def test_or_was_removed(self, subscription):
        PaymentMethod.objects.update(removed_at=NOON)
        assert sweep(DUE) == {"declined": 1}
        assert stands(subscription)[1] == "no_payment_method"

    def test_or_that_the_provider_has_forgotten(self, subscription):
        PaymentMethod.objects.update(reference="card_gone")
        sweep(DUE)
        assert stands(subscription)[:2] == ("blocked", "unknown_card")
        assert ledger.captured() == [subscription.orders.get(kind="purchase").total]


class TestACardholdersStep:
    @pytest.fixture
    def asked(self):
        subscription = bought_with(STEP_CARD)
        assert sweep(DUE) == {"declined": 1}
        return subscription

    def test_leaves_its_order_open_and_the_dunning_going(self, asked):
        assert stands(asked) == ("retrying", "confirmation_required", 1)
        order = open_orders.pending(asked)
        assert (order.kind, order.buyer) == ("renewal", asked.payer)
        assert order.payments.get().action_url

    def test_is_paid_when_they_come(self, asked):
        order = open_orders.pending(asked)
        open_orders.confirm_order(order=order, by=acting(asked.payer), at=DUE + MINUTES)
        assert stands(asked)[0] == "paid"
        asked.refresh_from_db()
        assert asked.renewed_until
        assert findings() == []

    def test_is_called_off_when_it_is_tried_again(self, asked):
        first = open_orders.pending(asked)
        pays_well(asked)
        assert sweep(datetime(2026, 4, 11, 9, tzinfo=UTC)) == {"charged": 1}
        first.refresh_from_db()
        assert first.state == "canceled"
        assert len(ledger.captured()) == 2


class TestARule:
    def refused(self, subscription, code):
        assert sweep(DUE) == {"refused": 1}
        renewal = renewal_of(subscription)
        assert (renewal.state, renewal.refused_by) == ("refused", [code])
        assert Event.objects.get(type="renewal.refused").data["codes"] == [code]
        assert len(ledger.captured()) == 1
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.state == "expired"
        assert sweep(subscription.term_end) == {}
        assert findings() == []

    def test_that_the_market_is_open(self, subscription):
        Market.objects.update(closes_on=DUE.date())
        self.refused(subscription, "market_closed")

    def test_that_the_organisation_is_managed(self, subscription):
        subscription.tenant.managed = False
        subscription.tenant.save()
        self.refused(subscription, "tenant_not_managed")

    def test_that_the_sector_is_allowed(self, subscription):
        subscription.tenant.sector = "education"
        subscription.tenant.save()
        ExclusionFactory(sector="education", ends_renewals=True)
        assert sweep(DUE) == {"refused": 1}
        assert "sector_excluded" in renewal_of(subscription).refused_by

    def test_that_no_exclusion_ends_it_and_others_let_it_be(self, subscription):
        product = subscription.plan.product
        other = buy(MembershipFactory(), plan_on_sale())
        ExclusionFactory(product=product, ends_renewals=True)
        ExclusionFactory(product=other.plan.product)
        assert sweep(DUE) == {"refused": 1, "charged": 1}
        assert renewal_of(subscription).refused_by == ["operator_exclusion"]


class TestOneThatNobodyWants:
    def test_is_not_even_due(self, subscription):
        subscriptions.set_auto_renew(
            subscription=subscription, auto_renew=False, by=acting(subscription.owner), at=NOON
        )
        assert sweep(DUE) == {}
        assert not Renewal.objects.exists()

    @pytest.mark.parametrize("how", ["off", "canceled", "stopped"])
    def test_any_more_is_withdrawn_before_its_next_try(self, declining, how):
        subscription = declining
        sweep(DUE)
        owner = acting(subscription.owner)
        if how == "off":
            subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=owner, at=DUE)
        elif how == "canceled":
            cancellations.cancel_subscription(subscription=subscription, reason="", by=owner, at=DUE)
        else:
            renewal_stops.stop(subscription, reason="", by=SYSTEM, at=DUE)
        pays_well(subscription)
        assert sweep(datetime(2026, 4, 11, 9, tzinfo=UTC)) == {}
        assert stands(subscription)[0] == "lapsed"
        assert len(ledger.captured()) == 1
        assert findings() == []

    def test_is_wanted_again_when_it_is_turned_on_in_time(self, declining):
        sweep(DUE)
        for wanted, result in ((False, {}), (True, {"declined": 1})):
            subscriptions.set_auto_renew(subscription=declining, auto_renew=wanted, by=acting(declining.owner), at=DUE)
            assert sweep(DUE + MINUTES) == result
        assert stands(declining) == ("retrying", "generic_decline", 2)


class TestAnotherOrder:
    def test_comes_first(self, subscription):
        waiting = change(subscription, 5, at=DUE - MINUTES, card=STEP_CARD).order
        assert sweep(DUE) == {"waiting": 1}
        open_orders.cancel_order(order=waiting, by=acting(subscription.owner), at=DUE + MINUTES)
        assert sweep(DUE + MINUTES) == {}
        assert sweep(DUE + 5 * MINUTES) == {"charged": 1}
        assert findings() == []


class TestATryOfWhichNothingWasHeard:
    def test_is_sent_again_by_its_own_key(self, subscription):
        """The process dies between its first transaction and the charge, or between the charge and the second."""
        [claim] = _claimed(DUE)
        payment = renewals._start(claim, at=DUE)
        assert payment.state == "started"
        assert sweep(DUE + MINUTES) == {}  # another process may be at it
        assert sweep(DUE + claims.LEASE) == {"charged": 1}
        assert len(ledger.captured()) == 2
        payment.refresh_from_db()
        assert payment.state == "succeeded"
        assert findings() == []

    def test_or_is_called_off_by_reconciliation_and_begun_anew(self, subscription):
        [claim] = _claimed(DUE)
        renewals._start(claim, at=DUE)
        settlement.reconcile(at=DUE + timedelta(seconds=61))
        assert stands(subscription)[0] == "due"
        assert sweep(DUE + 3 * MINUTES) == {"charged": 1}
        assert len(ledger.captured()) == 2
        assert findings() == []


class TestDeclinesElsewhere:
    def test_stop_no_renewal(self, subscription):
        for _try in range(11):
            checkout = open_checkout(subscription.payer, subscription.plan, 1, DUE)
            try:
                pay(checkout, "pm_card_chargeDeclined", at=DUE)
            except Exception as refused:  # noqa: BLE001 (declined, then too many)
                last = refused
        assert last.code == "too_many_declines"
        assert sweep(DUE) == {"charged": 1}


def _claimed(at):
    due.open_due(at=at)
    return claims.take(at=at)
