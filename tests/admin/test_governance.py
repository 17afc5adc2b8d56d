"""Data and access policies in the procurement view: said, looked at before it is saved, changed and removed."""

import pytest
from django.urls import reverse

from policies.models import GovernancePolicy
from policies.operations import governance
from policies.operations.governance import Terms
from tenants.journal import events
from tenants.journal.models import Event
from tests.admin.pages import GOVERNANCE, JOURNAL, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import NOON, DepartmentFactory, MembershipFactory, admin_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEW = reverse("admin:policies_governancepolicy_new")
LOOK = "Nothing is saved yet."


def say(tenant, name="Kept", kind="retention", **said):
    return governance.add(tenant=tenant, terms=Terms(name=name, kind=kind, **said), by=admin_of(tenant), at=NOON)


def removal(policy):
    return reverse("admin:policies_governancepolicy_remove", args=[policy.pk])


def seen_on(answer):
    return answer.context["form"]["seen"].value()


def test_a_data_policy_is_saved_at_once_and_shown(contoso, plan):
    browser = browser_of(contoso)
    body = {"name": "EU only", "kind": "residency", "families": [plan.product.family_id], "acknowledge": "on"}
    settings = "Region: European Union\n\nDays: 30"
    assert browser.post(NEW, {**body, "settings": settings, "reason": "The law"}).status_code == 302
    policy = GovernancePolicy.objects.get()
    assert (policy.settings, policy.acknowledge) == ({"Region": "European Union", "Days": "30"}, True)
    assert (policy.families, policy.products, policy.reason) == ([plan.product.family_id], [], "The law")
    assert "EU only" in browser.get(listed(GOVERNANCE)).text
    page = browser.get(opened(GOVERNANCE, policy)).text
    assert "Region: European Union" in page
    assert plan.product.family.name in page
    events.sequence(contoso.pk)  # what follows a commit, which a test never sees
    journal = browser.get(listed(JOURNAL)).text
    assert "EU only" in journal


def test_who_would_lose_access_is_shown_before_it_is_saved(contoso, bought):
    browser = browser_of(contoso)
    body = {"name": "Off", "kind": "access", "products": [bought.plan.product_id], "reason": "Costs"}
    looked = browser.post(NEW, body)
    assert looked.status_code == 200
    for words in ("1 person who holds a seat loses access.", bought.purchaser.user.email, LOOK):
        assert words in looked.text
    assert not GovernancePolicy.objects.exists()
    assert browser.post(NEW, {**body, "seen": seen_on(looked)}).status_code == 302
    assert GovernancePolicy.objects.get().products == [bought.plan.product_id]


def test_another_effect_than_the_one_that_was_looked_at_is_looked_at_again(contoso, bought):
    browser = browser_of(contoso)
    department = DepartmentFactory(tenant=contoso)
    body = {"name": "Off", "kind": "access", "reason": "Costs"}
    seen = seen_on(browser.post(NEW, body))
    for changed in ({"departments": [department.pk]}, {"name": "Else"}):
        assert LOOK in browser.post(NEW, {**body, **changed, "seen": seen}).text
    bought.purchaser.state = "left"
    bought.purchaser.save()
    assert LOOK in browser.post(NEW, {**body, "seen": seen}).text
    assert not GovernancePolicy.objects.exists()


def test_a_change_shows_who_has_access_again(contoso, bought):
    browser, policy = browser_of(contoso), say(contoso, "Off", "access")
    department = DepartmentFactory(tenant=contoso)
    bought.purchaser.department = department
    bought.purchaser.save()
    body = {"name": "Off", "kind": "access", "departments": [department.pk], "reason": "For them"}
    looked = browser.post(opened(GOVERNANCE, policy), body)
    assert "1 person has access again." in looked.text
    assert browser.post(opened(GOVERNANCE, policy), {**body, "seen": seen_on(looked)}).status_code == 302
    changed = GovernancePolicy.objects.get()
    assert (changed.departments, changed.version) == ([department], 2)


def test_a_removal_shows_who_has_access_again_and_says_why(contoso, bought):
    browser, policy = browser_of(contoso), say(contoso, "Off", "access")
    assert removal(policy) in browser.get(opened(GOVERNANCE, policy)).text
    assert "1 person has access again." in browser.get(removal(policy)).text
    assert browser.post(removal(policy), {"reason": ""}).status_code == 400
    assert browser.post(removal(policy), {"reason": "Over"}).status_code == 302
    assert not GovernancePolicy.objects.exists()
    assert Event.objects.get(type="governance.removed").data["reason"] == "Over"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"name": "Kept"}, "of that name already"),
        ({"kind": "weather"}, "Choose one of these"),
        ({"settings": "Region"}, "a name, a colon and a text"),
        ({"products": ["NONE"]}, "Choose one of these"),
        ({"reason": ""}, "Say why"),
        ({"kind": "access", "acknowledge": "on"}, "Only data policies are acknowledged"),
    ],
)
def test_what_cannot_be_is_said_at_the_form(contoso, said, told):
    say(contoso)
    answer = browser_of(contoso).post(NEW, {"name": "New", "kind": "sharing", "reason": "Why", **said})
    assert answer.status_code == 400
    assert told in answer.text
    assert GovernancePolicy.objects.count() == 1


def test_a_department_of_another_organisation_is_no_choice(contoso, fabrikam):
    foreign = DepartmentFactory(tenant=fabrikam, name="Foreign dept")
    browser = browser_of(contoso)
    assert "Foreign dept" not in browser.get(NEW).text
    answer = browser.post(NEW, {"name": "x", "kind": "access", "departments": [foreign.pk], "reason": "Why"})
    assert answer.status_code == 400


@pytest.mark.parametrize("role", ["global_reader", "license_admin", "user_admin", None])
def test_others_read_at_most(contoso, role):
    policy = say(contoso)
    browser = browser_of(contoso, role) if role else browser_of_nobody(contoso)
    may_read = role in ("global_reader", "license_admin")
    assert (browser.get(opened(GOVERNANCE, policy)).status_code == 200) == may_read
    assert "<textarea" not in browser.get(opened(GOVERNANCE, policy)).text
    body = {"name": "Else", "kind": "sharing", "reason": "Why"}
    for address in (NEW, opened(GOVERNANCE, policy), removal(policy)):
        assert browser.post(address, body).status_code == 403
    for address in (NEW, removal(policy)):
        assert browser.get(address).status_code == 403
    assert GovernancePolicy.objects.get().name == "Kept"


def browser_of_nobody(tenant):
    return signed_in(MembershipFactory(tenant=tenant))


def test_another_organisations_policy_is_as_one_that_never_was(contoso, fabrikam):
    policy, browser = say(fabrikam, "Fabrikam only"), browser_of(contoso)
    for address in (opened(GOVERNANCE, policy), removal(policy)):
        assert browser.get(address).status_code == 404
        assert browser.post(address, {"reason": "Why"}).status_code == 404
    assert "Fabrikam only" not in browser.get(listed(GOVERNANCE)).text
