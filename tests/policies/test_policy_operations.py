from threading import Barrier

import pytest

from policies.models import Policy
from policies.operations import policies, values
from tenants.access import SYSTEM, Actor
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import NOON, PolicyFactory, ProductFactory, TenantFactory, UserFactory, admin_of
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(db):
    return TenantFactory()


@pytest.fixture
def product(db):
    return ProductFactory()


def put(tenant, product, value="disabled", reason="Too dear", by=SYSTEM, at=NOON, **options):
    return policies.set_product_policy(
        tenant=tenant, product=product, value=value, reason=reason, by=by, at=at, **options
    )


def history():
    return [(e.data["old"], e.data["new"], e.data["reason"]) for e in Event.objects.order_by("pk")]


def test_says_who_set_it_and_why_and_keeps_the_change(tenant, product):
    admin = admin_of(tenant)
    policy = put(tenant, product, by=admin)
    assert (policy.value, policy.reason, policy.source.level) == ("disabled", "Too dear", "product")
    assert (policy.source.set_by, policy.source.set_at) == (admin.user.email, NOON)
    [event] = Event.objects.all()
    assert (event.type, event.tenant, event.actor, event.subject, event.at) == (
        "policy.changed", tenant, admin.user, product.pk, NOON,
    )  # fmt: skip
    assert event.data == {
        "level": "product", "product": product.pk, "old": "enabled", "new": "disabled", "reason": "Too dear",
    }  # fmt: skip


def test_the_same_again_changes_nothing(tenant, product):
    first = put(tenant, product)
    assert put(tenant, product, at=NOON.replace(hour=13)) == first
    assert len(history()) == 1


def test_whoever_saw_another_version_is_told_and_changes_nothing(tenant, product):
    [seen] = policies.in_force(tenant, [product], at=NOON)
    now = put(tenant, product, expecting=seen.version)
    with pytest.raises(policies.PolicyChangedMeanwhile) as refused:
        put(tenant, product, value="enabled", expecting=seen.version)
    assert refused.value.version == now.version
    assert len(history()) == 1
    assert put(tenant, product, value="enabled", expecting=now.version).value == "enabled"


def test_another_reason_for_the_same_value_is_kept(tenant, product):
    put(tenant, product)
    put(tenant, product, reason="Not needed")
    assert history() == [("enabled", "disabled", "Too dear"), ("disabled", "disabled", "Not needed")]
    assert Policy.objects.get().reason == "Not needed"


def test_a_value_that_was_inherited_can_be_made_the_products_own(tenant, product):
    PolicyFactory(tenant=tenant, family=product.family, value="disabled")
    assert put(tenant, product).source.level == "product"
    assert history() == [("disabled", "disabled", "Too dear")]


@pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
def test_those_who_change_policy_may(tenant, product, role):
    assert put(tenant, product, by=admin_of(tenant, role)).value == "disabled"


@pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
def test_other_roles_may_not(tenant, product, role):
    with pytest.raises(NotAllowed):
        put(tenant, product, by=admin_of(tenant, role))
    assert not Policy.objects.exists()


def test_an_operator_may(tenant, product):
    operator = UserFactory(is_operator=True)
    assert put(tenant, product, by=Actor(user=operator)).source.set_by == operator.email


def test_an_admin_of_another_tenant_may_not(tenant, product):
    with pytest.raises(NotAllowed):
        put(tenant, product, by=admin_of(TenantFactory()))
    assert not Policy.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "field, wrong",
    [
        ("value", {"value": "on"}),
        ("value", {"value": ""}),
        ("value", {"value": "perhaps"}),
        ("value", {"value": "enabled\0"}),
        ("reason", {"reason": ""}),
        ("reason", {"reason": " "}),
        ("reason", {"reason": "x" * 501}),
        ("reason", {"reason": "a\0b"}),
    ],
)
def test_refuses_bad_input(tenant, product, field, wrong):
    with pytest.raises(BadInput) as refused:
        put(tenant, product, **wrong)
    assert refused.value.field == field
    assert not Policy.objects.exists()


def test_the_product_wins_over_its_family_and_that_over_the_tenant(tenant, product):
    levels = []
    for narrower in ({}, {"family": product.family}, {"product": product}):
        [policy] = policies.in_force(tenant, [product], at=NOON)
        levels.append((policy.value, policy.source.level))
        PolicyFactory(tenant=tenant, value="disabled" if levels[-1][0] == "enabled" else "enabled", **narrower)
    [policy] = policies.in_force(tenant, [product], at=NOON)
    levels.append((policy.value, policy.source.level))
    assert levels == [("enabled", "system"), ("disabled", "tenant"), ("enabled", "family"), ("disabled", "product")]


def test_another_tenants_or_persons_rows_do_not_count(tenant, product):
    member = admin_of(tenant).home
    PolicyFactory(tenant=tenant, member=member, product=product)
    PolicyFactory(product=product)
    assert policies.in_force(tenant, [product], at=NOON)[0].source.level == "system"


def test_lists_any_number_of_products_in_one_query(tenant, django_assert_num_queries):
    products = ProductFactory.create_batch(30)
    for product in products:
        PolicyFactory(tenant=tenant, product=product)
    with django_assert_num_queries(1):
        assert {policy.value for policy in policies.in_force(tenant, products, at=NOON)} == {"disabled"}


def chain_holds():
    """Each change begins with a value that another one left: none was overwritten unseen."""
    changes = history()
    left = ["enabled", *(new for _old, new, _reason in changes)]
    left.remove(Policy.objects.get().value)
    return sorted(old for old, _new, _reason in changes) == sorted(left)


@pytest.mark.django_db(transaction=True)
def test_of_many_admins_at_once_each_stands_in_the_history():
    tenant, product = TenantFactory(), ProductFactory()
    wanted = ["disabled", "only_trials_without_payment_method"] * 4
    outcomes = at_once(lambda job: put(tenant, product, value=job[1], reason=f"Reason {job[0]}"), enumerate(wanted))
    assert [o for o in outcomes if isinstance(o, Exception)] == []
    assert sorted(reason for _old, _new, reason in history()) == [f"Reason {i}" for i in range(len(wanted))]
    assert chain_holds()


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_a_change_would_be_overwritten_unseen(monkeypatch):
    tenant, product = TenantFactory(), ProductFactory()
    put(tenant, product, value="approval_required", reason="First")
    both_have_read, read = Barrier(2), values._rows_of

    def read_together(tenant, scopes):
        found = read(tenant, scopes)
        both_have_read.wait(timeout=30)
        return found

    monkeypatch.setattr(policies.organisations, "lock", lambda tenant: None)
    monkeypatch.setattr(values, "_rows_of", read_together)
    at_once(
        lambda value: put(tenant, product, value=value, reason=value),
        ["disabled", "only_trials_without_payment_method"],
    )
    assert [old for old, _new, _reason in history()] == ["enabled", "approval_required", "approval_required"]
    assert not chain_holds()
