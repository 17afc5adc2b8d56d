"""What a tenant says about data and access: said, changed, removed, read, and for which products it holds."""

import pytest

from policies.models import Acknowledgement, GovernancePolicy
from policies.models.governance import governance_of
from policies.operations import acknowledgements, governance
from policies.operations.governance import GovernancePolicyExists, GovernancePolicyGone, Terms
from tenants.access import NotAllowed
from tenants.journal.models import Event
from tenants.refusal import BadInput
from tests.factories import NOON, DepartmentFactory, MembershipFactory, ProductFactory, TenantFactory, acting, admin_of
from tests.policies.conftest import seat, told

pytestmark = pytest.mark.django_db


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

    for seen, code in (({}, "required"), ({str(policy.pk): 2}, "changed")):
        with pytest.raises(BadInput) as refused:
            read(seen)
        assert (refused.value.field, refused.value.field_code) == ("acknowledge", code)
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
