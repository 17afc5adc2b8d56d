"""What a tenant says about data and access, however it was bought: said, changed, removed, and what holds for whom."""

import pytest

from licensing.operations import seats, subscriptions
from policies.models import Acknowledgement, GovernancePolicy
from policies.models.governance import governance_of
from policies.operations import access, acknowledgements, governance
from policies.operations.access import entitlement
from policies.operations.governance import GovernancePolicyExists, GovernancePolicyGone, Terms
from tenants.access import NotAllowed
from tenants.journal.models import Event
from tenants.refusal import BadInput
from tests.factories import (
    NOON,
    DepartmentFactory,
    FamilyFactory,
    GuestFactory,
    MembershipFactory,
    PlanFactory,
    ProductFactory,
    TenantFactory,
    acting,
    admin_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def by(tenant):
    return admin_of(tenant)


@pytest.fixture
def plan():
    return PlanFactory()


@pytest.fixture
def product(plan):
    return plan.product


@pytest.fixture
def ana(tenant):
    return MembershipFactory(tenant=tenant, user__email="ana@contoso.example")


@pytest.fixture
def say(tenant, by):
    """Set a policy of the tenant's."""

    def add(kind="residency", name="", **said):
        terms = Terms(name=name or f"About {kind}", kind=kind, **said)
        return governance.add(tenant=tenant, terms=terms, by=by, at=NOON)

    return add


def seat(member, plan, ref=""):
    """A seat of the plan for a member."""
    by = acting(member)
    subscription = subscriptions.grant(
        plan=plan, quantity=1, channel="self_service", purchaser=member, order_ref=ref or str(member.pk), by=by, at=NOON
    )
    seats.assign(subscription=subscription, members=[member], by=by, at=NOON)
    return subscription


def told(member, product):
    answer = entitlement(member=member, product=product)
    return answer.entitled, answer.reason


def names(tenant, product):
    return [policy.name for policy in governance_of(tenant, [product])[product.pk]]


# --- What holds for which product


@pytest.mark.parametrize("kind", ["residency", "retention", "sharing", "loss_prevention", "access"])
def test_a_policy_of_any_kind_holds_for_all_products_where_it_names_none(say, tenant, product, kind):
    say(kind, name="For all")
    assert names(tenant, product) == ["For all"]


def test_a_policy_holds_for_the_products_and_families_that_it_names(say, tenant, product):
    sibling, other = ProductFactory(family=product.family), ProductFactory()
    say(name="Product", products=[product.pk])
    say(name="Family", families=[product.family_id])
    say(name="Both", families=[other.family_id], products=[product.pk])
    assert names(tenant, product) == ["Both", "Family", "Product"]
    assert names(tenant, sibling) == ["Family"]
    assert names(tenant, other) == ["Both"]


def test_other_tenants_policies_mean_nothing(say, product, plan):
    say("access", name="Off")
    other = MembershipFactory()
    seat(other, plan)
    assert names(other.tenant, product) == []
    assert told(other, product) == (True, "seat")


def test_what_holds_is_read_in_two_queries_whatever_the_number(say, tenant, django_assert_num_queries):
    products = ProductFactory.create_batch(30)
    say("access", name="One", departments=[DepartmentFactory(tenant=tenant)])
    with django_assert_num_queries(2):
        governance_of(tenant, products[:1])
    for product in products:
        say(name=f"For {product.pk}", products=[product.pk], families=[product.family_id])
    with django_assert_num_queries(2):
        assert all(len(rows) == 2 for rows in governance_of(tenant, products).values())


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


# --- Saying it


def journal():
    return [(event.type, event.data["old"], event.data["new"], event.data["reason"]) for event in Event.objects.all()]


def test_each_change_stands_in_the_journal_with_old_new_and_why(tenant, by, product):
    department = DepartmentFactory(tenant=tenant)
    terms = Terms(name="EU only", kind="residency", settings={"Region": "EU"}, products=[product.pk], acknowledge=True)
    policy = governance.add(tenant=tenant, terms=terms, reason="The law", by=by, at=NOON)
    changes = {"kind": "access", "acknowledge": False, "departments": [department]}
    governance.change(policy=policy, reason="A new law", by=by, at=NOON, **changes)
    governance.remove(policy=policy, reason="No law", by=by, at=NOON)
    first = {
        "name": "EU only",
        "kind": "residency",
        "settings": {"Region": "EU"},
        "acknowledge": True,
        "families": [],
        "products": [product.pk],
        "departments": [],
    }
    second = first | {"kind": "access", "acknowledge": False, "departments": [str(department.pk)]}
    assert journal() == [
        ("governance.set", None, first, "The law"),
        ("governance.changed", first, second, "A new law"),
        ("governance.removed", second, None, "No law"),
    ]
    assert {event.actor for event in Event.objects.all()} == {by.user}


def test_the_same_again_changes_nothing(say, by):
    policy = say(settings={"Region": "EU"})
    again = governance.change(policy=policy, settings={"Region": "EU"}, by=by, at=NOON)
    assert (again.version, Event.objects.count()) == (1, 1)
    assert governance.change(policy=policy, settings={"Region": "US"}, by=by, at=NOON).version == 2


def test_whoever_is_slower_than_a_removal_is_told_and_writes_nothing(say, by):
    policy = say(settings={"Region": "EU"})
    governance.remove(policy=GovernancePolicy.objects.get(), by=by, at=NOON)
    with pytest.raises(GovernancePolicyGone):
        governance.change(policy=policy, settings={"Region": "US"}, by=by, at=NOON)
    governance.remove(policy=policy, by=by, at=NOON)
    assert list(Event.objects.order_by("pk").values_list("type", flat=True)) == ["governance.set", "governance.removed"]


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"kind": "weather"}, "kind", "invalid_choice"),
        ({"name": "  "}, "name", "blank"),
        ({"name": "x" * 101}, "name", "max_length"),
        ({"name": "a\nb"}, "name", "character_not_allowed"),
        ({"products": ["NONE"]}, "products", "does_not_exist"),
        ({"families": ["none"]}, "families", "does_not_exist"),
        ({"settings": {"Days": 30}}, "settings", "invalid"),
        ({"settings": {"": "x"}}, "settings", "blank"),
        ({"settings": {"Days": "x" * 501}}, "settings", "max_length"),
        ({"settings": {f"n{n}": "x" for n in range(21)}}, "settings", "too_many"),
        ({"kind": "access", "acknowledge": True}, "acknowledge", "not_of_this_kind"),
    ],
)
def test_terms_that_cannot_be_are_refused_by_field(tenant, by, said, field, code):
    terms = {"name": "Policy", "kind": "retention", **said}
    with pytest.raises(BadInput) as refused:
        governance.add(tenant=tenant, terms=Terms(**terms), by=by, at=NOON)
    assert (refused.value.field, refused.value.field_code) == (field, code)
    assert not GovernancePolicy.objects.exists()


def test_departments_are_of_the_tenant_and_of_access_policies_only(tenant, say):
    own, foreign = DepartmentFactory(tenant=tenant), DepartmentFactory()
    for said in ({"kind": "sharing", "departments": [own]}, {"kind": "access", "departments": [foreign]}):
        with pytest.raises(BadInput) as refused:
            say(**said)
        assert refused.value.field == "departments"


def test_a_name_stands_once_in_a_tenant(say, by):
    first, second = say(name="Kept"), say(name="Other")
    with pytest.raises(GovernancePolicyExists):
        say(name="Kept")
    with pytest.raises(GovernancePolicyExists):
        governance.change(policy=second, name=first.name, by=by, at=NOON)


@pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
def test_only_who_may_change_policies_sets_changes_and_removes(tenant, say, role):
    policy, by = say(), admin_of(tenant, role)
    deeds = [
        lambda: governance.add(tenant=tenant, terms=Terms(name="New", kind="sharing"), by=by, at=NOON),
        lambda: governance.change(policy=policy, name="Else", by=by, at=NOON),
        lambda: governance.remove(policy=policy, by=by, at=NOON),
    ]
    for deed in deeds:
        with pytest.raises(NotAllowed):
            deed()
    with pytest.raises(NotAllowed):
        governance.remove(policy=policy, by=admin_of(TenantFactory()), at=NOON)
    assert [row.name for row in GovernancePolicy.objects.all()] == [policy.name]


# --- Read before paying


def test_what_was_read_is_kept_with_what_it_said_and_asked_again_when_that_changes(say, by, ana, product):
    policy = say(settings={"Region": "EU"}, acknowledge=True)
    subject, actor = policy.pk, acting(ana)

    def read(seen):
        acknowledgements.acknowledge(product=product, subject=subject, read=seen, by=actor, at=NOON)

    for seen in ({}, {str(policy.pk): 2}):
        with pytest.raises(BadInput) as refused:
            read(seen)
        assert (refused.value.field, refused.value.field_code) == ("acknowledge", "required")
    assert not Acknowledgement.objects.exists()
    read({str(policy.pk): 1})
    read({})
    noted = Acknowledgement.objects.get()
    assert (noted.member, noted.version, noted.settings, noted.at) == (ana, 1, {"Region": "EU"}, NOON)
    assert Event.objects.filter(type="governance.acknowledged", actor=ana.user).count() == 1
    governance.change(policy=policy, settings={"Region": "US"}, by=by, at=NOON)
    with pytest.raises(BadInput):
        read({})
    read({str(policy.pk): None})
    assert sorted(row.version for row in Acknowledgement.objects.all()) == [1, 2]


def test_only_policies_of_the_product_are_asked_for_and_known(say, ana, product):
    other = say(acknowledge=True, products=[ProductFactory().pk])
    actor, subject = acting(ana), other.pk
    assert acknowledgements.wanted(member=ana, product=product, subject=subject) == []
    with pytest.raises(BadInput) as refused:
        acknowledgements.acknowledge(product=product, subject=subject, read={str(other.pk): None}, by=actor, at=NOON)
    assert refused.value.field_code == "does_not_exist"
