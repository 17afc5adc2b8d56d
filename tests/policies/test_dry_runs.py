"""What a change of policy would touch, told before it is made: which decisions, which subscriptions, to whom."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.eligibility import decide
from policies.models import Decision, Ending, Policy
from policies.operations import decisions, dry_runs
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope
from tenants.ids import new_id
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import NOON, MembershipFactory, acting, admin_of
from tests.policies.dry_running import asked, dry_run, have, say

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


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


def test_of_one_checkout_its_last_decision_is_told(world):
    ana, ben, product, _ = world
    checkout, other = new_id(), new_id()
    for minutes, member, number in ((0, ana, checkout), (1, ben, other), (2, ana, checkout), (3, ana, None)):
        at = NOON - DAY + timedelta(minutes=minutes)
        decisions.keep(answer=decide(member, product, at=at), by=acting(member), at=at, checkout=number)
    touched = dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="disabled"))
    assert [(d.member, (d.at - NOON + DAY).seconds // 60) for d in touched.decisions] == [
        (ana.user.email, 3),
        (ana.user.email, 2),
        (ben.user.email, 1),
    ]
    assert touched.decisions_count == 3


def test_a_checkout_whose_last_answer_would_stay_the_same_is_not_told_of_an_earlier_one(world):
    ana, _, product, _ = world
    checkout = new_id()
    decisions.keep(answer=decide(ana, product, at=NOON - DAY), by=acting(ana), at=NOON - DAY, checkout=checkout)
    say(ana.tenant, "disabled", product=product)
    decisions.keep(answer=decide(ana, product, at=NOON), by=acting(ana), at=NOON, checkout=checkout)
    assert dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="disabled")).decisions_count == 0


def test_decisions_are_told_by_product_with_how_many_of_each(world):
    ana, ben, product, other = world
    product.name, other.name = "Zeta", "Alpha"
    product.save()
    other.save()
    for minutes, (member, wanted) in enumerate(((ana, product), (ana, other), (ben, product))):
        at = NOON - DAY + timedelta(minutes=minutes)
        decisions.keep(answer=decide(member, wanted, at=at), by=acting(member), at=at)
    touched = dry_run(ana.tenant, NewValue(scope=Scope(family=product.family), value="disabled"))
    assert [(one.name, one.product, one.count) for one in touched.products] == [
        ("Alpha", other.pk, 1),
        ("Zeta", product.pk, 2),
    ]
    assert [(d.product_name, d.member) for d in touched.decisions] == [
        ("Alpha", ana.user.email),
        ("Zeta", ben.user.email),
        ("Zeta", ana.user.email),
    ]


def test_what_another_value_decides_about_is_counted_as_left_alone(world):
    ana, ben, product, other = world
    mine, his = have(ana, product), have(ben, product)
    have(ana, other)
    say(ana.tenant, "enabled", member=ben)
    touched = dry_run(ana.tenant, NewValue(scope=Scope(product=product), value="disabled"))
    assert [row.pk for row in touched.subscriptions] == [mine.pk]
    assert (touched.subscriptions_count, touched.left_alone) == (1, 1)
    assert "1 running subscription is left alone" in touched.left_alone_told
    for_ben = dry_run(ana.tenant, NewValue(scope=Scope(member=ben), value="disabled"))
    assert ([row.pk for row in for_ben.subscriptions], for_ben.left_alone) == ([his.pk], 0)
    assert for_ben.left_alone_told == ""


def test_a_stop_leaves_nothing_alone(world):
    ana, ben, product, _ = world
    have(ana, product)
    have(ben, product)
    say(ana.tenant, "enabled", member=ben)
    touched = dry_run(ana.tenant, stopped=True)
    assert (touched.subscriptions_count, touched.left_alone) == (2, 0)


@pytest.mark.parametrize(
    "scope", [{}, {"family": "family"}, {"department": "above"}, {"department": "above", "product": "product"}]
)
def test_a_wider_value_names_what_narrower_ones_decide_about(world, scope):
    ana, ben, product, other = world
    have(ben, product)
    have(MembershipFactory(), product)
    say(ana.tenant, "enabled", member=ben)
    rows = {"family": product.family, "above": ana.department, "product": product}
    wanted = Scope(**{name: rows[which] for name, which in scope.items()})
    touched = dry_run(ana.tenant, NewValue(scope=wanted, value="disabled"))
    assert (touched.subscriptions_count, touched.left_alone) == (0, 1)
    elsewhere = Scope(product=other)
    assert dry_run(ana.tenant, NewValue(scope=elsewhere, value="disabled")).left_alone == 0


def queries_of(tenant, change):
    with CaptureQueriesContext(connection) as queries:
        dry_run(tenant, change)
    return len(queries)


def test_a_dry_run_asks_as_often_for_one_decision_as_for_hundreds_of_many_people(world):
    ana, _, product, _ = world
    change = NewValue(scope=Scope(product=product), value="disabled")
    answer = decide(ana, product, at=NOON)
    kept = decisions.keep(answer=answer, by=acting(ana), at=NOON)
    have(ana, product)
    few = queries_of(ana.tenant, change)
    for _ in range(29):
        have(ana, product)
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
