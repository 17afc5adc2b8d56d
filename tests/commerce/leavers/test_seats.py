"""Somebody is disabled or leaves: their seats are free, at once or after a grace, and nobody else's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import LeaverTask, Leaving
from commerce.operations.leaving import noticing
from licensing.models import Seat, Subscription
from licensing.operations import seats
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.directory.operations import people
from tenants.journal.models import Event
from tests.commerce.changes import DAY, SECOND
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.handing_over import come_back, leave
from tests.commerce.leavers.conftest import say
from tests.factories import NOON, MembershipFactory, acting, buy

TABLES = ("licensing_subscription", "tenants_membership", "commerce_leaving")
pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def holders(subscription):
    return {seat.member for seat in Seat.objects.open().filter(subscription=subscription)}


@pytest.mark.parametrize("state", ["left", "disabled"])
def test_own_seats_are_free_at_once_and_everybody_else_keeps_theirs(ana, cleo, subscription, state):
    leave(ana, state)
    assert holders(subscription) == {cleo}
    assert Subscription.objects.get().seats_assigned == 1
    assert Event.objects.get(type="member.left").data == {"state": state}
    assert all_is_well()


def test_the_directory_hands_it_on_by_a_job_of_its_own_transaction(ana, subscription):
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="left")
    assert Job.objects.get(name="commerce.after_leaving").arguments == {"member_id": str(ana.pk)}
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="disabled")
    people.change_member(membership=ana, by=SYSTEM, at=NOON, name="Ana A.")
    assert Job.objects.filter(name="commerce.after_leaving").count() == 1
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="active")
    assert Event.objects.filter(type="member.returned").count() == 1


def test_seats_also_of_others_purchases_are_released(ana, cleo, subscription, plan):
    other = buy(cleo, plan, 2)
    seats.assign(subscription=other, members=[ana], by=acting(cleo), at=NOON)
    leave(ana)
    assert holders(other) == {cleo}


def test_a_grace_keeps_seats_until_it_is_over(ana, cleo, tenant, subscription):
    say(tenant, leaver_grace_days=3)
    leave(ana)
    assert holders(subscription) == {ana, cleo}
    noticing.watch(at=NOON + 3 * DAY - SECOND)
    assert holders(subscription) == {ana, cleo}
    noticing.watch(at=NOON + 3 * DAY)
    assert holders(subscription) == {cleo}


def test_whoever_comes_back_within_the_grace_keeps_their_seat(ana, cleo, tenant, subscription):
    say(tenant, leaver_grace_days=3)
    task = leave(ana)
    come_back(ana, at=NOON + DAY)
    noticing.watch(at=NOON + 9 * DAY)
    assert holders(subscription) == {ana, cleo}
    assert (Leaving.objects.get().returned_at, state_of(task)) == (NOON + DAY, "closed")
    leave(ana, at=NOON + 10 * DAY)
    assert LeaverTask.objects.standing().count() == 1
    noticing.watch(at=NOON + 12 * DAY)
    assert holders(subscription) == {ana, cleo}


def test_seats_are_released_of_a_member_who_is_locked(ana, tenant, subscription):
    """Whoever comes back in this very moment waits, or is seen."""
    settings.change(tenant=tenant, by=SYSTEM, at=NOON, leaver_grace_days=7)
    leave(ana)
    with CaptureQueriesContext(connection) as queries:
        noticing.watch(at=NOON + 7 * DAY)
    locks = [query["sql"] for query in queries if "FOR NO KEY UPDATE" in query["sql"]]
    order = [next(name for name in TABLES if f'FROM "{name}"' in sql) for sql in locks[:3]]
    assert order == ["licensing_subscription", "tenants_membership", "commerce_leaving"]
    assert not Seat.objects.open().filter(member=ana).exists()


def test_a_job_about_one_member_leaves_other_organisations_alone(cleo, task, plan):
    other = buy(MembershipFactory(tenant__time_zone="UTC"), plan)
    theirs = leave(other.owner)
    Subscription.objects.filter(pk=other.pk).update(state="disabled")
    noticing.look_at(member_id=cleo.pk, at=NOON)
    assert state_of(theirs) == "open"
    noticing.look_at(member_id=other.owner_id, at=NOON)
    assert state_of(theirs) == "closed"


def test_a_lost_job_is_made_up_for_by_the_sweep(ana, cleo, subscription):
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="left")
    noticing.watch(at=NOON)
    assert holders(subscription) == {cleo}
    assert LeaverTask.objects.open().get().subscription == subscription
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="active")
    noticing.watch(at=NOON + DAY)
    assert Leaving.objects.get().returned_at == NOON + DAY
    assert noticing.watch(at=NOON + DAY) == 0
