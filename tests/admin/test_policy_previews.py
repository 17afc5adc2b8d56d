"""Before an admin saves a value, the page shows what it would touch; what people have may be ended with it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from policies.eligibility import decide
from policies.models import Decision, Ending, Policy
from policies.operations import decisions, settings
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import browser_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana(contoso, plan):
    """Somebody who asked for the product and bought it."""
    ana = factories.MembershipFactory(tenant=contoso, user__email="ana@contoso.example")
    now = timezone.now()
    factories.buy(ana, plan, at=now)
    Decision.objects.all().delete()
    decisions.keep(answer=decide(ana, plan.product, at=now), by=factories.acting(ana), at=now)
    return ana


def forms_of(plan):
    """Each page on which a value is said, with what is typed there."""
    said = {"value": "disabled", "reason": "Too dear"}
    product = plan.product_id
    return {
        "product": (reverse("admin:policies_selfserviceproduct_change", args=[product]), said),
        "several": (reverse("admin:policies_selfserviceproduct_several"), {**said, "products": [product]}),
        "value": ("/admin/policies/policy/new/", {**said, "product": product}),
        "default": (
            reverse("admin:policies_selfserviceproduct_settings"),
            {
                "default_for_new_products": "disabled",
                "leaver_default": "renew",
                "leaver_grace_days": "0",
                "reason": "Too dear",
            },
        ),
        "stop": (reverse("admin:policies_selfserviceproduct_switch"), {"wanted": "off", "reason": "Too dear"}),
    }


PAGES = ["product", "several", "value", "default", "stop"]


@pytest.mark.parametrize("page", PAGES)
def test_a_preview_shows_people_and_subscriptions_and_changes_nothing(contoso, plan, ana, page):
    url, typed = forms_of(plan)[page]
    before = Event.objects.count()
    response = browser_of(contoso).post(url, {**typed, "existing": "cancel", "preview": "on"})
    text = response.content.decode()
    assert response.status_code == 200
    assert "1 answer of the last 90 days would have been different." in text
    assert "1 running subscription is touched" in text
    assert "ana@contoso.example" in text
    assert f"{plan.product.name}: 1" in text
    assert "Too dear" in text
    assert (Policy.objects.count(), Ending.objects.count(), Event.objects.count()) == (0, 0, before)


@pytest.mark.parametrize("page", PAGES)
def test_saving_ends_what_people_have_when_that_was_chosen(contoso, plan, ana, page):
    url, typed = forms_of(plan)[page]
    if page == "product":
        typed["seen"] = browser_of(contoso).get(url).context["form"].initial["seen"]
    response = browser_of(contoso).post(url, {**typed, "existing": "cancel", "at": "2030-01-31 09:00"})
    assert response.status_code == 302, response.content.decode()
    ending = Ending.objects.get()
    assert (ending.how, ending.due_at.year, ending.reason) == ("cancel", 2030, "Too dear")


@pytest.mark.parametrize("page", PAGES)
def test_pages_tell_what_another_value_keeps(contoso, plan, ana, page):
    cleo = factories.MembershipFactory(tenant=contoso)
    factories.buy(cleo, plan, at=timezone.now())
    factories.PolicyFactory(tenant=contoso, member=cleo, value="enabled", set_at=timezone.now())
    url, typed = forms_of(plan)[page]
    keeps = "1 running subscription is left alone"
    tried = browser_of(contoso).post(url, {**typed, "existing": "cancel", "preview": "on"}).content.decode()
    assert (keeps in tried) == (page != "stop")
    if page == "product":
        typed["seen"] = browser_of(contoso).get(url).context["form"].initial["seen"]
    told = browser_of(contoso).post(url, {**typed, "existing": "cancel", "at": "2030-01-31 09:00"}, follow=True)
    ended = "It ends 2 running subscriptions." if page == "stop" else "It ends 1 running subscription."
    assert ended in told.content.decode()
    assert (keeps in told.content.decode()) == (page != "stop")


def test_letting_people_buy_again_asks_nothing_of_what_was_bought(contoso, plan, ana):
    settings.change(tenant=contoso, self_service_enabled=False, by=SYSTEM, at=timezone.now())
    url = reverse("admin:policies_selfserviceproduct_switch")
    page = browser_of(contoso).get(url).content.decode()
    assert 'name="existing"' not in page
    assert browser_of(contoso).post(url, {"wanted": "on", "reason": ""}).status_code == 302
    assert settings.of(contoso).self_service_enabled


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("button", [{}, {"preview": "on"}])
def test_a_day_without_cancel_is_told_at_its_field(contoso, plan, ana, page, button):
    url, typed = forms_of(plan)[page]
    if page == "product":
        typed["seen"] = browser_of(contoso).get(url).context["form"].initial["seen"]
    response = browser_of(contoso).post(url, {**typed, "at": "2030-01-31 09:00", **button})
    assert response.status_code == 400
    assert response.context["form"].errors["at"]
    assert not Policy.objects.exists()


def test_who_may_only_read_previews_nothing(contoso, plan, ana):
    for url, typed in forms_of(plan).values():
        response = browser_of(contoso, "global_reader").post(url, {**typed, "preview": "on"})
        assert response.status_code == 403
