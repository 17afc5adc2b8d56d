"""Changing what people may buy, with a reason that stays."""

import pytest
from django.utils import timezone

from policies.models import Policy
from policies.operations import policies
from tenants.access import SYSTEM
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.journal.models import Event
from tests import factories
from tests.admin.pages import JOURNAL, POLICIES, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import NOON, admin_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def product(plan):
    return plan.product


def typed(browser, product, **values):
    """What the page's form holds, with what somebody typed."""
    form = browser.get(opened(POLICIES, product)).context["form"]
    return {"value": "disabled", "reason": "Security review first.", "seen": form["seen"].value(), **values}


@pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
def test_an_admin_disables_a_product_and_says_why(contoso, product, role):
    admin = admin_of(contoso, role)
    browser = signed_in(admin.membership)
    response = browser.post(opened(POLICIES, product), typed(browser, product), follow=True)
    assert response.redirect_chain == [(listed(POLICIES), 302)]
    row = Policy.objects.get()
    assert (row.tenant, row.product_id, row.value) == (contoso, product.pk, "disabled")
    assert (row.reason, row.set_by) == ("Security review first.", admin.user)
    kept = Event.objects.get(type="policy.changed")
    assert (kept.tenant, kept.actor) == (contoso, admin.user)
    assert kept.data == {
        "level": "product",
        "product": product.pk,
        "old": "enabled",
        "new": "disabled",
        "reason": "Security review first.",
    }


def test_the_change_is_told_on_the_list_the_page_and_in_the_journal(contoso, product):
    browser = browser_of(contoso)
    browser.post(opened(POLICIES, product), typed(browser, product))
    events.sequence(contoso.pk)
    for address in (listed(POLICIES), opened(POLICIES, product), listed(JOURNAL)):
        text = browser.get(address).content.decode()
        assert "Security review first." in text, address
        assert product.name in text, address


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "   "},
        {"reason": "x" * 501},
        {"reason": "NUL \0"},
        {"value": ""},
        {"value": "perhaps"},
        {"value": "\0"},
    ],
)
def test_a_change_without_a_good_reason_or_value_is_not_made(contoso, product, wrong):
    browser = browser_of(contoso)
    response = browser.post(opened(POLICIES, product), typed(browser, product, **wrong))
    assert response.status_code == 400
    assert not Policy.objects.exists()
    assert not Event.objects.exists()


def test_what_was_typed_stays_on_the_form(contoso, product):
    browser = browser_of(contoso)
    response = browser.post(opened(POLICIES, product), typed(browser, product, value="", reason="Kept words"))
    assert "Kept words" in response.content.decode()


def test_an_empty_body_changes_nothing(contoso, product):
    assert browser_of(contoso).post(opened(POLICIES, product)).status_code == 400
    assert not Policy.objects.exists()


def test_of_two_admins_at_once_the_second_is_told_and_may_then_insist(contoso, product):
    first, second = browser_of(contoso), browser_of(contoso)
    late = typed(second, product, value="only_trials_without_payment_method", reason="Trials are fine.")
    first.post(opened(POLICIES, product), typed(first, product))
    refused = second.post(opened(POLICIES, product), late)
    assert refused.status_code == 400
    assert "Somebody changed this meanwhile" in refused.content.decode()
    assert Policy.objects.get().value == "disabled"
    again = {**late, "seen": refused.context["form"]["seen"].value()}
    assert second.post(opened(POLICIES, product), again).status_code == 302
    assert Policy.objects.get().value == "only_trials_without_payment_method"


def test_a_reader_changes_nothing(contoso, product):
    browser = browser_of(contoso, "global_reader")
    body = {"value": "disabled", "reason": "No right", "seen": ""}
    assert browser.post(opened(POLICIES, product), body).status_code == 403
    assert not Policy.objects.exists()


def test_the_operator_changes_it_by_command_not_here(operator, product):
    assert signed_in(operator).post(opened(POLICIES, product), {"value": "disabled"}).status_code == 403


def test_a_change_touches_the_acting_tenant_alone(contoso, fabrikam, product):
    browser = browser_of(contoso)
    browser.post(opened(POLICIES, product), typed(browser, product) | {"tenant": str(fabrikam.pk)})
    assert policies.in_force(fabrikam, [product], at=timezone.now())[0].value == "enabled"
    assert policies.in_force(contoso, [product], at=timezone.now())[0].value == "disabled"


def test_the_list_says_where_a_value_comes_from(contoso, product):
    set_by = factories.UserFactory(email="someone@contoso.example")
    factories.PolicyFactory(tenant=contoso, family=product.family, set_by=set_by, set_at=NOON, reason="Whole family")
    text = browser_of(contoso).get(listed(POLICIES)).content.decode()
    for said in ("Set for its family", "someone@contoso.example", "Whole family", "10 Mar 2026"):
        assert said in text


def test_what_a_command_set_has_an_author(contoso, operator, product):
    said = {"value": "disabled", "reason": "Asked by phone"}
    policies.set_product_policy(tenant=contoso, product=product, **said, by=SYSTEM, at=NOON)
    events.sequence(contoso.pk)
    for address in (listed(POLICIES), opened(POLICIES, product), listed(JOURNAL)):
        assert "Operator, by command" in browser_of(contoso).get(address).content.decode(), address
    assert "Operator, by command" in signed_in(operator).get(listed("policies_policy")).content.decode()


def test_another_tenants_policy_is_not_shown(contoso, fabrikam, product):
    factories.PolicyFactory(tenant=fabrikam, product=product, reason="Secret of Fabrikam")
    for address in (listed(POLICIES), opened(POLICIES, product)):
        assert "Secret of Fabrikam" not in browser_of(contoso).get(address).content.decode()
    assert Tenant.objects.count() == 2
