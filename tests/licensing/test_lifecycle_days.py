"""The days by cause, channel and product: which row holds, and how operators change them."""

from datetime import timedelta

import pytest

from licensing.models import LifecycleDays
from licensing.operations import lifecycle, lifecycle_days
from licensing.operations.lifecycle_days import Length, Scope
from tenants.access import Actor
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests.factories import NOON, MembershipFactory, OperatorFactory, PlanFactory, acting
from tests.licensing.conftest import granted

pytestmark = pytest.mark.django_db

WEEK = Length(expired=7, disabled=20)


@pytest.fixture
def by():
    return Actor(user=OperatorFactory())


def add(by, length=WEEK, reason="A request.", **scope):
    scope = Scope(**{"cause": "term_ended", **scope})
    return lifecycle_days.add(scope=scope, length=length, reason=reason, by=by, at=NOON)


def journal():
    return list(Event.objects.filter(type__startswith="lifecycle_days.").order_by("pk").values_list("type", flat=True))


def days_of(subscription):
    subscription.end_cause = "term_ended"
    return lifecycle_days.days_of(subscription).expired


def test_the_narrowest_row_holds(by):
    plan = PlanFactory()
    own = granted(plan=plan)
    central = granted(plan=plan, channel="central", order_ref="central")
    other = granted(order_ref="other", channel="central")
    assert [days_of(one) for one in (own, central, other)] == [30, 30, 30]
    add(by, Length(expired=3, disabled=1), channel="central")
    assert [days_of(one) for one in (own, central, other)] == [30, 3, 3]
    add(by, Length(expired=4, disabled=1), product=plan.product)
    assert [days_of(one) for one in (own, central, other)] == [4, 4, 3]
    add(by, Length(expired=5, disabled=1), product=plan.product, channel="central")
    assert [days_of(one) for one in (own, central, other)] == [4, 5, 3]


def test_what_the_catalogue_says_of_an_ended_trial_holds_before_the_rows(by):
    plan = PlanFactory(product__trial_days=30, product__trial_seats=1, product__trial_disabled_days=11)
    add(by, Length(expired=0, disabled=20), cause="trial_ended", product=plan.product)
    trial = granted(plan=plan)
    trial.end_cause = "trial_ended"
    assert lifecycle_days.days_of(trial).disabled == 11


def test_what_has_begun_keeps_its_day(by):
    subscription = granted()
    lifecycle.advance_due(at=subscription.term_end)
    row = LifecycleDays.objects.get(cause="term_ended")
    lifecycle_days.change(row=row, length=WEEK, reason="Shorter.", by=by, at=NOON)
    subscription.refresh_from_db()
    assert subscription.state_ends_at == subscription.term_end + timedelta(days=30)
    lifecycle.advance_due(at=subscription.state_ends_at)
    subscription.refresh_from_db()
    assert subscription.state_ends_at == subscription.term_end + timedelta(days=50)


def test_each_change_is_in_the_journal_with_what_it_was(by):
    row = add(by, channel="central")
    lifecycle_days.change(row=row, length=WEEK, reason="The same.", by=by, at=NOON)
    lifecycle_days.change(row=row, length=Length(expired=8, disabled=20), reason="One more.", by=by, at=NOON)
    for _again in range(2):
        lifecycle_days.remove(row=row, reason="Enough.", by=by, at=NOON)
    assert journal() == ["lifecycle_days.added", "lifecycle_days.changed", "lifecycle_days.removed"]
    changed = Event.objects.get(type="lifecycle_days.changed")
    assert (changed.actor, changed.tenant) == (by.user, None)
    assert changed.data == {
        "cause": "term_ended",
        "channel": "central",
        "product": None,
        "old": {"expired": 7, "disabled": 20},
        "new": {"expired": 8, "disabled": 20},
        "reason": "One more.",
    }


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"length": Length(expired=-1, disabled=1)}, "expired_days"),
        ({"length": Length(expired=1, disabled=3_651)}, "disabled_days"),
        ({"cause": "canceled"}, "expired_days"),
        ({"cause": "boredom", "length": Length(expired=0, disabled=1)}, "cause"),
        ({"channel": "post"}, "channel"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "\x07"}, "reason"),
    ],
)
def test_what_cannot_be_is_refused(by, wrong, field):
    stood = list(LifecycleDays.objects.order_by("pk").values())
    with pytest.raises(BadInput) as caught:
        add(by, **wrong)
    assert caught.value.field == field
    assert (list(LifecycleDays.objects.order_by("pk").values()), journal()) == (stood, [])


def test_the_same_scope_is_said_once_and_the_widest_stays(by):
    with pytest.raises(lifecycle_days.DaysSaidAlready):
        add(by)
    with pytest.raises(lifecycle_days.DaysForAllStay):
        lifecycle_days.remove(row=LifecycleDays.objects.get(cause="term_ended"), reason="No.", by=by, at=NOON)
    row = add(by, channel="central")
    lifecycle_days.remove(row=row, reason="Enough.", by=by, at=NOON)
    with pytest.raises(lifecycle_days.DaysGone):
        lifecycle_days.change(row=row, length=WEEK, reason="Late.", by=by, at=NOON)


def test_only_an_operator_says_days(by):
    row = add(by, channel="central")
    admin = acting(MembershipFactory(roles=["global_admin"]))
    for refused in (
        lambda: add(admin, channel="partner"),
        lambda: lifecycle_days.change(row=row, length=WEEK, reason="Mine.", by=admin, at=NOON),
        lambda: lifecycle_days.remove(row=row, reason="Mine.", by=admin, at=NOON),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert journal() == ["lifecycle_days.added"]
