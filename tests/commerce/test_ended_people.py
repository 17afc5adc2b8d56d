"""Central seats for the people of a subscription that has ended, for 90 days."""

from datetime import timedelta

import pytest
from django.db.models import Q

from commerce.operations.changes import cancellations
from licensing.models import Seat
from licensing.operations import central_seats, ended_people, lifecycle, seats
from licensing.operations.ended_people import NotEnded, TooLateToHelp
from licensing.operations.seats import NoSeatLeft
from tenants.directory.models import Membership
from tenants.refusal import BadInput, NotAllowed
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

CANCELED = NOON + timedelta(days=1)


@pytest.fixture
def central(tenant, plan):
    return buy_centrally(MembershipFactory(tenant=tenant, roles=["global_admin"]), plan, 2)


@pytest.fixture
def ended(ana, cleo, plan):
    """Three seats of Ana's, two in use, canceled a day after."""
    bought = buy(ana, plan, 3)
    colleague = MembershipFactory(tenant=ana.tenant, name="Early Leaver")
    seats.assign(subscription=bought, members=[cleo, colleague], by=acting(ana), at=NOON)
    seats.release(subscription=bought, members=[colleague], by=acting(ana), at=NOON)
    cancellations.cancel_subscription(subscription=bought, reason="Over", by=acting(ana), at=CANCELED)
    bought.refresh_from_db()
    return bought


def give(subscription, members, at=CANCELED, by=None):
    by = by or admin_of(subscription.tenant, "license_admin")
    return ended_people.give_central_seats(subscription=subscription, members=members, by=by, at=at)


def test_its_people_are_those_who_had_a_seat_when_it_ended(ended, ana, cleo):
    assert ended.state == "disabled"
    assert set(ended_people.people_of(ended)) == {ana, cleo}
    assert ended_people.helped_until(ended) == CANCELED + timedelta(days=90)
    Membership.objects.filter(pk=cleo.pk).update(state="left")
    assert ended_people.people_of(ended) == [ana]


def test_they_get_seats_of_the_tenants_own(ended, central, ana, cleo, plan):
    for _ in range(2):
        assert give(ended, [ana, cleo]) == {ana.pk: central, cleo.pk: central}
    assert Seat.objects.open().filter(subscription=central).count() == 2
    assert all_is_well()


def test_also_when_it_was_deleted_and_a_day_before_the_time_is_over(ended, central, ana, cleo):
    lifecycle.advance_due(at=CANCELED + timedelta(days=90), but=Q(pk=central.pk))
    assert state_of(ended) == "deleted"
    assert set(ended_people.people_of(ended)) == {ana, cleo}
    assert give(ended, [ana], at=CANCELED + timedelta(days=89))
    with pytest.raises(TooLateToHelp):
        give(ended, [cleo], at=CANCELED + timedelta(days=90))


def test_not_while_it_gives_access(ana, cleo, plan, central):
    bought = buy(ana, plan, 1)
    assert ended_people.helped_until(bought) is None
    with pytest.raises(NotEnded):
        give(bought, [ana])


def test_all_or_none_and_nobody_else(ended, central, ana, cleo, plan, tenant):
    other = MembershipFactory(tenant=tenant)
    for members in ([], [ana, other], [MembershipFactory()]):
        with pytest.raises(BadInput):
            give(ended, members)
    seats.assign(subscription=central, members=[other], by=admin_of(tenant), at=NOON)
    with pytest.raises(NoSeatLeft):
        give(ended, [ana, cleo])
    assert central_seats.free(tenant, plan.product) == 1


@pytest.mark.parametrize("role", ["billing_admin", "global_reader", None])
def test_only_by_those_who_assign_central_seats(ended, central, ana, role):
    for by in (acting(MembershipFactory(tenant=ana.tenant, roles=[role] if role else [])), admin_of(TenantFactory())):
        with pytest.raises(NotAllowed):
            give(ended, [ana], by=by)
    assert not Seat.objects.filter(subscription=central).exists()
