"""Products that a file does not name and changes all the same: they follow the default, or their family."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from policies.operations import policies, policy_files, values
from policies.operations.scopes import STANDING, Scope, Time
from tenants.access import SYSTEM
from tests.factories import NOON, DepartmentFactory, FamilyFactory, MembershipFactory, ProductFactory, TenantFactory
from tests.policies.filed import apply, followers

pytestmark = pytest.mark.django_db

DEFAULT = "tenants: {contoso: {default_for_new_products: disabled}}"
OF_FAMILY = "tenants: {contoso: {families: {apps: disabled}}}"


@pytest.fixture
def contoso():
    return TenantFactory(slug="contoso")


@pytest.fixture
def apps():
    """Three products of a family and one of another, by name; what nobody may buy themselves is none."""
    family = FamilyFactory(slug="apps", name="Apps")
    ProductFactory(name="E", self_service=False, family=family)
    return [*(ProductFactory(name=name, family=family) for name in "ABC"), ProductFactory(name="D")]


def put(tenant, value, time=STANDING, **scope):
    values.put(tenant=tenant, scope=Scope(**scope), value=value, reason="Ours", time=time, by=SYSTEM, at=NOON)


def told(text, **options):
    return [(product.name, old, new) for product, old, new in followers(text, **options)]


def test_are_those_about_which_nothing_narrower_is_said(contoso, apps):
    assert told(DEFAULT) == [(name, "enabled", "disabled") for name in "ABCD"]
    put(contoso, "approval_required", product=apps[0])
    put(contoso, "disabled", product=apps[1])
    assert told(DEFAULT) == [("C", "enabled", "disabled"), ("D", "enabled", "disabled")]
    put(contoso, "enabled", family=apps[0].family)
    assert told(DEFAULT) == [("D", "enabled", "disabled")]
    assert told(OF_FAMILY) == [("C", "enabled", "disabled")]


def test_are_exactly_those_whose_value_is_another_one_afterwards(contoso, apps):
    put(contoso, "approval_required", product=apps[0])
    put(contoso, "only_trials_without_payment_method", product=apps[1], time=Time(valid_to=NOON + timedelta(days=9)))
    shown = told(DEFAULT)
    before = policies.in_force(contoso, apps, at=NOON)
    apply(DEFAULT)
    after = policies.in_force(contoso, apps, at=NOON)
    different = zip(before, after, strict=True)
    assert shown == [(old.product.name, old.value, new.value) for old, new in different if old.value != new.value]
    assert [name for name, *_values in shown] == ["C", "D"]


def test_are_not_told_twice_nor_where_nobody_elses_value_changes(contoso, apps):
    both = f"default_for_new_products: disabled, products: {{{apps[3].pk}: approval_required}}"
    assert [name for name, *_values in told(f"tenants: {{contoso: {{{both}}}}}")] == ["A", "B", "C"]
    DepartmentFactory(tenant=contoso, name="Sales")
    member = MembershipFactory(tenant=contoso)
    people = f"departments: {{Sales: {{default: disabled}}}}, people: {{{member.user.email}: {{default: disabled}}}}"
    assert told(f"tenants: {{contoso: {{{people}}}}}") == []


def test_follow_what_a_file_takes_back(contoso, apps):
    put(contoso, "disabled")
    put(contoso, "approval_required", product=apps[0])
    assert told("tenants: {contoso: {}}", prune=True) == [(name, "disabled", "enabled") for name in "BCD"]


def test_are_part_of_what_was_shown(contoso, apps):
    """A product that came meanwhile would change without anybody having read it."""
    made = policy_files.plan(text=DEFAULT, name="policies.yaml", by=SYSTEM, at=NOON)
    ProductFactory(name="F")
    with pytest.raises(policy_files.ChangedMeanwhile):
        apply(DEFAULT, shown=policy_files.mark_of(made))
    made = policy_files.plan(text=DEFAULT, name="policies.yaml", by=SYSTEM, at=NOON)
    apply(DEFAULT, shown=policy_files.mark_of(made))


def test_cost_the_same_for_one_product_and_for_thirty(contoso, apps, django_assert_num_queries):
    plan = {"text": DEFAULT, "name": "policies.yaml", "by": SYSTEM, "at": NOON}
    with django_assert_num_queries(7) as few:
        policy_files.plan(**plan)
    ProductFactory.create_batch(30)
    with django_assert_num_queries(len(few)):
        policy_files.plan(**plan)


def test_are_told_by_the_command_too(contoso, apps, tmp_path, capsys):
    path = tmp_path / "policies.yaml"
    path.write_text(DEFAULT)
    call_command("policy", "plan", str(path))
    assert f"contoso: {apps[0].pk}, not named in the file: enabled -> disabled" in capsys.readouterr().out
