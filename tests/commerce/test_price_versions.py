"""Which price a renewal takes: what its owner was told in time, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.models import Purchase
from commerce.operations.pricing import price_notices, prices
from tests.commerce.announcing import announce, send_letters, tell
from tests.commerce.changes import change
from tests.factories import NOON, agree, buy, buy_centrally, order_centrally, plan_on_sale, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LATER = NOON + timedelta(hours=1)
OLD = Decimal("99.90")


@pytest.fixture
def yearly(ana):
    """Bought at 99.90 a year; it renews on 10 March 2027."""
    plan = plan_on_sale("99.90", product__name="Power Apps", term="P1Y")
    return buy(ana, plan, 2, NOON)


def price_of(subscription, at=None):
    amount, currency = prices.renewal_price(subscription, at)
    assert currency == "USD"
    return amount


class TestARenewal:
    def test_takes_a_price_that_was_told_in_time(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        tell(LATER)
        assert price_of(yearly) == 120

    def test_keeps_the_old_price_where_it_was_published_and_nobody_was_told(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        assert price_of(yearly) == OLD

    def test_keeps_the_old_price_where_the_letter_still_waits(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        assert price_notices.announce_due(at=LATER) == 1
        assert price_of(yearly) == OLD
        send_letters(LATER)
        assert price_of(yearly) == 120

    @pytest.mark.parametrize(
        ("before", "amount"),
        [(30 * DAY, "120"), (30 * DAY - MINUTE, "99.90"), (29 * DAY, "99.90")],
        ids=["exactly thirty days", "29 days 23 hours 59 minutes", "29 days"],
    )
    def test_takes_it_from_thirty_days_after_the_letter_and_not_sooner(self, yearly, before, amount):
        # Published long before: what counts is when the owner was told.
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        tell(yearly.term_end - before)
        assert price_of(yearly) == Decimal(amount)

    def test_keeps_the_old_price_until_the_versions_own_day(self, yearly):
        announce(yearly.plan, "120", date(2027, 3, 11), LATER)
        tell(LATER)
        assert price_of(yearly) == OLD
        assert price_of(yearly, yearly.term_end + DAY) == 120

    def test_counts_days_where_the_organisation_is(self, ana):
        # 23:30 on the 10th in New York is the 11th in UTC.
        ana.tenant.time_zone = "America/New_York"
        ana.tenant.save()
        bought = buy(ana, plan_on_sale(), 1, datetime(2026, 3, 11, 3, 30, tzinfo=UTC))
        announce(bought.plan, "20", date(2026, 4, 11), NOON)
        tell(datetime(2026, 3, 11, 3, 30, tzinfo=UTC))
        assert price_of(bought) != 20
        assert price_of(bought, bought.term_end + timedelta(hours=1)) == 20

    def test_is_never_of_another_currency_channel_or_plan(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER, currency="EUR")
        announce(yearly.plan, "120", date(2026, 6, 1), LATER, channel="central")
        announce(plan_on_sale(product__name="Another"), "120", date(2026, 6, 1), LATER)
        assert tell(LATER) == 0
        assert price_of(yearly) == OLD

    def test_takes_the_newer_of_two_that_were_told_in_time(self, yearly):
        announce(yearly.plan, "130", date(2026, 9, 1), LATER)
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        assert [tell(LATER), tell(LATER), tell(LATER)] == [1, 1, 0]
        assert price_of(yearly) == 130

    def test_falls_back_to_the_one_that_was_told_in_time_where_the_newer_was_told_late(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        tell(LATER)
        late = yearly.term_end - 10 * DAY
        announce(yearly.plan, "130", date(2026, 9, 1), late)
        assert tell(late) == 1
        assert price_of(yearly) == 120

    def test_is_told_too_that_the_price_they_have_comes_back(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        tell(LATER)
        announce(yearly.plan, "99.90", date(2026, 9, 1), LATER + DAY)
        assert price_of(yearly) == 120
        assert tell(LATER + DAY) == 1
        assert price_of(yearly) == OLD

    def test_is_seen_in_lists_by_one_query(self, yearly, ana, django_assert_num_queries):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        buy(ana, yearly.plan, 1, NOON + 40 * DAY)
        tell(NOON + 41 * DAY)
        with django_assert_num_queries(1):
            shown = list(Purchase.objects.with_renewal_price().order_by("created_at"))
        assert [(s.unit_price, s.renewal_price) for s in shown] == [(OLD, 120), (OLD, 120)]


class TestWhoeverBuysAfterTheAnnouncement:
    def test_pays_what_is_shown_and_renews_at_the_old_price_unless_told(self, yearly, ana):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        assert tell(LATER) == 1
        bought = buy(ana, yearly.plan, 1, LATER + DAY)
        assert price_of(bought) == OLD
        assert tell(LATER + 2 * DAY) == 1
        assert price_of(bought) == 120

    def test_is_told_nothing_once_the_version_is_what_they_pay(self, yearly, ana):
        announce(yearly.plan, "120", date(2026, 6, 1), LATER)
        tell(LATER)
        bought = buy(ana, yearly.plan, 1, datetime(2026, 6, 2, 12, tzinfo=UTC))
        assert tell(datetime(2026, 6, 3, tzinfo=UTC)) == 0
        assert price_of(bought) == 120


def test_seats_that_are_added_after_the_announcement_cost_what_the_others_do(yearly):
    announce(yearly.plan, "120", date(2026, 6, 1), LATER)
    tell(LATER)
    quote = change(yearly, 3, at=yearly.term_start + 200 * DAY).quote
    assert [line.unit_price for line in quote.lines] == [OLD]
    yearly.refresh_from_db()
    assert price_of(yearly) == 120


class TestAnAgreement:
    def test_keeps_list_prices_away_while_its_own_holds(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "90")
        bought = buy_centrally(admin, plan, 2, NOON)
        announce(plan, "120", date(2026, 6, 1), LATER, channel="central")
        assert tell(LATER) == 0
        assert price_of(bought) == Decimal("8.99")

    def test_lets_them_in_from_the_renewal_after_its_end(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "90")
        agreement = agree(admin.tenant, prices=[(plan, "8.99")], valid_to=date(2027, 1, 1))
        bought = order_centrally(admin, plan, 2, NOON, agreement=agreement).subscription
        assert price_of(bought) == Decimal("8.99")
        announce(plan, "120", date(2026, 6, 1), LATER, channel="central")
        assert tell(LATER) == 1
        assert price_of(bought) == 120

    def test_without_a_price_of_the_plan_leaves_the_list_as_it_is(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "90")
        bought = order_centrally(admin, plan, 2, NOON, agreement=agree(admin.tenant)).subscription
        announce(plan, "120", date(2026, 6, 1), LATER, channel="central")
        assert price_of(bought) == 90
        assert tell(LATER) == 1
        assert price_of(bought) == 120
