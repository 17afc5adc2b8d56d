"""The catalogue by API: public, with a country's prices; signed in, with the tenant's and whether one may buy."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensing.models import Plan, Product, Term
from tests.callers import Api
from tests.factories import (
    FamilyFactory,
    GuestFactory,
    MarketFactory,
    MembershipFactory,
    OperatorFactory,
    PlanFactory,
    PolicyFactory,
    PriceFactory,
    ProductFactory,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan():
    product = ProductFactory(
        id="CFQ7TTC0H9MP",
        name="Power BI Pro",
        family=FamilyFactory(slug="power-bi", name="Power BI"),
        trial_days=60,
        trial_seats=1,
        resources={"learning": "https://learn.example/"},
    )
    plan = plan_on_sale(product=product)
    PriceFactory(plan=plan, currency="EUR", amount="8.40")
    PriceFactory(plan=plan, currency="JPY", amount="1500")
    return plan


def only(answer):
    assert answer.status_code == 200, answer.content
    [row] = answer.json()["results"]
    return row


def test_anybody_reads_the_catalogue(plan):
    assert only(Api().get("products/")) == {
        "id": "CFQ7TTC0H9MP",
        "slug": "power-bi-pro",
        "name": "Power BI Pro",
        "family": "power-bi",
        "summary": "",
        "self_service": True,
        "plans": [{"id": "power-bi-pro-monthly", "term": "P1M", "price": {"amount": "9.99", "currency": "USD"}}],
        "trial": {"days": 60, "seats": 1},
        "resources": {"learning": "https://learn.example/"},
    }


@pytest.mark.parametrize(
    ("country", "amount", "currency"),
    [("DE", "8.40", "EUR"), ("de", "8.40", "EUR"), ("JP", "1500", "JPY"), ("SE", "9.99", "USD")],
)
def test_a_country_chooses_the_price(plan, country, amount, currency):
    row = only(Api().get(f"products/?country={country}"))
    assert row["plans"][0]["price"] == {"amount": amount, "currency": currency}


def test_a_country_that_only_the_markets_know_is_one(plan):
    MarketFactory(country="XK")
    assert only(Api().get("products/?country=XK"))["plans"][0]["price"]["currency"] == "EUR"


@pytest.mark.parametrize("country", ["", "QQ", "USA", "1", "%00"])
def test_refuses_what_is_no_country(country):
    answer = Api().get(f"products/?country={country}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "country"


def test_signed_in_the_price_is_the_tenants_whatever_country_is_named(plan):
    MarketFactory(country="DE")
    row = only(Api(MembershipFactory(tenant__country="DE")).get("products/?country=US"))
    assert row["plans"][0]["price"]["currency"] == "EUR"
    assert row["eligible"] is True


def test_tells_who_may_not_buy(plan):
    guest, elsewhere = GuestFactory(), MembershipFactory(tenant__country="IN")
    forbidden = PolicyFactory(product=plan.product).tenant
    for member in (guest, elsewhere, MembershipFactory(tenant=forbidden)):
        assert only(Api(member).get("products/"))["eligible"] is False


def test_an_operator_has_no_tenant_whose_rules_could_be_asked(plan):
    row = only(Api(OperatorFactory()).get("products/?country=DE"))
    assert "eligible" not in row
    assert row["plans"][0]["price"]["currency"] == "EUR"


def test_a_plan_without_a_price_has_none(plan):
    PlanFactory(product=plan.product, term=Term.YEAR)
    assert [p["price"] for p in only(Api().get("products/"))["plans"]] == [{"amount": "9.99", "currency": "USD"}, None]


def test_a_price_of_tomorrow_is_not_shown_today(plan):
    PriceFactory(plan=plan, amount="12.00", valid_from=date(2999, 1, 1))
    assert only(Api().get("products/"))["plans"][0]["price"]["amount"] == "9.99"


def test_filters_by_family_and_search(plan):
    other = ProductFactory(name="Power Apps")
    assert only(Api().get("products/?family=power-bi"))["id"] == plan.product_id
    assert only(Api().get("products/?search=aPPs"))["id"] == other.id
    assert Api().get("products/?family=none-such").json() == {"next": None, "previous": None, "results": []}


def test_refuses_what_is_no_parameter(plan):
    answer = Api().get("products/?colour=red")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_field")


def test_pages_hold_every_product_once():
    products = {ProductFactory().pk for _ in range(7)}
    Product.objects.update(created_at=Product.objects.earliest("created_at").created_at)
    seen, url = [], "products/?page_size=3"
    while url:
        page = Api().get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert (len(seen), set(seen)) == (7, products)


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_count_of_queries_does_not_grow_with_the_catalogue(plan, signed_in):
    api = Api(MembershipFactory() if signed_in else None)

    def queries():
        with CaptureQueriesContext(connection) as caught:
            assert api.get("products/?page_size=200").status_code == 200
        return len(caught)

    few = queries()
    for _ in range(100):
        PriceFactory(plan=PlanFactory())
    assert Plan.objects.count() == 101
    assert queries() == few
