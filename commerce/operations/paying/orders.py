"""
An order and its lines as they are placed, its lock, and its end when nobody pays. What it brings is in
`commerce.operations.paying.fulfilment`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from commerce.models import Checkout, Order, OrderLine, OrderState
from commerce.operations.paying import spending
from commerce.tax import TaxTerms
from licensing.models import Plan
from tenants.access import Actor
from tenants.directory.models import Membership
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import BadInput


def require_bounds(plan: Plan, quantity: int) -> None:
    """:raises BadInput: the plan is not sold in this quantity"""
    if not plan.min_quantity <= quantity <= plan.max_quantity:
        bounds = {"smallest": plan.min_quantity, "largest": plan.max_quantity}
        message = _("%(smallest)s to %(largest)s seats can be had.")
        raise BadInput(message % bounds, field="quantity", code="quantity_out_of_range")


def place(
    *, buyer: Membership, terms: TaxTerms, lines: Iterable[OrderLine], at: datetime, pk: UUID | None = None, **what: Any
) -> Order:
    """
    Write down what is to be paid at once, in the caller's transaction. `lines` come without tenant and order; the
    order's totals are their sums. `what` are the order's other fields.
    """
    lines = list(lines)
    subtotal, tax = sum(line.amount for line in lines), sum(line.tax for line in lines)
    order = Order.objects.create(
        pk=pk or new_id(),
        tenant=buyer.tenant,
        buyer=buyer,
        subtotal=subtotal,
        tax=tax,
        total=subtotal + tax,
        created_at=at,
        **terms.fields,
        **what,
    )
    for line in lines:
        line.tenant, line.order, line.tax_inclusive = buyer.tenant, order, terms.inclusive
        line.save(force_insert=True)
    return order


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
    spending.let_go(order)
    events.record("order.canceled", tenant=order.tenant, by=by, at=at, subject=order.pk)
