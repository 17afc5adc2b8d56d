"""The last free central seats, wanted by two at once; and one who begins twice."""

from threading import Barrier

import pytest

from commerce.models import Centralisation
from commerce.operations.centralising import steps
from licensing.models import Seat
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import central_seats, seats
from licensing.operations.invariants import seats_match_quantities
from licensing.operations.seats import NoSeatLeft
from tests.commerce.conftest import all_is_well
from tests.factories import NOON, MembershipFactory, buy, buy_centrally
from tests.race import at_once, race, without_constraint

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def free(boss, plan):
    """The last two seats."""
    return buy_centrally(boss.membership, plan, 2)


@pytest.fixture
def rivals(tenant, plan, boss, free):
    """A centralisation of two people, and an admin who wants the same two seats for two others."""
    people = MembershipFactory.create_batch(2, tenant=tenant)
    for person in people:
        buy(person, plan, 1)
    row = steps.start(tenant=tenant, product=plan.product, by=boss, at=NOON)
    row = steps.choose(centralisation=row, members=people, by=boss, at=NOON)
    row = steps.accept_cost(centralisation=row, by=boss, at=NOON)
    others = MembershipFactory.create_batch(2, tenant=tenant)
    return [
        lambda: steps.assign(centralisation=row, by=boss, at=NOON),
        lambda: central_seats.give(tenant=tenant, product=plan.product, members=others, by=boss, at=NOON),
    ]


def taken(subscription):
    return Seat.objects.open().filter(subscription=subscription).count()


def test_one_of_two_gets_the_last_seats_and_the_other_none(rivals, free):
    assert race(lambda give: give(), rivals, refused=NoSeatLeft) == 1
    assert taken(free) == 2
    assert all_is_well()


def test_the_control_without_lock_and_constraint_oversells(rivals, free, monkeypatch):
    both_have_looked, look = Barrier(2), seats._still_assignable

    def look_and_wait_for_the_other(*args):
        found = look(*args)
        both_have_looked.wait(30)
        return found

    monkeypatch.setattr(SubscriptionQuerySet, "locked", lambda self: self)
    monkeypatch.setattr(seats, "_still_assignable", look_and_wait_for_the_other)
    with without_constraint("licensing_subscription", "seats_within_quantity"):
        assert race(lambda give: give(), rivals, refused=NoSeatLeft) == 2
    assert taken(free) == 4
    assert list(seats_match_quantities())


def test_of_two_who_assign_at_once_one_does(rivals, free):
    told = at_once(lambda give: give(), [rivals[0]] * 2)
    assert sum(isinstance(each, steps.WrongStep) for each in told) == 1
    assert taken(free) == 2


def test_begun_five_times_at_once_it_is_one(tenant, plan, boss):
    buy(MembershipFactory(tenant=tenant), plan, 1)
    told = at_once(lambda _: steps.start(tenant=tenant, product=plan.product, by=boss, at=NOON).pk, range(5))
    assert len(set(told)) == Centralisation.objects.count() == 1
