"""A dry run tells of each decision what deciding again after the change says."""

from datetime import timedelta

import pytest

from policies.eligibility import decide
from policies.models import Decision, PolicyValue
from policies.operations import decisions, settings, values
from policies.operations.proposed import NewValue
from policies.operations.scopes import Scope, Time
from tenants.access import SYSTEM
from tests.factories import NOON, ApproverFactory, MembershipFactory, acting
from tests.policies.dry_running import asked, dry_run, say, told

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


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


def test_a_decision_that_was_kept_before_its_remedies_were_is_decided_again(world):
    ana, _, product, _ = world
    say(ana.tenant, "approval_required", product=product)
    kept = decisions.keep(answer=decide(ana, product, at=NOON), by=acting(ana), at=NOON)
    assert (kept.reasons, kept.remedies) == (["approval_required", "no_approver"], ["approval", ""])
    Decision.objects.update(remedies=[])
    touched = dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="enabled"))
    assert told(touched) == [(ana.user.email, product.pk, "refused", "allowed")]
