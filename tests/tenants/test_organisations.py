import pytest

from tenants.access import SYSTEM
from tenants.directory.models import Department, Domain, Tenant, User
from tenants.directory.operations import organisations, people, roles
from tenants.directory.operations.people import DEMO_PASSWORD
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of

pytestmark = pytest.mark.django_db


def add_tenant(by=SYSTEM, **changes):
    values = {"slug": "contoso", "name": "Contoso", "country": "US", "time_zone": "America/New_York", **changes}
    return organisations.add_tenant(by=by, at=NOON, **values)


def told():
    return [(event.type, event.subject, event.at) for event in Event.objects.order_by("pk")]


def test_an_organisation_comes_with_what_was_said_of_it():
    tenant = add_tenant(sector="education", managed=False)
    tenant.refresh_from_db()
    assert (tenant.slug, tenant.sector, tenant.managed, tenant.created_at) == ("contoso", "education", False, NOON)
    assert told() == [("tenant.added", str(tenant.pk), NOON)]


def test_a_slug_is_given_once():
    add_tenant()
    with pytest.raises(organisations.TenantExists):
        add_tenant(name="Another")
    assert (Tenant.objects.count(), len(told())) == (1, 1)


@pytest.mark.parametrize("zone", ["", "Europe/Nowhere", "../etc/passwd"])
def test_an_organisation_lives_in_a_known_time_zone(zone):
    with pytest.raises(BadInput) as refused:
        add_tenant(time_zone=zone)
    assert (refused.value.field, Tenant.objects.count()) == ("time_zone", 0)


def test_a_domain_leads_to_one_organisation():
    tenant = TenantFactory()
    domain = organisations.add_domain(tenant=tenant, name="Contoso.example", by=SYSTEM, at=NOON)
    assert list(Domain.objects.leading_to_buyers()) == [domain]
    with pytest.raises(organisations.DomainTaken):
        organisations.add_domain(tenant=TenantFactory(), name="contoso.example", by=SYSTEM, at=NOON)
    assert told() == [("domain.verified", str(domain.pk), NOON)]


def test_the_domain_of_an_unmanaged_organisation_leads_nobody_to_a_purchase():
    organisations.add_domain(tenant=TenantFactory(managed=False), name="driftwood.example", by=SYSTEM, at=NOON)
    assert not Domain.objects.leading_to_buyers().exists()


def test_a_department_is_named_once():
    tenant = TenantFactory()
    above = organisations.add_department(tenant=tenant, name="IT", by=admin_of(tenant), at=NOON)
    below = organisations.add_department(tenant=tenant, name="Help desk", parent=above, by=admin_of(tenant), at=NOON)
    assert Department.objects.get(pk=below.pk).parent == above
    with pytest.raises(organisations.DepartmentExists):
        organisations.add_department(tenant=tenant, name="IT", by=admin_of(tenant), at=NOON)
    assert [type for type, *_ in told()] == ["department.added"] * 2


def test_an_operator_is_of_no_organisation_and_signs_in_only_in_a_demo():
    staff = people.add_operator(email="Op@seatwise.example", name="Olu", by=SYSTEM, at=NOON)
    demo = people.add_operator(email="demo@seatwise.example", name="Olu", is_demo=True, by=SYSTEM, at=NOON)
    assert (staff.email, staff.is_operator, staff.has_usable_password()) == ("op@seatwise.example", True, False)
    assert demo.check_password(DEMO_PASSWORD)
    with pytest.raises(people.OperatorExists):
        people.add_operator(email="op@seatwise.example", name="Olu", by=SYSTEM, at=NOON)
    assert [type for type, *_ in told()] == ["operator.added"] * 2


@pytest.mark.parametrize(
    "act",
    [
        lambda tenant, by: add_tenant(by=by),
        lambda tenant, by: organisations.add_domain(tenant=tenant, name="a.example", by=by, at=NOON),
        lambda tenant, by: people.add_operator(email="a@b.example", name="", by=by, at=NOON),
    ],
)
def test_what_is_the_operators_is_refused_to_an_organisations_admin(act):
    tenant = TenantFactory()
    admin, before = admin_of(tenant), User.objects.count()
    with pytest.raises(NotAllowed):
        act(tenant, admin)
    assert (Tenant.objects.count(), Domain.objects.count(), User.objects.count()) == (1, 0, before)
    assert told() == []


@pytest.mark.parametrize("who", ["billing admin", "colleague", "admin elsewhere"])
@pytest.mark.parametrize(
    "act",
    [
        lambda m, by: organisations.add_department(tenant=m.tenant, name="IT", by=by, at=NOON),
        lambda m, by: people.add_member(tenant=m.tenant, email="a@b.example", kind="guest", by=by, at=NOON),
        lambda m, by: people.change_member(membership=m, state="left", by=by, at=NOON),
        lambda m, by: roles.grant(membership=m, role="global_admin", by=by, at=NOON),
        lambda m, by: roles.revoke(membership=m, role="global_admin", by=by, at=NOON),
    ],
)
def test_people_are_managed_by_those_who_have_the_right_in_this_very_organisation(act, who):
    member = MembershipFactory()
    by = {
        "billing admin": lambda: admin_of(member.tenant, "billing_admin"),
        "colleague": lambda: acting(MembershipFactory(tenant=member.tenant)),
        "admin elsewhere": lambda: admin_of(TenantFactory()),
    }[who]()
    with pytest.raises(NotAllowed):
        act(member, by)
    assert told() == []
    assert not User.objects.filter(email="a@b.example").exists()
