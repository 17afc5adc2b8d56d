"""Saying values of every level by hand: exceptions, many products at once, the inbox, the settings and the stop."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from policies.models import Policy, TenantSettings
from policies.operations import settings
from tenants.directory.models import Tenant
from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import POLICIES, POLICIES_SET, browser_of, listed, opened
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEW_VALUE = "/admin/policies/policy/new/"


def beside(name):
    return reverse(f"admin:policies_selfserviceproduct_{name}")


def text_of(response):
    return response.content.decode()


# --- Values of every level


def test_an_exception_for_a_person_is_said_for_a_time_and_ended(contoso, plan):
    ana = factories.MembershipFactory(tenant=contoso, name="Ana")
    contoso.time_zone = "America/New_York"
    contoso.save()
    browser = browser_of(contoso)
    body = {
        "member": ana.user.email,
        "product": plan.product_id,
        "value": "disabled",
        "valid_to": "2100-01-31 09:00",
        "reason": "On leave.",
    }
    response = browser.post(NEW_VALUE, body, follow=True)
    assert response.redirect_chain == [(listed(POLICIES_SET), 302)]
    assert "Ana" in text_of(response)
    row = Policy.objects.get()
    assert (row.tenant, row.member, row.value, row.valid_to.isoformat()) == (
        contoso, ana, "disabled", "2100-01-31T14:00:00+00:00",
    )  # fmt: skip
    page = browser.get(opened(POLICIES_SET, row))
    assert "On leave." in text_of(page)
    assert browser.post(opened(POLICIES_SET, row), {"reason": ""}).status_code == 400
    assert Policy.objects.count() == 1
    assert browser.post(opened(POLICIES_SET, row), {"reason": "Back."}).status_code == 302
    assert not Policy.objects.exists()
    assert [event.data["reason"] for event in Event.objects.filter(type="policy.changed").order_by("pk")] == [
        "On leave.",
        "Back.",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"member": "felix@fabrikam.example"}, "There is no such member."),
        ({"department": "Elsewhere"}, "There is no such department."),
        ({"department": "Sales", "member": "ana@contoso.example"}, "Name a person or a department, not both."),
        ({"valid_to": "2020-01-01 00:00"}, "It must end in the future."),
        ({"valid_to": "soon"}, "Enter a valid date/time."),
        ({"product": "none"}, "Choose one of these."),
        ({"value": ""}, "Choose one."),
        ({"reason": " "}, "Say why, in a few words."),
    ],
)
def test_what_cannot_be_said_is_told_at_its_field(contoso, fabrikam, wrong, said):
    factories.MembershipFactory(tenant=contoso, user__email="ana@contoso.example")
    factories.MembershipFactory(tenant=fabrikam, user__email="felix@fabrikam.example")
    factories.DepartmentFactory(tenant=contoso, name="Sales")
    factories.DepartmentFactory(tenant=fabrikam, name="Elsewhere")
    response = browser_of(contoso).post(NEW_VALUE, {"value": "disabled", "reason": "Why", **wrong})
    assert response.status_code == 400
    assert said in text_of(response)
    assert not Policy.objects.exists()


def test_who_may_only_read_finds_no_forms(contoso, operator, plan):
    row = factories.PolicyFactory(tenant=contoso, product=plan.product, set_at=NOON)
    for browser in (browser_of(contoso, "global_reader"), browser_of(contoso, "license_admin")):
        assert "<textarea" not in text_of(browser.get(opened(POLICIES_SET, row)))
        assert "Add a value" not in text_of(browser.get(listed(POLICIES_SET)))
        assert 'type="checkbox"' not in text_of(browser.get(listed(POLICIES)))
        for address in (NEW_VALUE, opened(POLICIES_SET, row), beside("several"), beside("settings"), beside("switch")):
            assert browser.post(address, {"reason": "Why", "wanted": "off"}).status_code == 403, address
        assert browser.get(beside("settings")).status_code == 200
    assert list(Policy.objects.all()) == [row]
    assert not TenantSettings.objects.exists()


def test_the_list_costs_the_same_for_thirty(contoso, plan):
    browser = browser_of(contoso)

    def cost():
        with CaptureQueriesContext(connection) as caught:
            assert browser.get(listed(POLICIES_SET)).status_code == 200
        return len(caught)

    for count in (1, 29):
        for _ in range(count):
            member = factories.MembershipFactory(tenant=contoso)
            factories.PolicyFactory(tenant=contoso, member=member, product=plan.product)
        if count == 1:
            cost()  # what is asked once a process
            few = cost()
    assert cost() == few


# --- Many products


def test_products_that_are_ticked_are_changed_together(contoso, plan):
    other, third = factories.ProductFactory(name="Other"), factories.ProductFactory(name="Third")
    browser = browser_of(contoso)
    assert f'value="{other.pk}" form="several"' in text_of(browser.get(listed(POLICIES)))
    page = browser.get(beside("several"), {"products": [plan.product_id, other.pk]})
    assert page.context["form"]["products"].value() == [plan.product_id, other.pk]
    body = {"products": [plan.product_id, other.pk], "value": "approval_required", "reason": "Ask first."}
    response = browser.post(beside("several"), body, follow=True)
    assert response.redirect_chain == [(listed(POLICIES), 302)]
    assert "2 products changed" in text_of(response)
    assert set(Policy.objects.values_list("product", "value")) == {
        (plan.product_id, "approval_required"),
        (other.pk, "approval_required"),
    }
    assert third.pk not in Policy.objects.values_list("product", flat=True)


@pytest.mark.parametrize("wrong", [{"products": []}, {"products": ["none"]}, {"value": "off"}, {"reason": ""}])
def test_of_many_products_none_is_changed_when_something_is_wrong(contoso, plan, wrong):
    body = {"products": [plan.product_id], "value": "disabled", "reason": "Why", **wrong}
    assert browser_of(contoso).post(beside("several"), body).status_code == 400
    assert not Policy.objects.exists()


def test_new_products_wait_on_the_home_page_until_somebody_decides(contoso):
    contoso.created_at = NOON
    contoso.save()
    new = [factories.ProductFactory(name=name, created_at=NOON + timedelta(days=1)) for name in ("One", "Two")]
    browser = browser_of(contoso)
    assert "2 new products wait for a decision" in text_of(browser.get(reverse("admin:index")))
    page = text_of(browser.get(beside("new")))
    assert "One (now: Enabled)" in page
    body = {"products": [product.pk for product in new], "value": "disabled", "reason": "Later."}
    assert browser.post(beside("new"), body).status_code == 302
    assert Policy.objects.filter(value="disabled").count() == 2
    assert "wait for a decision" not in text_of(browser.get(reverse("admin:index")))
    assert "No product waits for a decision." in text_of(browser.get(beside("new")))


# --- Settings


def test_settings_are_changed_by_hand(contoso):
    browser = browser_of(contoso, "billing_admin")
    form = browser.get(beside("settings")).context["form"]
    filled_in = {name: form[name].value() for name in form.fields}
    body = {name: "" if value is None else value for name, value in filled_in.items()}
    body |= {"default_for_new_products": "disabled", "request_process_url": "https://forms.contoso.example/"}
    assert browser.post(beside("settings"), body).status_code == 302
    now = settings.of(Tenant.objects.get(pk=contoso.pk))
    assert (now.default_for_new_products, now.request_process_url) == ("disabled", "https://forms.contoso.example/")
    assert now.contact_email == contoso.contact_email
    wrong = browser.post(beside("settings"), body | {"request_process_url": "javascript:alert(1)"})
    assert (wrong.status_code, "https:// or mailto:" in text_of(wrong)) == (400, True)


def test_the_stop_says_what_it_does_before_it_does_it(contoso):
    browser = browser_of(contoso)
    page = browser.get(beside("switch"))
    assert "nobody in your organisation can buy" in text_of(page)
    assert settings.of(contoso).self_service_enabled
    for _twice in range(2):
        assert browser.post(beside("switch"), {"wanted": "off", "reason": "Audit."}).status_code == 302
    assert not settings.of(contoso).self_service_enabled
    assert "All self-service buying is stopped" in text_of(browser.get(beside("settings")))
    assert browser.post(beside("switch"), {"wanted": "on"}).status_code == 302
    assert settings.of(contoso).self_service_enabled
    assert list(Event.objects.order_by("pk").values_list("type", flat=True)) == [
        "self_service.stopped",
        "self_service.resumed",
    ]
