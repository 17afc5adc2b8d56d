import uuid

import pytest

from tenants.directory.models import Membership, RoleGrant
from tests.callers import Api, signed_in
from tests.factories import DepartmentFactory, GuestFactory, MembershipFactory
from tests.tenants.conftest import nothing_was_written

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(admin):
    return Api(admin)


def test_lists_the_tenants_people_only(admin, api):
    guest = GuestFactory(tenant=admin.tenant, name="As we call her")
    MembershipFactory()
    rows = {row["email"]: row for row in api.get("members/").json()["results"]}
    assert set(rows) == {admin.user.email, guest.user.email}
    assert rows[guest.user.email] | {"created_at": 0} == {
        "id": str(guest.pk),
        "email": guest.user.email,
        "name": "As we call her",
        "kind": "guest",
        "department": None,
        "state": "active",
        "source": "cloud",
        "away_until": None,
        "roles": [],
        "created_at": 0,
    }


def test_adds_reads_and_changes_by_the_api(admin, api):
    DepartmentFactory(tenant=admin.tenant, name="Sales")
    added = api.post("members/", {"email": "New@contoso.test", "name": "Nora", "department": "Sales"})
    assert added.status_code == 201
    assert (added.json()["email"], added.json()["department"]) == ("new@contoso.test", "Sales")
    path = f"members/{added.json()['id']}/"
    assert api.get(path).json() == added.json()
    changed = api.patch(path, {"state": "disabled", "department": None})
    assert (changed.json()["state"], changed.json()["department"]) == ("disabled", None)
    assert api.post("members/", {"email": "new@contoso.test"}).json()["code"] == "member_exists"


@pytest.mark.parametrize(
    "body, field, code",
    [
        ({}, "email", "required"),
        ({"email": "nobody"}, "email", "invalid"),
        ({"email": "x@elsewhere.test"}, "email", "domain_not_verified"),
        ({"email": "x@contoso.test", "kind": "boss"}, "kind", "invalid_choice"),
        ({"email": "x@contoso.test", "state": "asleep"}, "state", "invalid_choice"),
        ({"email": "x@contoso.test", "name": "x" * 201}, "name", "max_length"),
        ({"email": "x" * 300 + "@contoso.test"}, "email", "max_length"),
        ({"email": "x@contoso.test", "department": "None such"}, "department", "does_not_exist"),
        ({"email": "x@contoso.test", "department": 7}, "department", "invalid"),
        ({"email": "x@contoso.test", "department": "x" * 5000}, "department", "does_not_exist"),
        ({"email": "x@contoso.test", "department": str(uuid.uuid4())}, "department", "does_not_exist"),
        ({"email": "x@contoso.test", "role": "global_admin"}, "role", "unknown_field"),
    ],
)
def test_refuses_what_is_no_member(api, body, field, code):
    answer = api.post("members/", body)
    assert answer.status_code == 400
    assert (field, code) in [(e["field"], e["code"]) for e in answer.json()["errors"]]
    assert Membership.objects.count() == 1


def test_another_tenants_department_is_one_that_never_was(api):
    foreign = DepartmentFactory(name="Theirs")
    for named in (str(foreign.pk), "Theirs"):
        answer = api.post("members/", {"email": "x@contoso.test", "department": named})
        assert answer.json()["errors"][0]["code"] == "does_not_exist"


def test_the_address_and_kind_are_set_once(admin, api):
    member = MembershipFactory(tenant=admin.tenant)
    for body in ({"email": "other@contoso.test"}, {"kind": "guest"}):
        assert api.patch(f"members/{member.pk}/", body).json()["errors"][0]["code"] == "unknown_field"


def test_another_tenants_people_are_not_there(api):
    foreign = MembershipFactory()
    assert api.get(f"members/{foreign.pk}/").status_code == 404
    assert api.patch(f"members/{foreign.pk}/", {"state": "left"}).status_code == 404
    assert Membership.objects.get(pk=foreign.pk).is_active


@pytest.mark.parametrize("role", [None, "billing_admin", "license_admin", "global_reader"])
def test_only_global_and_user_admins_manage_people(admin, role):
    member = MembershipFactory(tenant=admin.tenant, roles=[role] if role else [])
    api = Api(member)
    path = f"members/{admin.pk}/"
    answers = [
        api.get("members/"),
        api.post("members/", {"email": "x@contoso.test"}),
        api.get(path),
        api.patch(path, {"state": "left"}),
        api.get(f"members/{uuid.uuid4()}/"),
    ]
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "not_allowed")}
    assert nothing_was_written()


def test_the_last_global_admin_is_refused_by_code(admin, api):
    answer = api.patch(f"members/{admin.pk}/", {"state": "disabled"})
    assert (answer.status_code, answer.json()["code"]) == (409, "last_global_admin")


def test_a_change_of_role_acts_at_the_next_request(admin, api):
    assert api.get("members/").status_code == 200
    RoleGrant.objects.filter(membership=admin).delete()
    assert api.get("members/").status_code == 403


def test_disabling_ends_sessions_and_tokens(admin, api):
    member = MembershipFactory(tenant=admin.tenant, roles=["global_reader"])
    token, browser = Api(member), signed_in(member)
    assert token.get("events/").status_code == 200
    api.patch(f"members/{member.pk}/", {"state": "disabled"})
    assert token.get("events/").status_code == 401
    browser.get("/sign-in/")
    assert "_auth_user_id" not in browser.session


def test_a_user_admin_manages_people_but_nobody_with_a_role_they_do_not_hold(admin):
    desk = Api(MembershipFactory(tenant=admin.tenant, roles=["user_admin"]))
    peer = MembershipFactory(tenant=admin.tenant, roles=["user_admin"])
    above = MembershipFactory(tenant=admin.tenant, roles=["user_admin", "global_reader"])
    assert desk.post("members/", {"email": "x@contoso.test"}).status_code == 201
    assert desk.patch(f"members/{peer.pk}/", {"state": "disabled"}).status_code == 200
    for member in (above, admin):
        assert desk.get(f"members/{member.pk}/").status_code == 200
        answer = desk.patch(f"members/{member.pk}/", {"state": "disabled"})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert Membership.objects.get(pk=member.pk).is_active


def test_whoever_was_disabled_with_a_role_is_not_let_in_again_by_a_user_admin(admin):
    gone = MembershipFactory(tenant=admin.tenant, roles=["billing_admin"], state="disabled")
    desk = Api(MembershipFactory(tenant=admin.tenant, roles=["user_admin"]))
    assert desk.patch(f"members/{gone.pk}/", {"state": "active"}).status_code == 403
    assert not Membership.objects.get(pk=gone.pk).is_active


def test_roles_are_given_and_taken_by_the_api(admin, api):
    member = MembershipFactory(tenant=admin.tenant)
    path = f"members/{member.pk}/roles/billing_admin/"
    for _ in range(2):
        assert api.put(path, {}).json()["roles"] == ["billing_admin"]
    for _ in range(2):
        assert api.delete(path).json()["roles"] == []
    assert api.put(f"members/{member.pk}/roles/boss/", {}).status_code == 404
    answer = api.delete(f"members/{admin.pk}/roles/global_admin/")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_global_admin")


@pytest.mark.parametrize("role", [None, "billing_admin", "license_admin", "user_admin", "global_reader"])
def test_only_global_admins_give_roles(admin, role):
    member = MembershipFactory(tenant=admin.tenant, roles=[role] if role else [])
    for method in ("PUT", "DELETE"):
        answer = Api(member).call(method, f"members/{member.pk}/roles/global_admin/", {})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert nothing_was_written()


def test_the_number_of_queries_does_not_grow(admin, api, django_assert_num_queries):
    with django_assert_num_queries(5):
        api.get("members/")
    for n in range(30):
        MembershipFactory(tenant=admin.tenant, department=DepartmentFactory(tenant=admin.tenant, name=f"D{n}"))
    with django_assert_num_queries(5):
        assert len(api.get("members/").json()["results"]) == 31
