import pytest

from tenants.access import SYSTEM, Right, actor_of
from tenants.directory.models import Membership, MemberState, Role, User
from tenants.directory.operations import people, roles
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import (
    NOON,
    DepartmentFactory,
    DomainFactory,
    GuestFactory,
    MembershipFactory,
    OperatorFactory,
    TenantFactory,
    UserFactory,
    admin_of,
)
from tests.race import race
from tests.tenants.conftest import nothing_was_written

pytestmark = pytest.mark.django_db


def add(tenant, email="new@contoso.test", **kwargs):
    return people.add_member(tenant=tenant, email=email, by=SYSTEM, at=NOON, **kwargs)


def change(membership, **kwargs):
    return people.change_member(membership=membership, by=SYSTEM, at=NOON, **kwargs)


# --- Adding


def test_adds_a_member_of_a_verified_domain(tenant):
    member = add(tenant, "New@Contoso.test", name="Nora New")
    assert (member.user.email, member.user.name, member.state, member.kind) == (
        "new@contoso.test",
        "Nora New",
        "active",
        "member",
    )
    assert not member.user.has_usable_password()
    event = Event.objects.get()
    assert (event.type, event.subject) == ("member.added", str(member.pk))
    assert "Nora" not in str(event.data)
    assert "contoso" not in str(event.data)


@pytest.mark.parametrize("email", ["new@elsewhere.test", "new@sub.contoso.test", "new@contoso.test.evil.test"])
def test_refuses_a_member_of_another_domain(tenant, email):
    with pytest.raises(BadInput):
        add(tenant, email)
    assert nothing_was_written()


def test_refuses_a_member_of_a_domain_that_is_not_verified(tenant):
    DomainFactory(tenant=tenant, name="claimed.test", verified_at=None)
    with pytest.raises(BadInput):
        add(tenant, "new@claimed.test")


def test_a_guest_may_have_any_address_and_keeps_name_and_password(tenant):
    home = MembershipFactory(name="Greta", user=UserFactory(name="Greta", can_sign_in=True))
    guest = add(tenant, home.user.email, kind="guest", name="Our Greta")
    assert guest.user == home.user
    assert (guest.user.name, guest.name) == ("Greta", "Our Greta")
    assert User.objects.get(pk=home.user_id).password == home.user.password


def test_refuses_somebody_who_is_there_already(tenant):
    add(tenant)
    with pytest.raises(people.MemberExists):
        add(tenant, "NEW@contoso.test")
    add(tenant, "guest@elsewhere.test", kind="guest")
    with pytest.raises(people.MemberExists):
        add(tenant, "guest@elsewhere.test", kind="guest")
    assert Membership.objects.count() == Event.objects.count() == 2


def test_refuses_a_guest_with_an_address_of_the_tenants_own(tenant):
    with pytest.raises(BadInput) as refused:
        add(tenant, kind="guest")
    assert (refused.value.field, refused.value.field_code) == ("kind", "domain_is_your_own")
    assert nothing_was_written()


@pytest.mark.parametrize("name", ["Evil\r\nBcc: all@x.test", "a\tb", "admin\u202egpj"])
def test_refuses_a_name_that_breaks_out_of_its_line(tenant, name):
    with pytest.raises(BadInput) as refused:
        add(tenant, name=name)
    assert (refused.value.field, refused.value.field_code) == ("name", "character_not_allowed")
    assert nothing_was_written()
    member = add(tenant)
    with pytest.raises(BadInput):
        people.change_member(membership=member, name=name, by=SYSTEM, at=NOON)


def test_refuses_a_second_home(tenant):
    other = DomainFactory(name="fabrikam.test").tenant
    user = add(tenant, "moved@contoso.test").user
    tenant.domains.update(tenant=other)
    with pytest.raises(people.MemberExists):
        add(other, user.email)


def test_an_operator_is_a_member_of_no_tenant(tenant):
    for email, kind in (("op@contoso.test", "member"), ("op@vendor.test", "guest")):
        OperatorFactory(email=email)
        with pytest.raises(people.MemberExists):
            add(tenant, email, kind=kind)
    assert nothing_was_written()


def test_a_demo_tenants_new_people_get_the_demo_password(tenant):
    tenant.is_demo = True
    tenant.save()
    for user in (add(tenant).user, add(tenant, "guest@elsewhere.test", kind="guest").user):
        assert user.is_demo
        assert user.check_password("seatwise-demo")


def test_a_demo_never_changes_the_password_of_somebody_who_has_one(tenant):
    tenant.is_demo = True
    tenant.save()
    home = MembershipFactory(user=UserFactory(can_sign_in=True))
    guest = add(tenant, home.user.email, kind="guest")
    assert not guest.user.is_demo
    assert not guest.user.check_password("seatwise-demo")


def test_a_person_who_finds_a_real_home_loses_the_demo_password(tenant):
    demo = TenantFactory(is_demo=True)
    add(demo, "new@contoso.test", kind="guest")
    user = add(tenant, "new@contoso.test").user
    assert not user.is_demo
    assert not user.has_usable_password()


@pytest.mark.django_db(transaction=True)
def test_one_of_ten_who_add_the_same_person_wins():
    tenant = DomainFactory(name="contoso.test").tenant
    assert race(lambda _: add(tenant), range(10), refused=people.MemberExists) == 1
    assert Membership.objects.count() == Event.objects.count() == 1


# --- Changing


def test_changes_what_is_the_tenants_own(tenant):
    member = MembershipFactory(tenant=tenant, name="Old")
    sales = DepartmentFactory(tenant=tenant)
    change(member, name="New", department=sales, state="disabled", source="synced")
    member.refresh_from_db()
    assert (member.name, member.department, member.state, member.source) == ("New", sales, "disabled", "synced")
    assert member.user.name == "New"
    changed, left = Event.objects.order_by("pk")
    assert (changed.type, changed.data["changes"]["state"]) == ("member.changed", ["active", "disabled"])
    assert "New" not in str(changed.data["changes"])
    assert (left.type, left.subject, left.data) == ("member.left", str(member.pk), {"state": "disabled"})


def test_changing_nothing_says_nothing(tenant):
    member = MembershipFactory(tenant=tenant)
    change(member, state="active", name=member.name)
    assert nothing_was_written()


def test_of_a_guest_only_department_and_state_change():
    guest = GuestFactory()
    for what in ({"name": "Other"}, {"source": "synced"}):
        with pytest.raises(BadInput):
            change(guest, **what)
    change(guest, state="left", department=DepartmentFactory(tenant=guest.tenant))
    assert Membership.objects.get(pk=guest.pk).state == "left"


@pytest.mark.parametrize("state", ["disabled", "left"])
def test_the_last_global_admin_stays(admin, state):
    MembershipFactory(tenant=admin.tenant, roles=["global_admin"], state=MemberState.DISABLED)
    MembershipFactory(roles=["global_admin"])  # of another tenant
    with pytest.raises(roles.LastGlobalAdmin):
        change(admin, state=state)
    with pytest.raises(roles.LastGlobalAdmin):
        roles.revoke(membership=admin, role=Role.GLOBAL_ADMIN, by=SYSTEM, at=NOON)
    assert Membership.objects.get(pk=admin.pk).is_active
    assert nothing_was_written()


def test_one_of_two_global_admins_may_go(admin):
    MembershipFactory(tenant=admin.tenant, roles=["global_admin"])
    change(admin, state="left")
    assert not Membership.objects.get(pk=admin.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_of_two_global_admins_who_disable_each_other_one_stays():
    tenant = TenantFactory()
    admins = MembershipFactory.create_batch(2, tenant=tenant, roles=["global_admin"])
    assert race(lambda m: change(m, state="disabled"), admins, refused=roles.LastGlobalAdmin) == 1
    assert Membership.objects.active().of(tenant).count() == 1


def test_a_role_that_one_lacks_protects_whoever_has_it_beside_one_that_one_has(tenant):
    by = admin_of(tenant, "user_admin")
    peer = MembershipFactory(tenant=tenant, roles=["user_admin"])
    above = MembershipFactory(tenant=tenant, roles=["user_admin", "billing_admin"])
    with pytest.raises(NotAllowed):
        people.change_member(membership=above, state="left", by=by, at=NOON)
    people.change_member(membership=peer, state="left", by=by, at=NOON)
    assert [Membership.objects.get(pk=each.pk).state for each in (above, peer)] == ["active", "left"]


def test_roles_come_and_go_at_once(tenant):
    member = MembershipFactory(tenant=tenant)
    for _ in range(2):
        roles.grant(membership=member, role=Role.BILLING_ADMIN, by=SYSTEM, at=NOON)
    assert actor_of(member).may(Right.CHANGE_POLICY)
    for _ in range(2):
        roles.revoke(membership=member, role=Role.BILLING_ADMIN, by=SYSTEM, at=NOON)
    assert not actor_of(member).may(Right.CHANGE_POLICY)
    assert list(Event.objects.order_by("pk").values_list("type", flat=True)) == ["role.granted", "role.revoked"]
