"""The catalogue in the browser: what there is, at whose prices."""

from decimal import Decimal

import pytest
from django.urls import reverse

from tests.callers import signed_in
from tests.factories import (
    MarketFactory,
    MembershipFactory,
    PolicyFactory,
    PriceFactory,
    RoleGrantFactory,
    UserFactory,
    plan_on_sale,
)

QUERIES_OF_A_MEMBER = 18

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def test_catalogue_is_public_and_shows_prices_of_the_chosen_country(client, plan):
    MarketFactory(country="DE", name="Germany")
    PriceFactory(plan=plan, currency="EUR", amount=Decimal("8.40"))
    assert "$9.99" in client.get("/").text
    assert "€8.40" in client.get("/?country=DE").text
    assert "€8.40" in client.get("/", headers={"Accept-Language": "fr;q=0.5, de-DE"}).text
    assert "$9.99" in client.get("/?country=%00", headers={"Accept-Language": "xx-ZZ,,;"}).text


def test_catalogue_offers_nothing_that_only_the_organisation_buys(client):
    plan = plan_on_sale(product__self_service=False)
    page = client.get("/")
    assert plan.product.name in page.text
    assert reverse("buy", kwargs={"plan_id": plan.pk}) not in page.text


def test_catalogue_shows_a_member_the_prices_of_their_own_country(plan):
    MarketFactory(country="SE")
    PriceFactory(plan=plan, currency="SEK", amount=Decimal("99.00"))
    page = signed_in(MembershipFactory(tenant__country="SE")).get("/?country=US").text
    assert "SEK" in page
    assert "$9.99" not in page


def test_catalogue_asks_the_same_number_of_questions_for_one_product_and_thirty(client, django_assert_num_queries):
    plan_on_sale()
    client.get("/")
    with django_assert_num_queries(5):
        client.get("/")
    for _ in range(29):
        plan_on_sale()
    with django_assert_num_queries(5):
        client.get("/")


def test_catalogue_asks_a_member_the_same_number_of_questions_for_one_product_and_thirty(
    plan, ana, django_assert_num_queries
):
    client = signed_in(ana)
    client.get("/")
    with django_assert_num_queries(QUERIES_OF_A_MEMBER):
        client.get("/")
    for _ in range(29):
        plan_on_sale()
    with django_assert_num_queries(QUERIES_OF_A_MEMBER):
        client.get("/")


@pytest.mark.parametrize(
    ("language", "country"),
    [
        ("sv", "US"),
        ("sv-SE", "SE"),
        ("sv-Latn-SE;q=0.9", "SE"),
        ("en, sv-SE;q=0.5", "SE"),
        ("zh-Hant", "US"),
        ("zh-Hant-TW", "TW"),
        ("xx-ZZ", "US"),
        ("sv-SEX", "US"),
        ("x" * 5000, "US"),
    ],
)
def test_only_the_region_of_a_language_chooses_a_country(client, plan, language, country):
    for known in ("SE", "SV", "TW"):
        MarketFactory(country=known, name=known)
    assert f'value="{country}" selected' in client.get("/", headers={"Accept-Language": language}).text


def test_catalogue_says_why_a_member_cannot_buy_a_product(plan, ana):
    PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
    other = plan_on_sale()
    page = signed_in(ana).get("/").text
    assert "You can&#x27;t buy this yourself: Your organisation does not allow its people" in page
    assert reverse("buy", kwargs={"plan_id": plan.pk}) not in page
    assert reverse("buy", kwargs={"plan_id": other.pk}) in page
    assert "Nobody at" not in page


def test_catalogue_leads_on_where_somebody_has_to_approve(plan, ana):
    RoleGrantFactory(membership__tenant=ana.tenant, role="billing_admin")
    PolicyFactory(tenant=ana.tenant, product=plan.product, value="approval_required")
    page = signed_in(ana).get("/").text
    assert "wants somebody to approve" in page
    assert "buy this yourself" not in page
    assert reverse("buy", kwargs={"plan_id": plan.pk}) in page


def test_catalogue_says_once_that_a_whole_organisation_cannot_buy(plan, ana):
    plan_on_sale()
    ana.tenant.managed = False
    ana.tenant.save()
    page = signed_in(ana).get("/").text
    assert page.count("has no managed directory") == 1
    assert page.count("Nobody at Contoso can buy here themselves") == 1
    assert page.count("You can&#x27;t buy this yourself.") == 2
    assert "/buy/" not in page


def test_the_icon_is_found_where_browsers_look(client):
    assert client.get("/favicon.ico").url.endswith(".svg")


def test_links_are_only_shown_when_they_are_web_addresses(client):
    plan_on_sale(product__resources={"learning": "https://learn.example/", "samples": "javascript:alert(1)"})
    page = client.get("/").text
    assert "https://learn.example/" in page
    assert "javascript:" not in page


def test_the_person_without_a_name_is_shown_by_address(plan):
    user = UserFactory(email="noname@contoso.example")
    assert "noname@contoso.example" in signed_in(MembershipFactory(user=user)).get("/").text
