"""
An order and its lines as they are placed, its lock, and its end when nobody pays. What it brings is in
`commerce.operations.paying.bringing`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Checkout, Order, OrderLine, OrderState
from commerce.operations.paying import spending
from commerce.operations.renewing import outcomes as renewals
from commerce.tax import TaxTerms
from licensing.models import Plan, Subscription
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
    """
    An order with its checkout, both locked, the checkout first; with its buyer and seller. Inside the caller's
    transaction.
    """
    return lock_again(Order.objects.only("checkout").get(pk=pk))


def lock_with_next_term(pk: UUID) -> Order:
    """As `lock`, with the orders that paid ahead for the next term of its subscription: all before the subscription."""
    order = Order.objects.only("checkout", "subscription").get(pk=pk)
    if order.subscription_id is None:
        return lock_again(order)
    if order.checkout_id:
        Checkout.objects.locked().get(pk=order.checkout_id)
    ends = Subscription.objects.filter(pk=order.subscription_id, renewed_until__isnull=False).values("renewed_until")
    ahead = OrderLine.objects.filter(order__subscription=order.subscription_id, ends_at__in=ends)
    list(Order.objects.filter(Q(pk=pk) | Q(pk__in=ahead.values("order"))).locked())
    return lock_again(order)


def lock_again(order: Order) -> Order:
    """As `lock`, of one that is in hand as it was once: which checkout it is of never changes."""
    checkout = Checkout.objects.locked().get(pk=order.checkout_id) if order.checkout_id else None
    with_parties = Order.objects.locked().select_related("buyer__user", "buyer__tenant", "seller")
    order = with_parties.get(pk=order.pk)
    order.checkout, order.tenant = checkout, order.buyer.tenant
    return order


def cancel(order: Order, *, by: Actor, at: datetime) -> None:
    """End an order that nobody paid. The caller holds its lock."""
    order.state = OrderState.CANCELED
    order.save(update_fields=["state"])
    spending.let_go(order)
    renewals.canceled(order, at=at)
    events.record("order.canceled", tenant=order.tenant, by=by, at=at, subject=order.pk)
