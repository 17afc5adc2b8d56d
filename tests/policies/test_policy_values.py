"""Values for every scope: tenant, family, product, department, person, for good and for a time."""

import itertools
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.models import Policy
from policies.operations import policies, values
from policies.operations.scopes import STANDING, Scope, Time
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import (
    NOON,
    DepartmentFactory,
    GuestFactory,
    MembershipFactory,
    ProductFactory,
    TenantFactory,
    admin_of,
)
from tests.policies.conftest import codes
from tests.race import at_once

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def ana(market):
    member = MembershipFactory()
    member.department = DepartmentFactory(tenant=member.tenant)
    member.save()
    return member


def put(tenant, value="disabled", reason="Too dear", by=SYSTEM, at=NOON, time=STANDING, **scope):
    return values.put(tenant=tenant, scope=Scope(**scope), value=value, reason=reason, by=by, at=at, time=time)


def remove(row, reason="No longer", by=SYSTEM, at=NOON):
    values.remove(policy=row, reason=reason, by=by, at=at)


def days(first, last=None):
    return Time(valid_from=NOON + first * DAY, valid_to=None if last is None else NOON + last * DAY)


def history():
    return [(e.data["level"], e.data["old"], e.data["new"], e.data["reason"]) for e in Event.objects.order_by("pk")]


def scopes_of(ana, product):
    family = product.family
    return {
        "tenant": {},
        "family": {"family": family},
        "product": {"product": product},
        "department": {"department": ana.department},
        "department and product": {"department": ana.department, "product": product},
        "department and family": {"department": ana.department, "family": family},
        "member": {"member": ana},
        "member and product": {"member": ana, "product": product},
        "member and family": {"member": ana, "family": family},
    }


SCOPES = [
    "tenant", "family", "product", "department", "department and product", "department and family", "member",
    "member and product", "member and family",
]  # fmt: skip


@pytest.mark.parametrize("named", SCOPES)
def test_each_scope_is_said_kept_in_the_journal_and_taken_back(ana, product, named):
    scope, admin = scopes_of(ana, product)[named], admin_of(ana.tenant)
    nobody = None if named.startswith(("department", "member")) else "enabled"
    row = put(ana.tenant, by=admin, **scope)
    assert codes(ana, product) == ["policy_disabled"]
    [event] = Event.objects.all()
    ids = {name: str(part.pk) for name, part in scope.items()}
    assert event.data == {"level": named.split()[0], **ids, "old": nobody, "new": "disabled", "reason": "Too dear"}
    assert (event.type, event.actor) == ("policy.changed", admin.user)
    assert event.subject == (next(iter(ids.values())) if ids else str(ana.tenant.pk))
    remove(row, by=admin)
    assert codes(ana, product) == []
    assert history()[1] == (named.split()[0], "disabled", nobody, "No longer")
    remove(row, by=admin)
    assert len(history()) == 2


def test_a_scope_with_a_value_is_replaced_and_the_same_again_changes_nothing(ana, product):
    first = put(ana.tenant, member=ana)
    assert put(ana.tenant, member=ana, at=NOON + DAY).set_at == NOON
    again = put(ana.tenant, value="approval_required", member=ana)
    assert again.pk == first.pk == Policy.objects.get().pk
    assert history() == [
        ("member", None, "disabled", "Too dear"),
        ("member", "disabled", "approval_required", "Too dear"),
    ]


def test_a_value_for_a_time_holds_from_its_beginning_until_its_end(ana, product):
    put(ana.tenant, value="enabled", product=product)
    put(ana.tenant, time=days(1, 3), product=product)
    held = [codes(ana, product, at=NOON + n * DAY) for n in (0, 1, 2, 3)]
    assert held == [[], ["policy_disabled"], ["policy_disabled"], []]
    last = Event.objects.latest("pk").data
    assert (last["old"], last["new"]) == ("enabled", "disabled")
    assert (last["valid_from"][:10], last["valid_to"][:10]) == ("2026-03-11", "2026-03-13")


@pytest.mark.parametrize("wanted", [days(0, 2), days(2, 4), days(1), days(0), Time(valid_to=NOON + 2 * DAY), days(2)])
def test_refuses_two_values_at_a_time_for_one_scope(ana, product, wanted):
    put(ana.tenant, time=days(1, 3), member=ana)
    with pytest.raises(values.PolicyOverlaps):
        put(ana.tenant, value="enabled", time=wanted, member=ana)
    assert len(history()) == Policy.objects.count() == 1


@pytest.mark.parametrize("wanted", [days(0, 1), days(3, 4), days(3), Time(valid_to=NOON + DAY), STANDING])
def test_what_only_touches_does_not_overlap(ana, product, wanted):
    put(ana.tenant, time=days(1, 3), member=ana)
    put(ana.tenant, value="enabled", time=wanted, member=ana)
    put(ana.tenant, value="enabled", time=days(1, 3), member=ana)
    put(ana.tenant, time=days(1, 3), member=ana, product=product)
    assert Policy.objects.count() == 3


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (days(2, 2), "ends_before_it_begins"),
        (days(3, 2), "ends_before_it_begins"),
        (Time(valid_to=NOON), "in_the_past"),
        (days(-3, -1), "in_the_past"),
    ],
)
def test_refuses_a_time_that_cannot_be(ana, time, code):
    with pytest.raises(BadInput) as refused:
        put(ana.tenant, time=time, member=ana)
    assert (refused.value.field, refused.value.field_code) == ("valid_to", code)
    assert not Policy.objects.exists()


def test_people_and_departments_of_others_do_not_exist(ana, product):
    guest = GuestFactory(tenant=ana.tenant)
    for scope, field in [
        ({"member": MembershipFactory()}, "member"),
        ({"member": guest}, "member"),
        ({"department": DepartmentFactory()}, "department"),
    ]:
        with pytest.raises(BadInput) as refused:
            put(ana.tenant, **scope)
        assert (refused.value.field, refused.value.field_code) == (field, "does_not_exist")
    for scope, field in [
        ({"member": ana, "department": ana.department}, "department"),
        ({"product": product, "family": product.family}, "family"),
    ]:
        with pytest.raises(BadInput) as refused:
            put(ana.tenant, **scope)
        assert (refused.value.field, refused.value.field_code) == (field, "not_both")
    assert not Policy.objects.exists()


@pytest.mark.parametrize("wrong", [{"value": "on"}, {"reason": " "}, {"reason": "x" * 501}, {"reason": "a\0"}])
def test_refuses_bad_input(ana, wrong):
    with pytest.raises(BadInput) as refused:
        put(ana.tenant, member=ana, **wrong)
    assert refused.value.field == next(iter(wrong))
    assert not Policy.objects.exists()


def test_roles_decide(ana):
    row = put(ana.tenant)
    for role in ("license_admin", "user_admin", "global_reader"):
        with pytest.raises(NotAllowed):
            put(ana.tenant, by=admin_of(ana.tenant, role), member=ana)
        with pytest.raises(NotAllowed):
            remove(row, by=admin_of(ana.tenant, role))
    with pytest.raises(NotAllowed):
        remove(row, by=admin_of(TenantFactory()))
    assert list(Policy.objects.all()) == [row]


# --- Many products


def test_many_products_are_set_at_once_and_each_change_is_kept(ana):
    products = ProductFactory.create_batch(3)
    put(ana.tenant, product=products[0])
    put(ana.tenant, product=products[1], value="enabled")
    said = policies.set_product_policies(
        tenant=ana.tenant, products=[*products, products[0]], value="disabled", reason="Too dear", by=SYSTEM, at=NOON
    )
    assert [(policy.product, policy.value, policy.source.level) for policy in said] == [
        (product, "disabled", "product") for product in products
    ]
    assert [(old, new) for _level, old, new, _reason in history()[2:]] == [("enabled", "disabled")] * 2


def test_many_products_are_all_or_none(ana):
    products = ProductFactory.create_batch(2)
    for wrong in ({"products": []}, {"value": "off"}, {"reason": ""}):
        told = {"products": products, "value": "disabled", "reason": "Why", **wrong}
        with pytest.raises(BadInput) as refused:
            policies.set_product_policies(tenant=ana.tenant, **told, by=SYSTEM, at=NOON)
        assert refused.value.field == next(iter(wrong))
    with pytest.raises(NotAllowed):
        policies.set_product_policies(
            tenant=ana.tenant, products=products, value="disabled", reason="Why", by=admin_of(TenantFactory()), at=NOON
        )
    assert not Policy.objects.exists()


def test_thirty_products_take_the_queries_of_two(ana):
    def cost(products, value):
        with CaptureQueriesContext(connection) as caught:
            policies.set_product_policies(
                tenant=ana.tenant, products=products, value=value, reason="Why", by=SYSTEM, at=NOON
            )
        return len(caught)

    few, many = ProductFactory.create_batch(2), ProductFactory.create_batch(30)
    assert cost(few, "disabled") == cost(many, "disabled")
    assert cost(few, "enabled") == cost(many, "enabled")


# --- Races


def windows(tenant):
    return [(tenant, days(n, n + 2)) for n in range(1, 5)]


@pytest.mark.django_db(transaction=True)
def test_of_many_values_at_a_time_those_that_overlap_are_refused():
    tenant = TenantFactory()
    outcomes = at_once(lambda job: put(job[0], time=job[1]), windows(tenant))
    assert {type(o) for o in outcomes if isinstance(o, Exception)} == {values.PolicyOverlaps}
    times = sorted((row.valid_from, row.valid_to) for row in Policy.objects.all())
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(times))


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_values_would_hold_at_a_time(monkeypatch):
    tenant = TenantFactory()
    both_have_read, read = Barrier(2), values._rows_of

    def read_together(tenant, scopes):
        found = read(tenant, scopes)
        both_have_read.wait(timeout=30)
        return found

    monkeypatch.setattr(values.organisations, "lock", lambda tenant: None)
    monkeypatch.setattr(values, "_rows_of", read_together)
    outcomes = at_once(lambda job: put(job[0], time=job[1]), windows(tenant)[:2])
    assert [o for o in outcomes if isinstance(o, Exception)] == []
    assert Policy.objects.count() == 2
