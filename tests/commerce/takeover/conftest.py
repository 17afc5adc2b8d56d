"""What is taken over in these tests: three seats of ana's, one of them cleo's, with central seats beside them."""

import pytest

from commerce.models import PaymentMethod, TakeOver
from commerce.operations.leaving.adoption import Payer
from commerce.operations.takeover import previewing, settling, starting, undoing
from commerce.operations.takeover.previewing import Wish
from licensing.models import Seat, Subscription
from licensing.operations import seats
from tests.commerce.changes import fresh
from tests.factories import NOON, MembershipFactory, acting, add_card, agree, buy, buy_centrally, price_centrally


@pytest.fixture
def boss(tenant):
    """Somebody who may take over what others bought, and buys for the tenant."""
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def subscription(ana, cleo, plan):
    bought = buy(ana, plan, 3)
    seats.assign(subscription=bought, members=[cleo], by=acting(ana), at=NOON)
    return bought


@pytest.fixture
def central(boss, plan):
    return buy_centrally(boss, plan, 5)


@pytest.fixture
def central_price(plan):
    return price_centrally(plan, "8.99")


@pytest.fixture
def by_invoice(tenant):
    return Payer(agreement=agree(tenant))


@pytest.fixture
def card(boss):
    """The organisation's."""
    add_card(boss, for_organisation=True)
    return PaymentMethod.objects.get(member=None)


def start(subscription, boss, mode="move", at=NOON, as_of=None, expecting=None, take_over_id=None, **wish):
    return starting.take_over(
        subscription=fresh(subscription),
        wish=Wish(mode=mode, **wish),
        as_of=as_of,
        expecting=expecting,
        take_over_id=take_over_id,
        by=acting(boss),
        at=at,
    )


def adopt(subscription, boss, payer, **wish):
    return start(subscription, boss, mode="adopt", payer=payer, **wish)


def preview(subscription, boss, mode="move", at=NOON, as_of=None, **wish):
    return previewing.preview(
        subscription=fresh(subscription), wish=Wish(mode=mode, **wish), as_of=as_of, by=acting(boss), at=at
    )


def settle(take_over, boss, at=NOON):
    return settling.settle(take_over=newest(take_over), by=acting(boss), at=at)


def undo(take_over, boss, at=NOON):
    return undoing.undo(take_over=newest(take_over), by=acting(boss), at=at)


def newest(take_over):
    return TakeOver.objects.with_people().get(pk=take_over.pk)


def holders(subscription):
    return {seat.member for seat in Seat.objects.open().filter(subscription=subscription)}


def row(model, pk):
    return model.objects.filter(pk=pk).values().get()


def rows_of(subscription):
    """Everything of it that a take-over may change, as it stands in the database."""
    return {
        "subscription": row(Subscription, subscription.pk),
        "seats": list(Seat.objects.filter(subscription=subscription).order_by("pk").values()),
        "source": list(subscription.payment_sources.values()),
        "renewals": list(subscription.renewals.order_by("pk").values()),
        "periods": list(subscription.billing_periods.order_by("starts_at").values("starts_at", "ends_at", "line_id")),
        "changes": list(subscription.scheduled_changes.order_by("pk").values()),
        "lines": [
            tuple(line.values()) for order in subscription.orders.all() for line in order.lines.order_by("pk").values()
        ],
    }
