"""Adding, changing and giving roles to people in the procurement view."""

import pytest
from django.urls import reverse

from tenants.directory.models import Membership
from tests import factories
from tests.admin.pages import PEOPLE, browser_of, listed, opened
from tests.callers import signed_in

pytestmark = pytest.mark.django_db

NEW = {"email": "nora@contoso.example", "kind": "member", "name": "Nora", "state": "active", "source": "cloud"}
KEPT = {"name": "", "state": "active", "source": "cloud"}


def roles_page(member):
    return reverse("admin:tenants_membership_roles", args=[member.pk])


def held(member):
    return sorted(member.role_grants.values_list("role", flat=True))


@pytest.mark.parametrize("role", ["global_admin", "user_admin"])
def test_a_person_is_added_and_changed(contoso, role):
    factories.DomainFactory(tenant=contoso)
    sales = factories.DepartmentFactory(tenant=contoso, name="Sales")
    browser = browser_of(contoso, role)
    assert "Add a person" in browser.get(listed(PEOPLE)).content.decode()
    assert browser.post(reverse("admin:tenants_membership_new"), {**NEW, "department": sales.pk}).status_code == 302
    nora = Membership.objects.get(user__email="nora@contoso.example")
    assert (nora.tenant, nora.name, nora.department) == (contoso, "Nora", sales)
    page = opened(PEOPLE, nora)
    assert browser.post(page, {"name": "Eleonora", "state": "disabled", "source": "cloud"}).status_code == 302
    nora.refresh_from_db()
    assert (nora.name, nora.state, nora.department) == ("Eleonora", "disabled", None)


def test_what_cannot_be_is_said_beside_the_field(contoso):
    answer = browser_of(contoso).post(reverse("admin:tenants_membership_new"), NEW)
    assert answer.status_code == 400
    assert "verified domain" in answer.content.decode()
    assert not Membership.objects.filter(user__email="nora@contoso.example").exists()


def test_of_a_guest_only_department_and_state_are_asked(contoso):
    guest = factories.GuestFactory(tenant=contoso, name="Greta")
    browser = browser_of(contoso)
    assert 'name="source"' not in browser.get(opened(PEOPLE, guest)).content.decode()
    assert browser.post(opened(PEOPLE, guest), {"state": "left", "name": "Other"}).status_code == 302
    guest.refresh_from_db()
    assert (guest.state, guest.name) == ("left", "Greta")


def test_a_user_admin_reads_but_does_not_change_whom_another_role_protects(contoso):
    above = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"])
    browser = browser_of(contoso, "user_admin")
    text = browser.get(opened(PEOPLE, above)).content.decode()
    assert "only a global admin may change them" in text
    assert "Change roles" not in text
    assert browser.post(opened(PEOPLE, above), {**KEPT, "state": "left"}).status_code == 403
    assert Membership.objects.get(pk=above.pk).is_active


def test_roles_are_put_and_act_at_the_next_click(contoso):
    member = factories.MembershipFactory(tenant=contoso, roles=["license_admin"])
    theirs = signed_in(member)
    browser = browser_of(contoso)
    assert browser.get(roles_page(member)).status_code == 200
    assert browser.post(roles_page(member), {"roles": ["user_admin", "global_reader"]}).status_code == 302
    assert held(member) == ["global_reader", "user_admin"]
    assert theirs.get(listed(PEOPLE)).status_code == 200
    assert browser.post(roles_page(member), {}).status_code == 302
    assert held(member) == []
    assert theirs.get(listed(PEOPLE)).status_code == 403


def test_the_last_global_admin_keeps_the_role_and_all_stays_as_it_was(contoso):
    actor = factories.admin_of(contoso)
    answer = signed_in(actor.membership).post(roles_page(actor.membership), {"roles": ["user_admin"]})
    assert answer.status_code == 400
    assert "last active global admin" in answer.content.decode()
    assert held(actor.membership) == ["global_admin"]


@pytest.mark.parametrize("role", ["billing_admin", "license_admin", "user_admin", "global_reader"])
def test_nobody_else_gives_roles(contoso, role):
    actor = factories.admin_of(contoso, role)
    browser = signed_in(actor.membership)
    assert browser.get(roles_page(actor.membership)).status_code == 403
    assert browser.post(roles_page(actor.membership), {"roles": ["global_admin"]}).status_code == 403
    assert held(actor.membership) == [role]


def test_the_operator_gives_an_organisation_its_first_global_admin(contoso, operator):
    member = factories.MembershipFactory(tenant=contoso)
    assert signed_in(operator).post(roles_page(member), {"roles": ["global_admin"]}).status_code == 302
    assert held(member) == ["global_admin"]
