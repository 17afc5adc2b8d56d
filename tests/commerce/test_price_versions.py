from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail

from commerce.models import Price, PriceNotice, Purchase
from commerce.operations.pricing import catalogue, price_notices, prices
from tenants.access import SYSTEM
from tests.factories import NOON, MembershipFactory, PriceFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
LATER = NOON + timedelta(hours=1)


def announce(plan, amount, valid_from, announced_at=LATER, **other):
    return PriceFactory(plan=plan, amount=Decimal(amount), valid_from=valid_from, announced_at=announced_at, **other)


@pytest.fixture
def yearly(ana):
    """Bought at 99.90 a year; it renews on 10 March 2027."""
    plan = plan_on_sale("99.90", product__name="Power Apps", term="P1Y")
    return buy(ana, plan, 2, NOON)


class TestARenewal:
    def test_takes_a_price_that_was_announced_in_time(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1))
        assert prices.renewal_price(yearly) == (Decimal("120"), "USD")

    @pytest.mark.parametrize(("days", "amount"), [(30, "120"), (29, "99.90")])
    def test_takes_it_from_thirty_days_before_and_not_later(self, yearly, days, amount):
        announce(yearly.plan, "120", date(2026, 6, 1), announced_at=yearly.term_end - days * DAY)
        assert prices.renewal_price(yearly) == (Decimal(amount), "USD")

    def test_keeps_the_old_price_until_the_versions_own_day(self, yearly):
        announce(yearly.plan, "120", date(2027, 3, 11))
        assert prices.renewal_price(yearly) == (Decimal("99.90"), "USD")

    def test_counts_days_where_the_organisation_is(self, ana):
        # 23:30 on the 10th in New York is the 11th in UTC.
        ana.tenant.time_zone = "America/New_York"
        ana.tenant.save()
        bought = buy(ana, plan_on_sale(), 1, datetime(2026, 3, 11, 3, 30, tzinfo=UTC))
        announce(bought.plan, "20", date(2026, 4, 11), announced_at=NOON - 90 * DAY)
        assert prices.renewal_price(bought)[0] != 20

    def test_is_never_of_another_currency_channel_or_plan(self, yearly):
        announce(yearly.plan, "120", date(2026, 6, 1), currency="EUR")
        announce(yearly.plan, "120", date(2026, 6, 1), channel="central")
        announce(plan_on_sale(product__name="Another"), "120", date(2026, 6, 1))
        assert prices.renewal_price(yearly) == (Decimal("99.90"), "USD")

    def test_is_seen_in_lists_by_one_query(self, yearly, ana, django_assert_num_queries):
        announce(yearly.plan, "120", date(2026, 6, 1))
        buy(ana, yearly.plan, 1, NOON + 40 * DAY)
        with django_assert_num_queries(1):
            shown = list(Purchase.objects.with_renewal_price().order_by("created_at"))
        assert [(s.unit_price, s.renewal_price) for s in shown] == [(Decimal("99.90"), 120), (Decimal("99.90"), 120)]


class TestTheNotice:
    def test_tells_the_owner_once_from_when_it_applies(self, yearly, ana, django_capture_on_commit_callbacks):
        announce(yearly.plan, "120", date(2026, 6, 1))
        with django_capture_on_commit_callbacks(execute=True):
            assert price_notices.announce_due(at=LATER) == 1
            assert price_notices.announce_due(at=LATER + DAY) == 0
        notice = PriceNotice.objects.get()
        assert (notice.amount, notice.applies_from) == (Decimal("120"), yearly.term_end)
        price_notices.deliver(notice_id=notice.pk, site="https://seats.example", sender="Seatwise <no@seats.example>")
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        assert "10 March 2027" in letter.body
        assert "$120.00" in letter.body
        assert f"https://seats.example/my/subscriptions/{yearly.pk}/" in letter.body

    def test_names_a_later_renewal_when_the_next_is_too_near(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        price = announce(plan, "12", date(2026, 3, 1), announced_at=NOON + 2 * DAY)
        # Thirty days after the announcement is a day after the first renewal.
        assert price_notices.applies_from(monthly, price) == datetime(2026, 5, 10, 12, tzinfo=UTC)

    def test_agrees_with_the_price_of_that_renewal(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        price = announce(plan, "12", date(2026, 3, 20), announced_at=NOON + 5 * DAY)
        first = price_notices.applies_from(monthly, price)
        Purchase.objects.filter(pk=monthly.pk).update(term_end=first)
        assert prices.renewal_price(monthly)[0] == 12
        Purchase.objects.filter(pk=monthly.pk).update(term_end=datetime(2026, 4, 10, 12, tzinfo=UTC))
        assert prices.renewal_price(monthly)[0] == Decimal("9.99")

    def test_goes_again_when_the_version_changes_before_its_day(self, yearly, load_price):
        load_price(yearly.plan, "120")
        price_notices.announce_due(at=LATER)
        load_price(yearly.plan, "125")
        assert price_notices.announce_due(at=LATER) == 1
        assert sorted(PriceNotice.objects.values_list("amount", flat=True)) == [120, 125]

    def test_goes_to_nobody_who_pays_that_price_or_lets_it_end(self, yearly, ana):
        announce(yearly.plan, "99.90", date(2026, 6, 1))
        other = buy(MembershipFactory(tenant=ana.tenant), yearly.plan, 1, NOON - DAY)
        Purchase.objects.filter(pk=other.pk).update(auto_renew=False)
        announce(yearly.plan, "120", date(2026, 7, 1))
        Purchase.objects.filter(pk=yearly.pk).update(state="expired")
        assert price_notices.announce_due(at=LATER) == 0

    def test_leaves_the_rest_to_the_next_sweep(self, ana, plan):
        for _ in range(3):
            buy(ana, plan, 1, NOON - DAY)
        announce(plan, "12", date(2026, 6, 1))
        assert [price_notices.announce_due(at=LATER, limit=2) for _ in range(3)] == [2, 1, 0]
        assert Price.objects.to_announce().count() == 0


def test_a_version_says_how_many_pay_it(yearly, ana):
    new = announce(yearly.plan, "120", date(2026, 6, 1))
    old = Price.objects.get(plan=yearly.plan, amount=Decimal("99.90"))
    counted = {price.pk: price.payers for price in price_notices.with_payers(Price.objects.all())}
    assert (counted[old.pk], counted[new.pk]) == (1, None)


@pytest.fixture
def load_price():
    """Publish a version from 1 June on, as an operator's file would."""

    def load(plan, amount):
        text = f"""
families:
  - {{slug: {plan.product.family_id}, name: F}}
products:
  - id: {plan.product_id}
    slug: {plan.product.slug}
    name: {plan.product.name}
    family: {plan.product.family_id}
    self_service: true
    plans:
      - id: {plan.pk}
        term: {plan.term}
        prices:
          - {{channel: self_service, currency: USD, amount: "{amount}", valid_from: 2026-06-01}}
"""
        catalogue.load(text=text, name="catalogue.yaml", by=SYSTEM, at=LATER)

    return load
