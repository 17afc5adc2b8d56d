"""Access policies, however a product was bought: whom they let in, and who would lose access."""

import pytest

from licensing.operations import seats, subscriptions
from policies.models import GovernancePolicy
from policies.operations import access, governance
from policies.operations.access import entitlement
from policies.operations.governance import Terms
from tests.factories import (
    NOON,
    DepartmentFactory,
    FamilyFactory,
    GuestFactory,
    MembershipFactory,
    ProductFactory,
    acting,
)
from tests.policies.conftest import seat, told

pytestmark = pytest.mark.django_db


# --- Access


def test_an_access_policy_without_departments_turns_the_product_off(say, ana, plan, product):
    seat(ana, plan)
    assert told(ana, product) == (True, "seat")
    off = say("access", products=[product.pk])
    assert told(ana, product) == (False, "access_policy")
    governance.remove(policy=off, by=acting(off.set_by.memberships.get()), at=NOON)
    assert told(ana, product) == (True, "seat")


@pytest.mark.parametrize("where", ["product", "family", "all"])
def test_it_holds_for_a_product_a_family_or_everything(say, ana, plan, product, where):
    seat(ana, plan)
    named = {"product": {"products": [product.pk]}, "family": {"families": [product.family_id]}, "all": {}}
    say("access", **named[where])
    assert told(ana, product) == (False, "access_policy")


def test_it_means_nothing_for_other_products_and_data_policies_shut_nobody_out(say, ana, plan, product):
    seat(ana, plan)
    say("access", products=[ProductFactory().pk], families=[FamilyFactory().pk])
    say("residency")
    assert told(ana, product) == (True, "seat")


def test_departments_and_those_below_keep_access_and_nobody_else_does(say, tenant, plan, product):
    sales = DepartmentFactory(tenant=tenant)
    inside = DepartmentFactory(tenant=tenant, parent=DepartmentFactory(tenant=tenant, parent=sales))
    above = DepartmentFactory(tenant=tenant)
    sales.parent = above
    sales.save()
    say("access", departments=[sales])
    answers = {}
    for name, department in {"in": sales, "below": inside, "above": above, "none": None}.items():
        member = MembershipFactory(tenant=tenant, department=department)
        seat(member, plan)
        answers[name] = told(member, product)
    shut_out = (False, "access_policy")
    assert answers == {"in": (True, "seat"), "below": (True, "seat"), "above": shut_out, "none": shut_out}


def test_of_several_access_policies_each_must_let_a_person_in(say, tenant, plan, product):
    sales, legal = DepartmentFactory(tenant=tenant), DepartmentFactory(tenant=tenant)
    member = MembershipFactory(tenant=tenant, department=sales)
    seat(member, plan)
    say("access", name="Sales", departments=[sales])
    assert told(member, product) == (True, "seat")
    say("access", name="Legal", departments=[legal], products=[product.pk])
    assert told(member, product) == (False, "access_policy")


def test_who_holds_no_seat_is_told_that_and_so_is_a_guest(say, tenant, ana, product):
    say("access")
    assert told(ana, product) == (False, "no_seat")
    assert told(GuestFactory(tenant=tenant), product) == (False, "no_seat")


def test_an_entitlement_is_two_queries_with_one_policy_and_with_thirty(
    say, tenant, plan, product, django_assert_num_queries
):
    department = DepartmentFactory(tenant=tenant, parent=DepartmentFactory(tenant=tenant))
    member = MembershipFactory(tenant=tenant, department=department)
    seat(member, plan)
    for count in (0, 1, 29):
        for number in range(count):
            say("access", name=f"{count} {number}", departments=[department.parent])
        with django_assert_num_queries(2):
            assert entitlement(member=member, product=product).entitled


# --- Who would lose access


def emails(people):
    return people.count, people.emails


def test_the_effect_names_who_loses_access_and_who_has_it_again(say, tenant, by, plan, product):
    sales, legal = (DepartmentFactory(tenant=tenant, name=name) for name in ("Sales", "Legal"))
    below = DepartmentFactory(tenant=tenant, parent=sales)
    people = {"s": sales, "b": below, "l": legal, "n": None}
    for name, department in people.items():
        member = MembershipFactory(tenant=tenant, department=department, user__email=f"{name}@contoso.example")
        seat(member, plan)
    terms = Terms(name="Sales", kind="access", departments=[sales])
    found = access.effect(tenant=tenant, terms=terms)
    assert emails(found.loses) == (2, ("l@contoso.example", "n@contoso.example"))
    assert emails(found.regains) == (0, ())
    assert not GovernancePolicy.objects.exists()
    policy = governance.add(tenant=tenant, terms=terms, by=by, at=NOON)
    moved = access.effect(tenant=tenant, policy=policy, terms=Terms(name="Legal", kind="access", departments=[legal]))
    assert emails(moved.loses) == (2, ("b@contoso.example", "s@contoso.example"))
    assert emails(moved.regains) == (1, ("l@contoso.example",))
    gone = access.effect(tenant=tenant, policy=policy)
    assert emails(gone.regains) == (2, ("l@contoso.example", "n@contoso.example"))


def test_the_effect_counts_only_those_who_have_access_now(say, tenant, ana, plan, product):
    seat(ana, plan)
    left, nobody, elsewhere = MembershipFactory(tenant=tenant), MembershipFactory(tenant=tenant), MembershipFactory()
    for number, member in enumerate((left, elsewhere)):
        seat(member, plan, ref=f"other {number}")
    left.state = "left"
    left.save()
    off = Terms(name="Off", kind="access", products=[product.pk])
    assert emails(access.effect(tenant=tenant, terms=off).loses) == (1, (ana.user.email,))
    assert nobody.user.email not in access.effect(tenant=tenant, terms=off).loses.emails
    say("access", name="Off already", families=[product.family_id])
    assert access.effect(tenant=tenant, terms=off) == access.Effect()


def test_a_data_policy_takes_access_from_nobody(tenant, ana, plan):
    seat(ana, plan)
    assert access.effect(tenant=tenant, terms=Terms(name="Kept", kind="retention")) == access.Effect()


def test_the_effect_is_one_query_and_names_the_first_hundred(tenant, plan, django_assert_num_queries):
    people = MembershipFactory.create_batch(103, tenant=tenant)
    subscription = subscriptions.grant(
        plan=plan, quantity=103, channel="central", purchaser=people[0], order_ref="o", by=acting(people[0]), at=NOON
    )
    seats.Seat.objects.bulk_create(
        seats.Seat(tenant=tenant, subscription=subscription, member=member, assigned_at=NOON) for member in people
    )
    with django_assert_num_queries(1):
        found = access.effect(tenant=tenant, terms=Terms(name="Off", kind="access"))
    assert found.loses.count == 103
    assert found.loses.emails == tuple(sorted(member.user.email for member in people)[:100])
