"""An order's lock, and its end when nobody pays. What it brings is in `commerce.operations.paying.fulfilment`."""

from datetime import datetime
from uuid import UUID

from commerce.models import Checkout, Order, OrderState
from tenants.access import Actor
from tenants.journal import events


def lock(pk: UUID) -> Order:
    """An order with its checkout, both locked, the checkout first. Inside the caller's transaction."""
    checkout_id = Order.objects.values_list("checkout", flat=True).get(pk=pk)
    checkout = Checkout.objects.locked().get(pk=checkout_id) if checkout_id else None
    order = Order.objects.locked().get(pk=pk)
    order.checkout = checkout
    return order


def cancel(order: Order, *, by: Actor, at: datetime) -> None:
    """End an order that nobody paid. The caller holds its lock."""
    order.state = OrderState.CANCELED
    order.save(update_fields=["state"])
    events.record("order.canceled", tenant=order.tenant, by=by, at=at, subject=order.pk)
