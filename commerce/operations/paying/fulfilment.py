"""An order is granted, once: what it is for, which card pays from then on, its invoice and its receipt."""

from datetime import UTC, datetime, timedelta

from commerce import money
from commerce.models import Checkout, CheckoutState, Order, OrderState, PaymentMethod, PaymentSource
from commerce.models.order import UNASKED
from commerce.operations.accounts import ledger
from commerce.operations.billing import invoices
from commerce.operations.paying import bringing, spending
from licensing.models import Subscription
from licensing.operations import seats
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership, Tenant
from tenants.journal import events


def fulfil(*, order: Order, card: PaymentMethod | None, at: datetime) -> None:
    """Grant what was paid for. The caller holds the order's lock and has seen that it is not paid yet."""
    by = _who(order)
    is_new = order.state == OrderState.PENDING
    if is_new:
        _grant(order, by, at)
    order.state, order.paid_at = OrderState.PAID, at
    _save(order)
    if card and is_new and order.kind not in UNASKED:
        _pay_from(order, card)
    if order.checkout:
        order.checkout.state = CheckoutState.COMPLETED
        order.checkout.save(update_fields=["state"])
    _record("order.paid", order, by, at)
    jobs.enqueue("commerce.deliver_receipt", order_id=str(order.pk))
    if is_new:
        _place(order.checkout, order, by, at)
        # Last: from here to the commit, everybody else whom the seller bills waits for the next number.
        invoices.issue_invoice(order=order, by=by, at=at)


def fulfil_on_invoice(*, order: Order, at: datetime) -> None:
    """Grant what an agreement lets the tenant pay later. The order and its agreement were made by the caller."""
    by = _who(order)
    _grant(order, by, at)
    order.state = OrderState.INVOICED
    if order.agreement is not None:
        order.due_at = _due_at(order.tenant, order.agreement.payment_days, at)
    if order.agreement is not None and order.kind not in UNASKED:
        PaymentSource.objects.update_or_create(
            tenant=order.tenant,
            subscription=order.subscription,
            defaults={"agreement": order.agreement, "by_invoice": True, "payment_method": None},
        )
    _save(order)
    _record("order.invoiced", order, by, at)
    jobs.enqueue("commerce.deliver_invoice", order_id=str(order.pk))
    invoices.issue_invoice(order=order, by=by, at=at)


def _due_at(tenant: Tenant, days: int, at: datetime) -> datetime:
    """So many days later on the tenant's calendar, also across a change of its clocks."""
    return (at.astimezone(tenant.zone) + timedelta(days=days)).astimezone(UTC)


def _grant(order: Order, by: Actor, at: datetime) -> None:
    order.subscription = bringing.bring(order, by=by, at=at)
    order.granted_at = at
    spending.charged(order, order.subscription, at=at)
    ledger.order_billed(order=order, at=at)


def _save(order: Order) -> None:
    order.save(update_fields=["state", "granted_at", "paid_at", "due_at", "subscription"])


def _pay_from(order: Order, card: PaymentMethod) -> None:
    """
    The card that paid is the one that the next charge goes to, unless an agreement pays by invoice and it only helped
    out. The agreement whose price a purchase has stays with it.
    """
    if PaymentSource.objects.filter(subscription=order.subscription, by_invoice=True).exists():
        return
    if not Subscription.objects.filter(orders=order, payer=card.member_id).exists():
        return  # handed over since it was ordered: its new payer's card stays
    PaymentSource.objects.update_or_create(
        tenant=order.tenant,
        subscription=order.subscription,
        defaults={"payment_method": card},
        create_defaults={"payment_method": card, "agreement": order.agreement},
    )


def _who(order: Order) -> Actor:
    # The buyer acts, also when a sweep is the one that learned of the payment; but nobody renews.
    if order.kind in UNASKED:
        return SYSTEM
    return Actor(user=order.buyer.user, membership=order.buyer)


def _record(type: str, order: Order, by: Actor, at: datetime) -> None:
    events.record(
        type,
        tenant=order.tenant,
        by=by,
        at=at,
        subject=order.pk,
        subscription=order.subscription_id,
        total=money.text(order.total, order.currency),
        currency=order.currency,
    )


def _place(checkout: Checkout | None, order: Order, by: Actor, at: datetime) -> None:
    if checkout and order.subscription:
        seats.place(subscription=order.subscription, members=still_here(checkout), by=by, at=at)


def still_here(checkout: Checkout) -> list[Membership]:
    """Whom the buyer named for a seat, and who may have one. In the caller's transaction."""
    # Somebody named at the quote may have left since: the purchase stands, their seat stays free. Locked, so that
    # nobody leaves between this look and the assignment.
    return list(
        Membership.objects.of(checkout.tenant)
        .filter(pk__in=checkout.assign_to)
        .members()
        .active()
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)
        .select_related("user", "tenant")
    )
