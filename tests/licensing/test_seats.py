from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from licensing.models import EndCause, Seat, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import lifecycle, seats, subscriptions
from licensing.operations.invariants import seats_match_quantities
from tenants.access import SYSTEM
from tenants.directory.models import Membership
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import (
    NOON,
    GuestFactory,
    MembershipFactory,
    PlanFactory,
    TenantFactory,
    acting,
    admin_of,
)
from tests.race import race, without_constraint

in_the_database = pytest.mark.django_db
between_transactions = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def granted(quantity=2, owner=None, **options):
    """A subscription as a paid order grants it, without the order."""
    owner = owner or MembershipFactory()
    options = {"plan": PlanFactory(), "channel": "self_service", "order_ref": f"order-{owner.pk}"} | options
    return subscriptions.grant(quantity=quantity, purchaser=owner, by=acting(owner), at=NOON, **options)


def colleagues(subscription, number=1):
    return MembershipFactory.create_batch(number, tenant=subscription.tenant)


def assign(subscription, *members, by=None, at=NOON):
    by = by or acting(subscription.owner)
    return seats.assign(subscription=subscription, members=members, by=by, at=at)


def release(subscription, *members, by=None, at=NOON):
    by = by or acting(subscription.owner)
    return seats.release(subscription=subscription, members=members, by=by, at=at)


def sitting(subscription):
    subscription.refresh_from_db()
    people = {seat.member for seat in Seat.objects.open().filter(subscription=subscription)}
    assert subscription.seats_assigned == len(people)
    return people


@in_the_database
class TestAssigning:
    def test_gives_several_people_their_seats_at_once(self):
        subscription = granted(quantity=3)
        ben, cleo = colleagues(subscription, 2)
        given = assign(subscription, ben, cleo)
        assert [seat.member for seat in given] == [ben, cleo]
        assert sitting(subscription) == {ben, cleo}

    def test_is_one_event_with_the_people_it_gave_seats_to(self):
        subscription = granted()
        [ben] = colleagues(subscription)
        assign(subscription, ben)
        event = Event.objects.get(type="seat.assigned")
        assert (event.subject, event.data) == (str(subscription.pk), {"members": [str(ben.pk)]})
        assert event.actor == subscription.owner.user

    def test_twice_gives_the_same_seat(self):
        subscription = granted(quantity=1)
        [ben] = colleagues(subscription)
        [first] = assign(subscription, ben)
        [second] = assign(subscription, ben, at=NOON + timedelta(hours=1))
        assert first == second
        assert Event.objects.filter(type="seat.assigned").count() == 1

    def test_one_person_named_twice_takes_one_seat(self):
        subscription = granted(quantity=1)
        [ben] = colleagues(subscription)
        assign(subscription, ben, ben)
        assert sitting(subscription) == {ben}

    def test_is_all_or_nothing(self):
        subscription = granted(quantity=2)
        people = colleagues(subscription, 3)
        with pytest.raises(seats.NoSeatLeft) as refused:
            assign(subscription, *people)
        assert refused.value.code == "no_seat_left"
        assert str(refused.value) == "Only 2 seats are free, 3 are needed."
        assert sitting(subscription) == set()

    def test_refuses_when_all_are_taken(self):
        subscription = granted(quantity=1)
        ben, cleo = colleagues(subscription, 2)
        assign(subscription, ben)
        with pytest.raises(seats.NoSeatLeft, match=r"All seats .* are taken"):
            assign(subscription, cleo)
        assert sitting(subscription) == {ben}

    def test_those_who_have_one_do_not_count_against_the_free_ones(self):
        subscription = granted(quantity=2)
        ben, cleo = colleagues(subscription, 2)
        assign(subscription, ben)
        assign(subscription, ben, cleo)
        assert sitting(subscription) == {ben, cleo}

    @pytest.mark.parametrize("stranger", ["of another tenant", "guest"])
    def test_refuses_whoever_is_no_member_in_the_same_words(self, stranger):
        subscription = granted()
        person = MembershipFactory() if stranger == "of another tenant" else GuestFactory(tenant=subscription.tenant)
        with pytest.raises(seats.NotAMember) as refused:
            assign(subscription, *colleagues(subscription), person)
        assert (refused.value.field_code, refused.value.http_status) == ("not_a_member", 400)
        assert str(refused.value) == f"“{person.user.email}” is not a member of your organisation."
        assert sitting(subscription) == set()

    @pytest.mark.parametrize("state", ["disabled", "left"])
    def test_refuses_a_member_who_is_not_active(self, state):
        subscription = granted()
        with pytest.raises(seats.MemberNotActive) as refused:
            assign(subscription, MembershipFactory(tenant=subscription.tenant, state=state))
        assert refused.value.field_code == "member_not_active"
        assert sitting(subscription) == set()

    def test_sees_that_somebody_was_disabled_after_they_were_loaded(self):
        subscription = granted()
        [ben] = colleagues(subscription)
        type(ben).objects.filter(pk=ben.pk).update(state="disabled")
        with pytest.raises(seats.MemberNotActive):
            assign(subscription, ben)

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin", "license_admin", "user_admin", "global_reader"])
    def test_is_the_owners_alone_whatever_role_somebody_has(self, role):
        subscription = granted()
        with pytest.raises(NotAllowed):
            assign(subscription, *colleagues(subscription), by=admin_of(subscription.tenant, role))
        with pytest.raises(NotAllowed):
            release(subscription, subscription.owner, by=admin_of(subscription.tenant, role))
        assert sitting(subscription) == set()

    def test_refuses_somebody_of_another_tenant_and_the_system(self):
        subscription = granted()
        for by in (acting(MembershipFactory()), admin_of(TenantFactory()), SYSTEM):
            with pytest.raises(NotAllowed):
                assign(subscription, *colleagues(subscription), by=by)

    def test_refuses_in_a_disabled_and_in_a_deleted_subscription(self):
        subscription = granted()
        ended = lifecycle.end(subscription=subscription, cause=EndCause.CANCELED, by=SYSTEM, at=NOON)
        for _state in ("disabled", "deleted"):
            with pytest.raises(subscriptions.SubscriptionInactive) as refused:
                assign(subscription, *colleagues(subscription))
            assert refused.value.code == "subscription_inactive"
            lifecycle.advance_due(at=ended.state_ends_at)

    def test_goes_on_in_grace(self):
        subscription = granted()
        lifecycle.advance_due(at=subscription.term_end)
        [ben] = colleagues(subscription)
        assign(subscription, ben, at=subscription.term_end)
        assert sitting(subscription) == {ben}


@in_the_database
class TestReleasing:
    def test_takes_several_seats_back_and_keeps_them_as_history(self):
        subscription = granted(quantity=3)
        ben, cleo, dora = colleagues(subscription, 3)
        assign(subscription, ben, cleo, dora)
        later = NOON + timedelta(hours=1)
        taken = release(subscription, ben, cleo, at=later)
        assert {seat.member for seat in taken} == {ben, cleo}
        assert sitting(subscription) == {dora}
        assert set(Seat.objects.filter(member__in=[ben, cleo]).values_list("released_at", flat=True)) == {later}
        assert len(Event.objects.get(type="seat.released").data["members"]) == 2

    def test_twice_changes_nothing_more(self):
        subscription = granted()
        [ben] = colleagues(subscription)
        assign(subscription, ben)
        release(subscription, ben)
        assert release(subscription, ben) == []
        assert Event.objects.filter(type="seat.released").count() == 1

    def test_somebody_may_come_back_to_a_new_seat(self):
        subscription = granted(quantity=1)
        [ben] = colleagues(subscription)
        [old] = assign(subscription, ben)
        release(subscription, ben)
        [new] = assign(subscription, ben)
        assert old != new
        assert sitting(subscription) == {ben}

    def test_one_by_its_id(self):
        subscription = granted()
        ben, cleo = colleagues(subscription, 2)
        [seat, _other] = assign(subscription, ben, cleo)
        by = acting(subscription.owner)
        released = seats.release_one(seat_id=seat.pk, subscription=subscription, by=by, at=NOON)
        assert released == seat
        assert seats.release_one(seat_id=seat.pk, subscription=subscription, by=by, at=NOON) is None
        assert sitting(subscription) == {cleo}

    def test_never_by_the_id_of_another_subscriptions_seat(self):
        subscription, other = granted(), granted()
        [seat] = assign(other, other.owner)
        by = acting(subscription.owner)
        assert seats.release_one(seat_id=seat.pk, subscription=subscription, by=by, at=NOON) is None
        assert sitting(other) == {other.owner}


@in_the_database
class TestAddresses:
    def test_find_members_in_their_order_each_once_whatever_the_case(self):
        owner = MembershipFactory()
        ben, cleo = MembershipFactory.create_batch(2, tenant=owner.tenant)
        emails = [cleo.user.email.upper(), f" {ben.user.email} ", cleo.user.email]
        assert seats.members_by_email(emails, by=acting(owner)) == [cleo, ben]

    def test_unknown_foreign_and_guest_are_one_answer(self):
        owner = MembershipFactory()
        foreign, guest = MembershipFactory(), GuestFactory(tenant=owner.tenant)
        for email in ("nobody@people.example", foreign.user.email, guest.user.email, "", "no address", "x" * 300):
            with pytest.raises(seats.NotAMember):
                seats.members_by_email([email], by=acting(owner))

    def test_names_who_is_not_active_and_the_field(self):
        owner = MembershipFactory()
        left = MembershipFactory(tenant=owner.tenant, state="left")
        with pytest.raises(seats.MemberNotActive) as refused:
            seats.members_by_email([left.user.email], by=acting(owner), field="assign_to")
        assert refused.value.field == "assign_to"


@in_the_database
class TestTheDatabaseRefuses:
    """What code that forgets an operation would do."""

    def test_more_seats_than_were_bought(self):
        subscription = granted(quantity=1)
        with pytest.raises(IntegrityError, match="seats_within_quantity"), transaction.atomic():
            Subscription.objects.filter(pk=subscription.pk).update(seats_assigned=2)

    def test_two_open_seats_of_one_person(self):
        subscription = granted()
        [seat] = assign(subscription, subscription.owner)
        with pytest.raises(IntegrityError, match="one_open_seat_per_member"), transaction.atomic():
            Seat.objects.create(
                tenant=seat.tenant, subscription=subscription, member=seat.member, assigned_at=seat.assigned_at
            )

    def test_a_seat_for_a_member_of_another_tenant(self):
        subscription, stranger = granted(), MembershipFactory()

        def seat_the_stranger():
            Seat.objects.create(
                tenant=subscription.tenant, subscription=subscription, member=stranger, assigned_at=NOON
            )
            connection.check_constraints()

        with pytest.raises(IntegrityError, match="same_tenant"), transaction.atomic():
            seat_the_stranger()


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


@between_transactions
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
