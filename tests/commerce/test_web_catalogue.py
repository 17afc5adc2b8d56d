"""The catalogue in the browser: what there is, at whose prices."""

from decimal import Decimal

import pytest
from django.urls import reverse

from tests.callers import signed_in
from tests.factories import MarketFactory, MembershipFactory, PriceFactory, UserFactory, plan_on_sale

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
    with django_assert_num_queries(4):
        client.get("/")
    for _ in range(29):
        plan_on_sale()
    with django_assert_num_queries(4):
        client.get("/")


def test_links_are_only_shown_when_they_are_web_addresses(client):
    plan_on_sale(product__resources={"learning": "https://learn.example/", "samples": "javascript:alert(1)"})
    page = client.get("/").text
    assert "https://learn.example/" in page
    assert "javascript:" not in page


def test_the_person_without_a_name_is_shown_by_address(plan):
    user = UserFactory(email="noname@contoso.example")
    assert "noname@contoso.example" in signed_in(MembershipFactory(user=user)).get("/").text
