"""A second factor that an organisation asks of everybody with an admin role."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tenants.access import actor_of
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.factories import GuestFactory, MembershipFactory, TenantFactory
from tests.tenants.second_factors import SET_UP, code_at, enrolled, shown_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]


@pytest.fixture
def strict():
    return TenantFactory(requires_second_factor=True)


@pytest.mark.parametrize("role", ["global_admin", "billing_admin", "license_admin", "user_admin", "global_reader"])
def test_whoever_holds_a_role_is_led_to_set_one_up_before_anything_else(strict, role):
    admin = MembershipFactory(tenant=strict, roles=[role])
    browser = signed_in(admin)
    for path in (reverse("admin:index"), reverse("admin:commerce_purchase_changelist")):
        assert browser.get(path)["Location"] == "/my/security/"
    assert "asks everybody with an admin role" in browser.get("/my/security/").content.decode()
    key = shown_key(browser.get(SET_UP))
    assert browser.post(SET_UP, {"code": code_at(timezone.now(), key)}).status_code == 200
    assert browser.get(reverse("admin:index")).status_code == 200


def test_a_token_of_an_admin_without_one_has_no_rights_of_a_role(strict):
    admin = MembershipFactory(tenant=strict, roles=["global_admin"])
    api = Api(admin)
    answer = api.get("members/")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert "second factor" in answer.json()["detail"]
    assert api.get("tenant/").status_code == 200  # what every member may
    enrolled(admin)
    assert api.get("members/").status_code == 200


def test_people_without_a_role_are_not_asked(strict):
    for member in (MembershipFactory(tenant=strict), GuestFactory(tenant=strict)):
        assert not actor_of(member).needs_second_factor
        assert Api(member).get("tenant/").status_code == 200


def test_a_guest_with_a_role_is_asked_where_it_is_required_and_not_at_home(strict):
    home = MembershipFactory(roles=["global_reader"])
    guest = GuestFactory(tenant=strict, user=home.user, roles=["global_reader"])
    assert actor_of(guest).needs_second_factor
    assert not actor_of(home).needs_second_factor


def test_global_admins_say_whether_it_is_required_and_it_holds_at_the_next_click():
    admin = MembershipFactory(roles=["global_admin"])
    reader = signed_in(MembershipFactory(tenant=admin.tenant, roles=["global_reader"]))
    assert reader.get(reverse("admin:index")).status_code == 200
    page = reverse("admin:tenants_signinrules_change", args=[admin.tenant_id])
    browser = signed_in(admin)
    assert browser.get(page).status_code == 200
    assert browser.post(page, {"requires_second_factor": "on"}).status_code == 302
    assert reader.get(reverse("admin:index")).status_code == 302
    assert browser.get(page).status_code == 302  # nor is the one who said so spared
    assert Event.objects.get(type="sign_in.changed").data == {"requires_second_factor": [False, True]}


@pytest.mark.parametrize("role", ["billing_admin", "license_admin", "user_admin", "global_reader"])
def test_nobody_else_changes_how_people_sign_in(role):
    admin = MembershipFactory(roles=[role])
    page = reverse("admin:tenants_signinrules_change", args=[admin.tenant_id])
    assert signed_in(admin).get(page).status_code == 403
    assert signed_in(admin).post(page, {"requires_second_factor": "on"}).status_code == 403
    admin.tenant.refresh_from_db()
    assert not admin.tenant.requires_second_factor


def test_another_organisations_page_is_not_there(strict):
    browser = signed_in(MembershipFactory(roles=["global_admin"]))
    assert browser.get(reverse("admin:tenants_signinrules_change", args=[strict.pk])).status_code == 404
