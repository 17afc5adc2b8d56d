"""What people read of prices to come: owner, admins, operator; and nothing where none was announced."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import BillingPeriod, Price, Purchase
from commerce.operations.changes import cancellations
from commerce.operations.pricing import coming_prices, price_notices, prices
from licensing.operations import lifecycle
from tenants.dates import day, listed_day
from tests.callers import signed_in
from tests.commerce.announcing import announce, tell
from tests.commerce.changes import preview
from tests.commerce.pages import url_of
from tests.factories import (
    NOON,
    MembershipFactory,
    OperatorFactory,
    acting,
    agree,
    buy,
    buy_centrally,
    order_centrally,
    plan_on_sale,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)
LATER = NOON + timedelta(hours=1)
JUNE = date(2026, 6, 1)


@pytest.fixture
def yearly(ana):
    """Bought at 99.90 a year; it renews on 10 March 2027."""
    return buy(ana, plan_on_sale("99.90", product__name="Power Apps", term="P1Y"), 2, NOON)


def told_of(subscription):
    subscription.refresh_from_db()
    return [(price.applies_from, price.amount, price.told_at) for price in coming_prices.coming(subscription)]


class TestComing:
    def test_is_nothing_before_anybody_was_told(self, yearly):
        assert told_of(yearly) == []
        announce(yearly.plan, "120", JUNE, LATER)
        assert told_of(yearly) == []
        price_notices.announce_due(at=LATER)
        assert told_of(yearly) == []

    def test_is_what_the_renewal_takes_from_its_day_on(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        assert told_of(yearly) == [(yearly.term_end, 120, LATER)]
        assert prices.renewal_price(yearly) == (120, "USD")

    def test_are_both_where_two_apply_one_after_the_other(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        announce(plan, "12", date(2026, 5, 1), LATER)
        announce(plan, "14", date(2026, 8, 1), LATER)
        tell(LATER)
        tell(LATER)
        assert [(when.month, amount) for when, amount, _told in told_of(monthly)] == [(5, 12), (8, 14)]
        for when, amount, _told in told_of(monthly):
            assert prices.renewal_price(monthly, when)[0] == amount
            assert prices.renewal_price(monthly, when - 31 * DAY)[0] != amount

    def test_is_the_newer_alone_where_both_apply_at_one_renewal(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        announce(yearly.plan, "130", date(2026, 9, 1), LATER)
        tell(LATER)
        tell(LATER)
        assert told_of(yearly) == [(yearly.term_end, 130, LATER)]

    def test_is_over_once_a_renewal_took_it(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        renew(yearly, "120")
        assert told_of(yearly) == []
        assert prices.renewal_price(yearly)[0] == 120

    def test_is_nothing_while_an_agreement_holds_its_price(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "90")
        bought = order_centrally(admin, plan, 1, NOON, agreement=agree(admin.tenant)).subscription
        announce(plan, "120", JUNE, LATER, channel="central")
        tell(LATER)
        assert len(told_of(bought)) == 1
        bought.payment_sources.update(agreement=agree(admin.tenant, name="Another", prices=[(plan, "80")]))
        assert told_of(bought) == []
        assert prices.renewal_price(bought)[0] == 80

    def test_is_nothing_once_it_has_ended(self, yearly, ana):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        cancellations.cancel_subscription(subscription=yearly, reason="", by=acting(ana), at=NOON + DAY)
        assert told_of(yearly) == []

    def test_keeps_to_the_term_that_waits_for_its_payment(self, ana, plan):
        monthly = buy(ana, plan, 1, NOON)
        announce(plan, "12", date(2026, 3, 1), NOON)
        tell(NOON)
        lifecycle.advance_due(at=monthly.term_end)
        assert told_of(monthly) == [(monthly.term_end, 12, NOON)]


class TestTheOwnersPage:
    def test_says_from_when_what_and_when_it_was_told(self, ana, plan):
        now = timezone.now()
        subscription = buy(ana, plan_on_sale("99.90", term="P1Y"), 2, now)
        announce(subscription.plan, "120", subscription.tenant.today(now), now)
        tell(now)
        page = signed_in(ana).get(url_of(subscription)).text
        assert f"From {day(subscription.term_end, subscription.zone)}: <strong>$120.00</strong> each seat." in page
        assert f"You were told on {day(now, subscription.zone)}." in page

    def test_says_nothing_where_none_was_told(self, ana, subscription):
        announce(subscription.plan, "120", JUNE, timezone.now())
        page = signed_in(ana).get(url_of(subscription)).text
        assert "New price" not in page
        assert "$120.00" not in page

    def test_and_a_change_at_the_renewal_show_one_price(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        [line] = preview(yearly, 5, at=LATER, when="renewal").lines
        assert [line.unit_price] == [amount for _when, amount, _told in told_of(yearly)]


class TestTheAdminsPage:
    def page(self, subscription, role="billing_admin", who=None):
        who = who or MembershipFactory(tenant=subscription.tenant, roles=[role])
        return signed_in(who).get(reverse("admin:commerce_purchase_change", args=[subscription.pk])).text

    def test_says_it_of_what_a_person_bought(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        assert "Price to come" not in self.page(yearly)
        tell(LATER)
        said = f"From {listed_day(yearly.term_end)}: $120.00 each, told on {listed_day(LATER)}"
        assert said in self.page(yearly)

    def test_says_it_of_what_the_organisation_bought(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "90")
        bought = order_centrally(admin, plan, 1, NOON, agreement=agree(admin.tenant)).subscription
        announce(plan, "120", JUNE, LATER, channel="central")
        tell(LATER)
        assert "$120.00 each, told on" in self.page(bought)

    def test_says_no_price_to_those_who_only_give_seats(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        page = self.page(yearly, role="license_admin")
        assert "Power Apps" in page
        assert "$120.00" not in page


class TestTheOperatorsList:
    def counted(self):
        return {f"{price.amount:.2f}": (price.payers, price.joining) for price in versions()}

    def test_says_how_many_pay_a_version_and_how_many_will(self, yearly, ana):
        announce(yearly.plan, "120", JUNE, LATER)
        assert self.counted() == {"99.90": (1, 0), "120.00": (0, 0)}
        tell(LATER)
        assert self.counted() == {"99.90": (1, 0), "120.00": (0, 1)}
        renew(yearly, "120")
        assert self.counted() == {"99.90": (0, 0), "120.00": (1, 0)}

    def test_counts_one_version_where_an_amount_came_back(self, yearly):
        announce(yearly.plan, "120", date(2026, 2, 1), None)
        announce(yearly.plan, "99.90", date(2026, 3, 1), None)
        announce(yearly.plan, "99.90", date(2026, 7, 1), None)
        counts = {str(price.valid_from): price.payers for price in versions()}
        assert counts == {"2020-01-14": 0, "2026-02-01": 0, "2026-03-01": 1, "2026-07-01": 0}

    def test_does_not_count_the_price_of_an_agreement(self, admin):
        plan = price_centrally(plan_on_sale(term="P1Y"), "8.99")
        buy_centrally(admin, plan, 1, NOON)
        [central] = Price.objects.filter(channel="central")
        [counted] = coming_prices.with_payers(Price.objects.filter(pk=central.pk))
        assert counted.payers == 0
        order_centrally(admin, plan, 1, NOON, agreement=agree(admin.tenant))
        [counted] = coming_prices.with_payers(Price.objects.filter(pk=central.pk))
        assert counted.payers == 1

    def test_is_on_the_operators_page(self, yearly):
        announce(yearly.plan, "120", JUNE, LATER)
        tell(LATER)
        page = signed_in(OperatorFactory()).get(reverse("admin:commerce_price_changelist")).text
        assert "will pay it from a renewal on" in page.lower()


def versions():
    return coming_prices.with_payers(Price.objects.filter(channel="self_service")).order_by("valid_from")


def renew(subscription, amount):
    """As a renewal will write it: the next term, at what it takes."""
    before = BillingPeriod.objects.filter(subscription=subscription).latest("starts_at")
    start = subscription.term_end
    end = datetime(start.year + 1, start.month, start.day, start.hour, tzinfo=start.tzinfo)
    BillingPeriod.objects.create(
        tenant=subscription.tenant,
        subscription=subscription,
        line=before.line,
        starts_at=start,
        ends_at=end,
        currency=before.currency,
        unit_price=Decimal(amount),
    )
    Purchase.objects.filter(pk=subscription.pk).update(term_start=start, term_end=end, state_ends_at=end)
    subscription.refresh_from_db()
