from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from licensing.models import EndCause, Seat, Subscription
from licensing.operations import lifecycle, seats, subscriptions
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.factories import NOON, GuestFactory, MembershipFactory, TenantFactory, acting, admin_of
from tests.licensing.conftest import assign, colleagues, granted, release, sitting

pytestmark = pytest.mark.django_db


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


class TestOfTheTenantItself:
    @pytest.fixture
    def central(self):
        return granted(channel="central")

    @pytest.mark.parametrize("role", ["global_admin", "license_admin", "user_admin"])
    def test_its_seats_are_given_and_taken_back_by_those_who_assign_them(self, central, role):
        by, [ben] = admin_of(central.tenant, role), colleagues(central)
        [seat] = assign(central, ben, by=by)
        assert sitting(central) == {ben}
        release(central, ben, by=by)
        assert sitting(central) == set()
        [seat] = assign(central, ben, by=by)
        seats.release_one(seat_id=seat.pk, subscription=central, by=by, at=NOON)
        assert sitting(central) == set()

    @pytest.mark.parametrize("role", [None, "billing_admin", "global_reader"])
    def test_nobody_else_gives_them_not_even_who_bought(self, central, role):
        by = admin_of(central.tenant, role) if role else acting(central.purchaser)
        [ben] = colleagues(central)
        assign(central, ben, by=admin_of(central.tenant))
        for attempt in (lambda: assign(central, *colleagues(central), by=by), lambda: release(central, ben, by=by)):
            with pytest.raises(NotAllowed):
                attempt()
        assert sitting(central) == {ben}

    def test_nor_an_admin_of_another_tenant_nor_the_system(self, central):
        for by in (admin_of(TenantFactory()), SYSTEM):
            with pytest.raises(NotAllowed):
                assign(central, *colleagues(central), by=by)
        assert sitting(central) == set()
