"""What lists say of the next charges of many is what is said of each; few of them have to be worked out."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.models import Purchase
from commerce.operations.buying import agreements
from commerce.operations.leaving.adoption import Payer
from commerce.operations.pricing import next_charge
from tenants.access import SYSTEM
from tests.commerce.announcing import announce, tell
from tests.commerce.takeover.conftest import start
from tests.factories import NOON, agree, buy, buy_centrally, plan_on_sale, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def asked_of_all(subscriptions):
    rows = list(Purchase.objects.for_list().filter(pk__in=[each.pk for each in subscriptions]))
    return next_charge.of_each(rows)


@pytest.fixture
def told_of(ana):
    bought = buy(ana, plan_on_sale("99.90", product__name="Power Apps", term="P1Y"), 2)
    announce(bought.plan, "120", date(2026, 6, 1), NOON)
    tell(NOON)
    return bought


@pytest.fixture
def adopted(boss, ana, tenant):
    bought = buy(ana, price_centrally(plan_on_sale(product__name="Visio"), "8.99"), 3)
    start(bought, boss, mode="adopt", payer=Payer(agreement=agree(tenant)))
    return bought


@pytest.fixture
def agreed_anew(boss):
    bought = buy_centrally(boss, plan_on_sale(product__name="Project"), 5)
    agreement = bought.payment_sources.get().agreement
    agreements.change(agreement=agreement, prices={bought.plan_id: Decimal("7.50")}, by=SYSTEM, at=NOON)
    return bought


def test_are_those_of_each_whatever_changes_the_price(subscription, told_of, adopted, agreed_anew):
    bought = [subscription, told_of, adopted, agreed_anew]
    charges = asked_of_all(bought)
    assert [charges[each.pk].unit_price for each in bought] == [Decimal(x) for x in ("9.99", "120", "8.99", "7.50")]
    each = [next_charge.of(row, tenant=row.tenant) for row in Purchase.objects.with_people().in_bulk(charges).values()]
    assert sorted(charges.values(), key=lambda of: of.unit_price) == sorted(each, key=lambda of: of.unit_price)


def test_asks_no_more_for_many_that_change(boss, tenant, ana, adopted, django_assert_num_queries):
    others = [buy(ana, adopted.plan, 1) for _ in range(3)]
    for each in others:
        start(each, boss, mode="adopt", payer=Payer(agreement=agree(tenant, name=str(each.pk))))
    rows = list(Purchase.objects.for_list().filter(pk__in=[each.pk for each in [adopted, *others]]))
    for some in (rows[:1], rows):
        # Tax rates, which of them change, and what these cost.
        with django_assert_num_queries(3):
            assert len(next_charge.of_each(some)) == len(some)
