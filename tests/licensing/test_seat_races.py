from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, transaction

from licensing.models import Seat
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import seats
from licensing.operations.invariants import seats_match_quantities
from tenants.directory.models import Membership
from tests.factories import acting
from tests.licensing.conftest import assign, colleagues, granted, release, sitting
from tests.race import race, without_constraint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nobody_waits(monkeypatch):
    """Code that forgot the lock, and fifty people who all look before the first one sits down."""
    all_have_looked = Barrier(50)
    look = seats._still_assignable

    def look_and_wait_for_the_others(*args):
        found = look(*args)
        all_have_looked.wait(30)
        return found

    monkeypatch.setattr(SubscriptionQuerySet, "locked", lambda self: self)
    monkeypatch.setattr(seats, "_still_assignable", look_and_wait_for_the_others)


class TestRaces:
    def test_fifty_people_race_for_ten_seats(self):
        subscription = granted(quantity=10)
        people, owner = colleagues(subscription, 50), acting(subscription.owner)
        won = race(lambda person: assign(subscription, person, by=owner), people, refused=seats.NoSeatLeft)
        assert won == 10
        assert len(sitting(subscription)) == 10

    def test_the_control_without_lock_and_constraint_oversells(self, nobody_waits):
        subscription = granted(quantity=10)
        people, owner = colleagues(subscription, 50), acting(subscription.owner)
        with without_constraint("licensing_subscription", "seats_within_quantity"):
            won = race(lambda person: assign(subscription, person, by=owner), people, refused=seats.NoSeatLeft)
        assert won == 50
        assert Seat.objects.open().filter(subscription=subscription).count() == 50
        assert list(seats_match_quantities())

    def test_without_the_lock_the_constraint_still_holds(self, nobody_waits):
        subscription = granted(quantity=10)
        people, owner = colleagues(subscription, 50), acting(subscription.owner)
        won = race(lambda person: assign(subscription, person, by=owner), people, refused=IntegrityError)
        assert won == 10
        assert len(sitting(subscription)) == 10

    def test_one_person_asked_for_twenty_times_gets_one_seat(self):
        subscription = granted(quantity=10)
        [ben], owner = colleagues(subscription), acting(subscription.owner)
        assert race(lambda _: assign(subscription, ben, by=owner), range(20)) == 20
        assert sitting(subscription) == {ben}

    def test_a_seat_released_twenty_times_is_one_seat_less(self):
        subscription = granted(quantity=10)
        people, owner = colleagues(subscription, 2), acting(subscription.owner)
        assign(subscription, *people)
        race(lambda _: release(subscription, people[0], by=owner), range(20))
        assert sitting(subscription) == {people[1]}

    def test_groups_in_opposite_order_do_not_lock_each_other_out(self):
        subscription = granted(quantity=5)
        other = granted(quantity=5, owner=subscription.owner, order_ref="another")
        people, owner = colleagues(subscription, 5), acting(subscription.owner)
        turns = [(subscription, people), (other, people[::-1])] * 5
        assert race(lambda turn: assign(turn[0], *turn[1], by=owner), turns) == 10
        assert sitting(subscription) == sitting(other) == set(people)

    def test_somebody_who_is_disabled_in_this_very_moment_gets_no_seat(self):
        subscription = granted()
        [ben], owner = colleagues(subscription), acting(subscription.owner)
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                Membership.objects.filter(pk=ben.pk).update(state="disabled")
                assigning = pool.submit(race, lambda _: assign(subscription, ben, by=owner), [None])
                with pytest.raises(TimeoutError):
                    assigning.result(timeout=0.5)  # it waits for what becomes of Ben
            with pytest.raises(seats.MemberNotActive):
                assigning.result()
        assert sitting(subscription) == set()
