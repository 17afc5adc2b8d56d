"""A link to buy in the browser: the address it asks for, the price it leads to, and whom it refuses."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from commerce.models import Checkout, Payment
from policies.models import Decision
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.commerce.pages import buy_url, opened, pay
from tests.factories import (
    DomainFactory,
    GuestFactory,
    MarketFactory,
    MembershipFactory,
    OperatorFactory,
    PolicyFactory,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


# --- The address


def test_a_work_address_leads_to_sign_in_and_the_link_survives(client, tenant, ana, plan):
    assert "$19.98" in client.get(buy_url(plan)).text
    response = client.post(buy_url(plan), {"email": "Ana@Contoso.example"})
    assert response.status_code == 302
    assert response.url.startswith("/sign-in/?next=/buy/")
    assert "quantity%3D2" in response.url


def test_a_stranger_cannot_tell_whether_a_person_exists(tenant, ana, plan):
    known, unknown = (
        Client().post(buy_url(plan), {"email": email}) for email in ("ana@contoso.example", "nobody@contoso.example")
    )
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


@pytest.mark.parametrize("email", ["x@nowhere.example", "x@loose.example", "x@pending.example"])
def test_an_address_of_no_managed_tenant_gets_the_contact_page(client, tenant, plan, email):
    DomainFactory(name="loose.example", tenant__managed=False, tenant__name="Loose Ends")
    DomainFactory(name="pending.example", tenant=tenant, verified_at=None)
    page = client.post(buy_url(plan), {"email": email})
    assert page.status_code == 200
    assert "Contact your IT admin" in page.text
    for secret in ("Loose Ends", "Contoso", tenant.contact_email):
        assert secret not in page.text


@pytest.mark.parametrize("email", ["", "ana", "a@b@c", "x" * 300 + "@contoso.example", "a\0@contoso.example"])
def test_a_broken_address_is_asked_for_again(client, tenant, plan, email):
    page = client.post(buy_url(plan), {"email": email})
    assert page.status_code == 400
    assert 'href="#id_email"' in page.text


def test_looking_whether_a_link_works_writes_nothing(ana, tenant, plan):
    assert signed_in(ana).head(buy_url(plan)).status_code == 200
    PolicyFactory(tenant=tenant, product=plan.product)
    assert signed_in(ana).head(buy_url(plan)).status_code == 200
    assert not Checkout.objects.exists()
    assert not Decision.objects.exists()


def test_following_the_link_again_writes_nothing_more(ana, plan):
    client = signed_in(ana)
    first, _page = opened(client, plan)
    written = Event.objects.count()
    assert opened(client, plan)[0] == first
    assert (Decision.objects.count(), Event.objects.count()) == (1, written)


def test_page_and_api_agree_when_it_would_end(ana, plan):
    checkout, page = opened(signed_in(ana), plan)
    Checkout.objects.update(created_at=checkout.created_at - timedelta(hours=23))
    quote = Api(ana).get(f"checkouts/{checkout.pk}/").json()["quote"]
    assert abs(datetime.fromisoformat(quote["ends_at"]) - page.context["ends_at"]) < timedelta(minutes=1)


def test_an_unknown_plan_is_not_found(client):
    assert client.get("/buy/no-such-plan/").status_code == 404


def test_no_page_carries_script_or_inline_style(client, ana, plan):
    signed = signed_in(ana)
    checkout, page = opened(signed, plan)
    for html in (client.get("/").text, client.get(buy_url(plan)).text, page.text, pay(signed, checkout).text):
        assert "<script" not in html
        assert "style=" not in html
        assert " on" + "click" not in html


# --- Refusals


def refused(page):
    assert page.status_code == 403
    assert "You can't buy this yourself" in page.text
    assert 'name="payment_method"' not in page.text
    return page.text


def test_a_forbidden_product_is_refused_before_any_card_with_the_contact(ana, tenant, plan):
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    page = refused(signed_in(ana).get(buy_url(plan), follow=True))
    assert "does not allow its people to buy this product" in page
    for told in (tenant.contact_email, tenant.contact_url, tenant.contact_message):
        assert told in page
    assert not Checkout.objects.exists()


def test_a_product_that_was_forbidden_meanwhile_is_refused_when_paying(ana, tenant, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    refused(pay(client, checkout))
    assert not Payment.objects.exists()


def test_a_guest_is_refused(tenant, plan):
    refused(signed_in(GuestFactory(tenant=tenant)).get(buy_url(plan), follow=True))


def test_an_unmanaged_tenant_is_refused_and_its_empty_contact_makes_no_link(plan):
    page = refused(
        signed_in(MembershipFactory(tenant__managed=False, tenant__contact_email="")).get(buy_url(plan), follow=True)
    )
    assert "mailto:" not in page


def test_a_plan_without_a_price_is_refused(ana):
    MarketFactory()
    plan = plan_on_sale(currency="EUR")
    page = signed_in(ana).get(buy_url(plan), follow=True)
    assert page.status_code == 409
    assert "no price in your market" in page.text


def test_an_operator_belongs_to_no_organisation_and_buys_nothing(plan):
    page = signed_in(OperatorFactory()).get(buy_url(plan), follow=True)
    assert page.status_code == 403
    assert "belong to none" in page.text


def test_what_a_tenant_typed_is_text_and_never_markup(ana, tenant, plan):
    tenant.contact_message, tenant.contact_url = "<script>alert(1)</script>", "javascript:alert(1)"
    tenant.save()
    PolicyFactory(tenant=tenant, product=plan.product, value="disabled")
    page = refused(signed_in(ana).get(buy_url(plan), follow=True))
    assert "<script" not in page
    assert "javascript:" not in page
