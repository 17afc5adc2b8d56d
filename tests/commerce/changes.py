"""Changing subscriptions in tests: as their owner, by operation and by API."""

from datetime import timedelta
from decimal import Decimal

from commerce.models import Order
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.changes import quantity, reactivations
from commerce.operations.paying import open_orders
from tests import ledger
from tests.callers import Api
from tests.factories import NOON, RETURN_URL, acting

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
STEP_CARD = "pm_card_authenticationRequired"
FIRST = Decimal("19.98")  # what two seats cost


def change(subscription, to, at=NOON, card="", by=None, **options):
    """Another number of seats. By default charged to the card that pays for the subscription."""
    return quantity.change(
        subscription=fresh(subscription),
        quantity=to,
        payment_method=card,
        return_url=RETURN_URL,
        by=by or acting(subscription.owner),
        at=at,
        **options,
    )


def preview(subscription, to, at=NOON, by=None, **options):
    by = by or acting(subscription.owner)
    return quantity.preview(subscription=fresh(subscription), quantity=to, by=by, at=at, **options)


def reactivate(subscription, at, card="", by=None, **options):
    """Go on with it. By default charged to the card that pays for the subscription."""
    return reactivations.reactivate(
        subscription=fresh(subscription),
        payment_method=card,
        return_url=RETURN_URL,
        by=by or acting(subscription.owner),
        at=at,
        **options,
    )


def path(subscription, action="quantity/"):
    return f"subscriptions/{subscription.pk}/{action}"


def ask(who, subscription, body, key="k", action="quantity/"):
    """By API."""
    return Api(who).post(path(subscription, action), body, key=key)


def confirm(order, at=NOON):
    return open_orders.confirm_order(order=order, by=acting(order.buyer), at=at)


def fresh(subscription):
    return type(subscription).objects.with_people().get(pk=subscription.pk)


def seats_of(subscription):
    """How many there are, and how many are taken."""
    subscription.refresh_from_db()
    return subscription.quantity, subscription.seats_assigned


def quantity_of(subscription):
    return type(subscription).objects.get(pk=subscription.pk).quantity


def findings():
    return [finding for check in CHECKS for finding in check()]


def nothing_happened(subscription):
    """Of two seats, since they were bought."""
    assert seats_of(subscription) == (2, 1)
    assert ledger.captured() == [FIRST]
    assert not Order.objects.filter(state="pending").exists()
    return findings() == []
