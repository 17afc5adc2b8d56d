"""What lists find, and what they cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licensing.models import Channel, Subscription
from licensing.operations import seats
from policies.models import Market, SpendLimit
from tenants.access import SYSTEM
from tenants.journal import events
from tests import factories
from tests.admin.pages import (
    ALL,
    DOMAINS,
    JOURNAL,
    OF_TENANTS,
    PEOPLE,
    PURCHASES,
    browser_of,
    listed,
    opened,
)
from tests.callers import signed_in
from tests.commerce.licenses import ask
from tests.factories import NOON, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def found(browser, page, query):
    response = browser.get(f"{listed(page)}?{query}")
    assert response.status_code == 200, query
    return list(response.context["cl"].result_list)


# --- Search and filters


def test_purchases_are_found_by_product_and_by_purchaser(contoso, bought):
    other = buy(factories.MembershipFactory(tenant=contoso, name="Ben"), plan_on_sale(product__name="Power Apps"))
    browser = browser_of(contoso)
    assert [row.pk for row in found(browser, PURCHASES, "q=power+apps")] == [other.pk]
    assert [row.pk for row in found(browser, PURCHASES, "q=ana")] == [bought.pk]
    assert [row.pk for row in found(browser, PURCHASES, f"q={other.purchaser.user.email}")] == [other.pk]
    assert found(browser, PURCHASES, "q=nobody") == []
    assert [row.pk for row in found(browser, PURCHASES, f"product={other.plan.product_id}")] == [other.pk]


def test_purchases_are_told_apart_by_channel_and_state(contoso, bought):
    browser = browser_of(contoso)
    assert len(found(browser, PURCHASES, "channel=self_service")) == 1
    assert found(browser, PURCHASES, "channel=central") == []
    Subscription.objects.update(channel=Channel.CENTRAL)
    assert len(found(browser, PURCHASES, "channel=central")) == 1
    assert len(found(browser, PURCHASES, "state=active&channel=central")) == 1
    assert found(browser, PURCHASES, "state=deleted") == []
    assert len(found(browser, PURCHASES, "state=&channel=&product=&q=")) == 1


def test_the_page_of_a_purchase_tells_all(contoso, bought):
    text = browser_of(contoso).get(opened(PURCHASES, bought)).content.decode()
    for said in ("Ana", bought.plan.product.name, "Self-service", "$19.98", "$9.99", "Card payment", "10 Apr 2026"):
        assert said in text, said


def test_dates_are_those_of_the_organisation(contoso, bought):
    contoso.time_zone = "Pacific/Kiritimati"  # fourteen hours ahead: noon in London is the next day
    contoso.save()
    text = browser_of(contoso).get(opened(PURCHASES, bought)).content.decode()
    assert "11 Mar 2026, 02:00 +14" in text


def test_a_list_is_ordered_by_its_columns(contoso, plan):
    for quantity in (3, 1, 2):
        buy(factories.MembershipFactory(tenant=contoso), plan, quantity)
    rows = found(browser_of(contoso), PURCHASES, "o=4")
    assert [row.quantity for row in rows] == [1, 2, 3]


def test_tax_rates_are_told_apart_by_when_they_apply(operator):
    for day in ("2000-01-01", "2020-01-01", "2999-01-01"):
        factories.TaxRateFactory(country="DE", valid_from=day)
    factories.TaxRateFactory(country="SE", valid_from="2000-01-01")
    browser = signed_in(operator)

    def days(query):
        return [(row.country, row.valid_from.year) for row in found(browser, "commerce_taxrate", query)]

    assert days("applies=now") == [("DE", 2020), ("SE", 2000)]
    assert days("applies=later") == [("DE", 2999)]
    assert days("applies=before") == [("DE", 2000)]
    assert days("q=se") == [("SE", 2000)]
    assert len(days("")) == 4


def test_markets_are_told_apart_by_whether_they_are_open(operator):
    factories.MarketFactory(country="SE")
    factories.MarketFactory(country="NO", opens_on="2999-01-01")
    factories.MarketFactory(country="DK", closes_on="2000-01-01")
    browser = signed_in(operator)
    assert [row.country for row in found(browser, "policies_market", "market=open")] == ["SE"]
    assert {row.country for row in found(browser, "policies_market", "market=closed")} == {"NO", "DK"}
    assert Market.objects.count() == 3


def test_the_journal_is_narrowed_by_what_happened(contoso, bought, elsewhere):
    browser = browser_of(contoso)
    rows = found(browser, JOURNAL, "type=seat.assigned")
    assert [row.type for row in rows] == ["seat.assigned"]
    assert found(browser, JOURNAL, "type=never.happened") == []


def test_the_journal_offers_no_type_that_only_another_tenant_knows(contoso, fabrikam, bought):
    events.record("secret.done", tenant=fabrikam, by=SYSTEM, at=NOON)
    events.sequence(fabrikam.pk)
    assert "secret" not in browser_of(contoso).get(listed(JOURNAL)).content.decode().lower()


def test_the_journal_names_people_and_products_instead_of_ids(contoso, bought):
    text = browser_of(contoso).get(listed(JOURNAL)).content.decode()
    assert "Members: Ana" in text
    assert "Total: $19.98" in text


# --- What they cost


def test_a_long_list_has_pages_and_is_never_counted(contoso):
    factories.MembershipFactory.create_batch(120, tenant=contoso)
    browser = browser_of(contoso)
    seen = [row.pk for page in (1, 2, 3) for row in found(browser, PEOPLE, f"p={page}")]
    assert (len(seen), len(set(seen))) == (121, 121)
    with CaptureQueriesContext(connection) as queries:
        text = browser.get(listed(PEOPLE)).content.decode()
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]
    assert "Next" in text
    assert "Next" not in browser.get(f"{listed(PEOPLE)}?p=3").content.decode()


def many(contoso, plan, number):
    for index in range(number):
        member = factories.MembershipFactory(tenant=contoso, department=factories.DepartmentFactory(tenant=contoso))
        factories.RoleGrantFactory(membership=member, role="global_reader")
        factories.DomainFactory(tenant=contoso, name=f"{member.pk}.example")
        factories.ApprovalFactory(requester=member, plan=plan)
        factories.ApproverFactory(member=member, department=member.department)
        ask(member, plan.product)
        SpendLimit.objects.create(
            tenant=contoso,
            level="member",
            member=member,
            period="month",
            amount=100 + index,
            currency="USD",
            mode="hard",
            counts=["self_service"],
            set_at=NOON,
            created_at=NOON,
        )
        buy(member, plan, at=NOON + timedelta(minutes=index))
    events.sequence(contoso.pk)


def cost(browser, address):
    browser.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(address).status_code == 200
    return len(queries)


def test_lists_and_home_cost_the_same_with_one_row_and_with_a_hundred(contoso, plan, operator):
    admin = browser_of(contoso)
    pages = [(admin, reverse("admin:index")), *((admin, listed(page)) for page in OF_TENANTS)]
    pages += [(signed_in(operator), listed(page)) for page in (PURCHASES, PEOPLE, DOMAINS, JOURNAL)]
    many(contoso, plan, 1)
    before = [cost(browser, address) for browser, address in pages]
    many(contoso, plan, 99)
    after = [cost(browser, address) for browser, address in pages]
    assert after == before
    assert max(after) <= 30


def test_catalogue_lists_cost_the_same_with_one_row_and_with_a_hundred(operator):
    browser = signed_in(operator)
    pages = [listed(page) for page in ALL if page not in OF_TENANTS]

    def more(number):
        for _ in range(number):
            sold = plan_on_sale()
            factories.PolicyFactory(product=sold.product)
            factories.ExclusionFactory(product=sold.product)

    more(1)
    before = [cost(browser, address) for address in pages]
    more(99)
    assert [cost(browser, address) for address in pages] == before


def test_the_page_of_a_purchase_costs_the_same_however_many_people_use_it(contoso, plan):
    browser = browser_of(contoso)
    buyer = factories.MembershipFactory(tenant=contoso)
    small = buy(buyer, plan, 1)
    big = buy(buyer, plan, 100, at=NOON + timedelta(minutes=1))
    colleagues = factories.MembershipFactory.create_batch(99, tenant=contoso)
    seats.assign(subscription=big, members=colleagues, by=factories.acting(buyer), at=NOON + timedelta(minutes=2))
    assert cost(browser, opened(PURCHASES, big)) == cost(browser, opened(PURCHASES, small))
