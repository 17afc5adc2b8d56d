"""The term that follows is charged once, on the day on which the present one ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.models import BillingPeriod, Order, Payment
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.changes import DAY, SECOND, findings
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import NOON, MembershipFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

TWO = Decimal("19.98")
DUE = datetime(2026, 4, 10, tzinfo=UTC)


@pytest.fixture
def subscription():
    """Two seats of a month that ends on 10 April at noon."""
    return buy(MembershipFactory(), plan_on_sale())


class TestATermIsCharged:
    def test_from_midnight_of_its_last_day(self, subscription):
        assert sweep(DUE - SECOND) == {}
        assert sweep(DUE) == {"charged": 1}
        assert ledger.captured() == [TWO, TWO]
        subscription.refresh_from_db()
        assert (subscription.state, subscription.term_end.date().isoformat()) == ("active", "2026-04-10")
        assert subscription.renewed_until == datetime(2026, 5, 10, 12, tzinfo=UTC)
        assert findings() == []

    def test_and_begins_when_the_present_one_ends(self, subscription):
        sweep(DUE)
        advance(subscription.term_end - SECOND)
        subscription.refresh_from_db()
        assert subscription.renewed_until
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert (subscription.state, subscription.renewed_until) == ("active", None)
        assert subscription.term_end == datetime(2026, 5, 10, 12, tzinfo=UTC)
        assert Event.objects.filter(type="subscription.renewed").count() == 1
        assert findings() == []

    def test_once_however_often_it_is_swept(self, subscription):
        sweep(DUE)
        assert sweep(DUE) == {}
        advance(subscription.term_end)
        assert sweep(subscription.term_end + DAY) == {}
        assert ledger.captured() == [TWO, TWO]

    def test_with_its_period_its_order_and_its_invoice(self, subscription):
        sweep(DUE)
        order = Order.objects.get(kind="renewal")
        period = BillingPeriod.objects.get(line__order=order)
        assert (period.starts_at, period.ends_at) == (subscription.term_end, datetime(2026, 5, 10, 12, tzinfo=UTC))
        assert (order.state, order.total, order.invoices.count()) == ("paid", TWO, 1)
        renewal = renewal_of(subscription)
        assert (renewal.state, renewal.order, renewal.attempts) == ("paid", order, 1)
        assert Payment.objects.get(order=order).started_at == DUE

    def test_month_after_month(self, subscription):
        at = DUE
        for _month in range(13):
            sweep(at)
            subscription.refresh_from_db()
            advance(subscription.term_end)
            at += timedelta(days=31)
        subscription.refresh_from_db()
        assert subscription.term_end == datetime(2027, 5, 10, 12, tzinfo=UTC)
        assert findings() == []

    def test_late_and_still_without_a_gap(self, subscription):
        advance(NOON + timedelta(days=33))
        subscription.refresh_from_db()
        assert subscription.state == "expired"
        assert sweep(NOON + timedelta(days=33)) == {"charged": 1}
        subscription.refresh_from_db()
        assert (subscription.state, subscription.end_cause) == ("active", "")
        assert subscription.term_start == datetime(2026, 4, 10, 12, tzinfo=UTC)
        assert subscription.term_end == datetime(2026, 5, 10, 12, tzinfo=UTC)
        assert findings() == []
