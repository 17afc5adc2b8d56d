"""What a change of policy would touch, told before it is made."""

import itertools
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.eligibility import decide
from policies.models import Decision, Ending, Policy, PolicyValue
from policies.operations import decisions, dry_runs, settings, values
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import (
    NOON,
    ApproverFactory,
    DepartmentFactory,
    MembershipFactory,
    ProductFactory,
    acting,
    admin_of,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def world(market):
    """Two people of two departments, one below the other, and two products, of which one has a trial."""
    ana = MembershipFactory()
    above = DepartmentFactory(tenant=ana.tenant)
    below = DepartmentFactory(tenant=ana.tenant, parent=above)
    ana.department = above
    ana.save()
    ben = MembershipFactory(tenant=ana.tenant, department=below)
    product = ProductFactory()
    other = ProductFactory(family=product.family, trial_days=30, trial_seats=1)
    return ana, ben, product, other


def asked(world, at=NOON):
    """Everybody asks for everything; returns the answers as they were kept, in the order of asking."""
    ana, ben, product, other = world
    found = []
    for member, wanted, trial in itertools.product((ana, ben), (product, other), (False, True)):
        answer = decide(member, wanted, at=at, quantity=1, trial=trial)
        found.append(decisions.keep(answer=answer, by=acting(member), at=at, quantity=1, trial=trial))
    return found


def say(tenant, value, at=NOON, **scope):
    return values.put(tenant=tenant, scope=Scope(**scope), value=value, reason="Because", by=SYSTEM, at=at)


def scopes_of(world):
    ana, ben, product, _ = world
    return [
        {},
        {"family": product.family},
        {"product": product},
        {"department": ana.department},
        {"department": ben.department, "product": product},
        {"member": ben},
        {"member": ana, "family": product.family},
    ]


def differing(before, after):
    """By member, product and whether it was a trial."""
    return [
        (old.member.user.email, old.product_id, old.outcome, new.outcome)
        for old, new in zip(before, after, strict=True)
        if old.outcome != new.outcome
    ]


def told(touched):
    return [(d.member, d.product, d.old, d.new) for d in touched.decisions]


def dry_run(tenant, *new, at=NOON, **change):
    return dry_runs.of(tenant=tenant, change=Change(values=new, **change), by=SYSTEM, at=at)


@pytest.mark.parametrize("scope", range(7))
@pytest.mark.parametrize("said", [None, "disabled", "approval_required"])
@pytest.mark.parametrize("approver", [False, True])
def test_a_dry_run_tells_what_deciding_again_after_the_change_says(world, scope, said, approver):
    ana, ben, product, _ = world
    if approver:
        boss = MembershipFactory(tenant=ana.tenant)
        ApproverFactory(tenant=ana.tenant, department=ana.department, member=boss)
    if said:
        say(ana.tenant, said, product=product)
        say(ana.tenant, said, department=ben.department)
    before = asked(world)
    wanted = Scope(**scopes_of(world)[scope])
    for value in PolicyValue.values:
        touched = dry_run(ana.tenant, NewValue(scope=wanted, value=value))
        row = say(ana.tenant, value, **scopes_of(world)[scope])
        after = asked(world)
        assert sorted(told(touched)) == sorted(differing(before, after)), value
        assert touched.decisions_count == len(touched.decisions)
        Decision.objects.exclude(pk__in=[kept.pk for kept in before]).delete()
        if not said:
            values.remove(policy=row, reason="Back", by=SYSTEM, at=NOON)


def test_taking_a_value_back_tells_what_deciding_again_says(world):
    ana, ben, product, _ = world
    say(ana.tenant, "approval_required", product=product)
    row = say(ana.tenant, "disabled", member=ben)
    before = asked(world)
    touched = dry_run(ana.tenant, removed=frozenset({row.pk}))
    values.remove(policy=row, reason="Back", by=SYSTEM, at=NOON)
    after = asked(world)
    assert sorted(told(touched)) == sorted(differing(before, after)) != []
    assert {member for member, *_ in told(touched)} == {ben.user.email}


@pytest.mark.parametrize("stopped", [True, False])
def test_a_stop_and_its_end_tell_what_deciding_again_says(world, stopped):
    ana, _, product, other = world
    say(ana.tenant, "approval_required", product=product)
    say(ana.tenant, "only_trials_without_payment_method", product=other)
    settings.change(tenant=ana.tenant, self_service_enabled=stopped, by=SYSTEM, at=NOON)
    before = asked(world)
    touched = dry_run(ana.tenant, stopped=stopped)
    settings.change(tenant=ana.tenant, self_service_enabled=not stopped, by=SYSTEM, at=NOON)
    after = asked(world)
    assert sorted(told(touched)) == sorted(differing(before, after)) != []


def test_a_value_for_a_time_is_looked_at_when_it_holds(world):
    ana, _, product, _ = world
    asked(world)
    time = Time(valid_from=NOON + DAY, valid_to=NOON + 2 * DAY)
    touched = dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="disabled", time=time))
    assert {(name, new) for _, name, _, new in told(touched)} == {(product.pk, "refused")}


def test_what_a_narrower_value_decides_stays_as_it_was(world):
    ana, ben, product, _ = world
    say(ana.tenant, "enabled", member=ana)
    asked(world)
    touched = dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="disabled"))
    assert {member for member, *_ in told(touched)} == {ben.user.email}


def test_a_dry_run_looks_ninety_days_back_and_shows_a_hundred(world):
    ana, _, product, _ = world
    for back in (91 * DAY, 89 * DAY):
        answer = decide(ana, product, at=NOON - back)
        decisions.keep(answer=answer, by=acting(ana), at=NOON - back)
    change = NewValue(scope=Scope(product=product), value="disabled")
    touched = dry_run(ana.tenant, change)
    assert [difference.at for difference in touched.decisions] == [NOON - 89 * DAY]
    kept = Decision.objects.latest("at")
    for _ in range(119):
        kept.pk = None
        kept._state.adding = True
        kept.id = Decision._meta.pk.get_default()
        kept.save()
    touched = dry_run(ana.tenant, change)
    assert (touched.decisions_count, len(touched.decisions)) == (120, 100)


def queries_of(tenant, change):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        dry_run(tenant, change)
    return len(queries)


def test_a_dry_run_asks_as_often_for_one_decision_as_for_hundreds_of_many_people(world):
    ana, _, product, _ = world
    change = NewValue(scope=Scope(product=product), value="disabled")
    answer = decide(ana, product, at=NOON)
    kept = decisions.keep(answer=answer, by=acting(ana), at=NOON)
    few = queries_of(ana.tenant, change)
    people = MembershipFactory.create_batch(30, tenant=ana.tenant, department=ana.department)
    Decision.objects.bulk_create(
        Decision(tenant=ana.tenant, member=person, product=product, outcome=kept.outcome, at=NOON)
        for person in people
        for _ in range(10)
    )
    assert queries_of(ana.tenant, change) == few <= 9
    assert dry_run(ana.tenant, change).decisions_count == 301


def test_a_dry_run_writes_nothing(world):
    ana, _, product, _ = world
    asked(world)
    before = (Event.objects.count(), Decision.objects.count())
    dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="disabled"))
    assert (Event.objects.count(), Decision.objects.count()) == before
    assert (Policy.objects.count(), Ending.objects.count()) == (0, 0)


def test_only_who_may_change_the_policy_tries_it(world):
    ana, _, product, _ = world
    change = Change(values=[NewValue(scope=Scope(product=product), value="disabled")])
    for by in (acting(ana), admin_of(ana.tenant, "global_reader"), admin_of(MembershipFactory().tenant)):
        with pytest.raises(NotAllowed):
            dry_runs.of(tenant=ana.tenant, change=change, by=by, at=NOON)


def test_a_decision_that_was_kept_before_its_remedies_were_is_decided_again(world):
    ana, _, product, _ = world
    say(ana.tenant, "approval_required", product=product)
    kept = decisions.keep(answer=decide(ana, product, at=NOON), by=acting(ana), at=NOON)
    assert (kept.reasons, kept.remedies) == (["approval_required", "no_approver"], ["approval", ""])
    Decision.objects.update(remedies=[])
    touched = dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="enabled"))
    assert told(touched) == [(ana.user.email, product.pk, "refused", "allowed")]
