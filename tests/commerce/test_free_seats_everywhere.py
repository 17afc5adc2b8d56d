"""How many seats the tenant can give: every question about it has one answer, also while fewer are being paid for."""

from datetime import timedelta

import pytest

from commerce.operations.buying import free_seats
from licensing.models import Subscription, Waste
from licensing.operations import central_seats, seats, waste
from licensing.operations.seats import NoSeatLeft
from policies.models import AutoClaim
from policies.operations import settings
from tests.factories import NOON, MembershipFactory, admin_of, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def central(tenant, plan):
    """Three seats of which one is taken."""
    admin = admin_of(tenant, "global_admin")
    bought = buy_centrally(admin.membership, plan, 3)
    seats.assign(subscription=bought, members=[MembershipFactory(tenant=tenant)], by=admin, at=NOON)
    return bought


def answers(tenant, plan, central):
    """Of each place that asks."""
    ana = MembershipFactory(tenant=tenant)
    settings.let_members_claim_seats(tenant=tenant, allowed=True, by=admin_of(tenant), at=NOON)
    AutoClaim.objects.create(tenant=tenant, product=plan.product, ceiling=9, set_at=NOON)
    bought = buy(ana, plan, 1)
    central.refresh_from_db()
    wasted = waste.found(tenant, Waste.BESIDE_CENTRAL, at=NOON + timedelta(days=60))
    offered = free_seats.offered(product=plan.product, member=MembershipFactory(tenant=tenant))
    return {
        "of itself": central.seats_free,
        "with room": Subscription.objects.filter(pk=central.pk).with_room().count(),
        "of a product": central_seats.free(tenant, plan.product),
        "of each": central_seats.free_of_each(tenant, [plan.product_id]),
        "on first use": AutoClaim.objects.with_use().get().seats_free,
        "offered": [room.seats_free for room in offered],
        "lies idle": wasted.filter(subscription=bought).exists(),
    }


@pytest.mark.parametrize(
    ("next_term", "free"), [(None, 2), (3, 2), (5, 2), (2, 1), (1, 0)], ids=["alike", "all", "more", "fewer", "no more"]
)
def test_every_place_says_the_same(tenant, plan, central, next_term, free):
    Subscription.objects.filter(pk=central.pk).update(renewed_quantity=next_term)
    found = answers(tenant, plan, central)
    assert found == {
        "of itself": free,
        "with room": int(free > 0),
        "of a product": free,
        "of each": {plan.product_id: free},
        "on first use": free,
        "offered": [free] if free else [],
        "lies idle": free > 0,
    }


def test_as_many_as_are_free_can_be_given_and_no_more(tenant, plan, central):
    Subscription.objects.filter(pk=central.pk).update(renewed_quantity=2)
    by, people = admin_of(tenant), MembershipFactory.create_batch(2, tenant=tenant)
    with pytest.raises(NoSeatLeft):
        central_seats.give(tenant=tenant, product=plan.product, members=people, by=by, at=NOON)
    central_seats.give(tenant=tenant, product=plan.product, members=people[:1], by=by, at=NOON)
    assert central_seats.free(tenant, plan.product) == 0
