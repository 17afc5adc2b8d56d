"""The operator's page of who bills which market."""

import pytest
from django.urls import reverse

from commerce.models import Seller
from commerce.operations.billing.sellers import seller_for
from tests.admin.pages import browser_of, listed, opened
from tests.callers import signed_in

pytestmark = pytest.mark.django_db

SELLERS = "commerce_seller"
NEW = {
    "slug": "europe", "begins": "SWE", "name": "Seatwise GmbH", "country": "DE", "address": "Allee 1\n10115 Berlin",
    "tax_id": "DE136695976", "markets": "de, AT\nCH",
}  # fmt: skip


@pytest.fixture
def browser(operator):
    return signed_in(operator)


def new():
    return reverse("admin:commerce_seller_new")


def test_a_seller_is_added_with_its_markets(browser):
    assert new() in browser.get(listed(SELLERS)).text
    assert browser.get(new()).status_code == 200
    answer = browser.post(new(), NEW, follow=True)
    seller = Seller.objects.get(slug="europe")
    assert answer.redirect_chain == [(opened(SELLERS, seller), 302)]
    assert (seller.prefix, seller.country, seller.tax_id) == ("SWE", "DE", "DE136695976")
    assert [seller_for(country).slug for country in ("AT", "CH", "DE", "US")] == [*["europe"] * 3, "seatwise"]
    assert "AT, CH, DE" in answer.text


def test_a_seller_is_changed_but_for_its_numbers(browser):
    browser.post(new(), NEW)
    seller = Seller.objects.get(slug="europe")
    form = browser.get(opened(SELLERS, seller)).context["form"]
    assert form["markets"].value() == "AT CH DE"
    changed = NEW | {"name": "Seatwise SE", "markets": "FR", "begins": "OTHER", "slug": "other"}
    assert browser.post(opened(SELLERS, seller), changed).status_code == 302
    seller.refresh_from_db()
    assert (seller.name, seller.slug, seller.prefix) == ("Seatwise SE", "europe", "SWE")
    assert [seller_for(country).slug for country in ("DE", "FR")] == ["seatwise", "europe"]


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"begins": "sw"}, "begins"),
        ({"begins": "SWE\n1"}, "begins"),
        ({"begins": "SW"}, "__all__"),  # the first seller's
        ({"slug": "no slug"}, "slug"),
        ({"slug": "seatwise", "begins": "SW"}, "slug"),
        ({"name": ""}, "name"),
        ({"country": "ZZ"}, "country"),
        ({"country": ""}, "country"),
        ({"markets": "DE ZZ"}, "markets"),
        ({"address": "x" * 501}, "address"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(browser, wrong, field):
    answer = browser.post(new(), NEW | wrong)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert Seller.objects.count() == 1


def test_nobody_else_gets_there(contoso):
    seller, browser = Seller.objects.get(), browser_of(contoso)
    for page in (listed(SELLERS), new(), opened(SELLERS, seller)):
        assert browser.get(page).status_code == 403
        assert browser.post(page, NEW).status_code == 403
    assert Seller.objects.count() == 1
