"""From midnight to the end of the term: the next one is paid, and has not begun."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Order
from commerce.operations.changes import cancellations
from commerce.operations.pricing import next_charge
from commerce.operations.renewing.ahead import NextTermPaid
from licensing.operations import seats, subscriptions
from licensing.operations.seats import NoSeatLeft
from tests import ledger
from tests.commerce.changes import change, findings, fresh, preview
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import (
    NOON,
    MembershipFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)
SIX = DUE + timedelta(hours=6)
ONE, TWO = Decimal("9.99"), Decimal("19.98")


@pytest.fixture
def subscription():
    return buy(MembershipFactory(), plan_on_sale())


@pytest.fixture
def renewed(subscription):
    assert sweep(DUE) == {"charged": 1}
    subscription.refresh_from_db()
    return subscription


def cancel(subscription, at=SIX):
    return cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(subscription.owner), at=at)


class TestMoreSeats:
    def test_are_charged_for_the_rest_of_this_term_and_for_the_next(self, renewed):
        told = change(renewed, 3, at=SIX).quote
        assert [line.why.value for line in told.lines] == ["rest_of_term", "next_term"]
        assert told.lines[1].total == ONE
        assert (told.before, told.after) == (2, 3)
        renewed.refresh_from_db()
        assert (renewed.quantity, renewed.renewed_quantity) == (3, 3)
        assert ledger.captured() == [TWO, TWO, told.total]
        assert findings() == []
        advance(renewed.term_end)
        renewed.refresh_from_db()
        assert renewed.quantity == 3
        assert findings() == []


class TestFewerSeats:
    @pytest.mark.parametrize("when", ["now", "renewal"])
    def test_are_refused_until_it_begins(self, renewed, when):
        for attempt in (preview, change):
            with pytest.raises(NextTermPaid):
                attempt(renewed, 1, at=SIX, when=when)
        advance(renewed.term_end)
        assert change(renewed, 1, at=renewed.term_end + timedelta(hours=1)).quote.total > 0


class TestCanceling:
    def test_gives_the_whole_next_term_back_and_lets_this_one_run(self, renewed):
        done = cancel(renewed)
        assert (done.total, done.ends_now, done.ends_at) == (TWO, False, renewed.term_end)
        assert ledger.refunded() == [TWO]
        renewed.refresh_from_db()
        assert (renewed.state, renewed.renewed_until, renewed.auto_renew) == ("active", None, False)
        assert renewed.quantity == 2
        assert BillingPeriod.objects.count() == 1
        assert renewal_of(renewed).state == "lapsed"
        assert findings() == []

    def test_lets_it_be_charged_anew_when_renewal_is_turned_on_again(self, renewed):
        cancel(renewed)
        owner = acting(renewed.owner)
        subscriptions.set_auto_renew(subscription=fresh(renewed), auto_renew=True, by=owner, at=SIX)
        assert sweep(SIX) == {"charged": 1}
        assert ledger.captured() == [TWO, TWO, TWO]
        assert findings() == []


class TestAChangeThatWaited:
    def test_for_fewer_seats_is_charged_so_and_holds_from_the_next_term_on(self, subscription):
        change(subscription, 1, at=NOON + timedelta(days=20), when="renewal")
        assert sweep(DUE) == {"charged": 1}
        assert ledger.captured() == [TWO, ONE]
        subscription.refresh_from_db()
        assert (subscription.quantity, subscription.renewed_quantity) == (2, 1)
        assert subscription.scheduled_changes.get().state == "applied"
        member = MembershipFactory(tenant=subscription.tenant)
        with pytest.raises(NoSeatLeft):
            seats.assign(subscription=subscription, members=[member], by=acting(subscription.owner), at=SIX)
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.quantity == 1
        assert findings() == []

    def test_for_more_is_charged_so_and_holds_from_then_on(self, subscription):
        change(subscription, 4, at=NOON + timedelta(days=20), when="renewal")
        assert sweep(DUE) == {"charged": 1}
        assert ledger.captured() == [TWO, 2 * TWO]
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.quantity == 4
        assert findings() == []

    def test_that_would_take_seats_from_people_is_dropped(self, subscription):
        change(subscription, 1, at=NOON + timedelta(days=20), when="renewal")
        member = MembershipFactory(tenant=subscription.tenant)
        seats.assign(subscription=subscription, members=[member], by=acting(subscription.owner), at=DUE)
        assert sweep(DUE) == {"charged": 1}
        assert ledger.captured() == [TWO, TWO]
        assert subscription.scheduled_changes.get().state == "dropped"
        assert findings() == []


class TestWhatTheTenantPaysItself:
    def test_is_billed_under_its_agreement(self):
        buyer = admin_of(MembershipFactory().tenant, "billing_admin").home
        subscription = buy_centrally(buyer, plan_on_sale())
        assert sweep(DUE) == {"invoiced": 1}
        order = Order.objects.get(kind="renewal")
        assert (order.state, order.total, order.due_at is not None) == ("invoiced", Decimal("17.98"), True)
        assert ledger.captured() == []
        assert renewal_of(subscription).state == "paid"
        assert findings() == []


def test_the_next_charge_is_the_one_after_the_term_that_is_paid(renewed):
    told = next_charge.of(renewed, tenant=renewed.tenant)
    assert (told.at, told.total) == (datetime(2026, 5, 10, 12, tzinfo=UTC), TWO)
