"""What an order brings: a subscription, more seats or another term; its invoice and its receipt."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from commerce import money
from commerce.models import (
    BillingPeriod,
    Checkout,
    CheckoutState,
    Order,
    OrderKind,
    OrderState,
    PaymentMethod,
    PaymentSource,
)
from commerce.operations.accounts import ledger
from commerce.operations.billing import invoices
from commerce.operations.changes import scheduled
from commerce.operations.paying import spending
from licensing.models import Subscription
from licensing.operations import lifecycle, seats, subscriptions
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership, Tenant
from tenants.journal import events


def is_wanted(order: Order, *, at: datetime) -> bool:
    """
    Whether money for an order still brings what it is for. The caller holds its lock; from here on the subscription's
    is held, too.
    """
    if order.state == OrderState.INVOICED:
        return True
    if order.state != OrderState.PENDING:
        return False
    if order.subscription_id is None:
        return True
    subscription = Subscription.objects.locked().get(pk=order.subscription_id)
    if order.kind == OrderKind.SEATS:
        # Seats are sold for the rest of one term: of no other, and of none that has ended since.
        return subscription.runs_at(at) and order.lines.filter(ends_at=subscription.term_end).exists()
    return lifecycle.can_be_reactivated(subscription)


def fulfil(*, order: Order, card: PaymentMethod | None, at: datetime) -> None:
    """Grant what was paid for. The caller holds the order's lock and has seen that it is not paid yet."""
    by = _buyer(order)
    is_new = order.state == OrderState.PENDING
    if is_new:
        _grant(order, by, at)
    order.state, order.paid_at = OrderState.PAID, at
    _save(order)
    if card and is_new:
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
    by = _buyer(order)
    _grant(order, by, at)
    order.state = OrderState.INVOICED
    if order.agreement is not None:
        order.due_at = _due_at(order.tenant, order.agreement.payment_days, at)
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
    order.subscription = _BRING[OrderKind(order.kind)](order, by, at)
    order.granted_at = at
    spending.charged(order, order.subscription, at=at)
    ledger.order_billed(order=order, at=at)


def _new_subscription(order: Order, by: Actor, at: datetime) -> Subscription:
    [line] = order.lines.select_related("plan")
    subscription = subscriptions.grant(
        plan=line.plan,
        quantity=line.quantity,
        channel=order.channel,
        purchaser=by.home,
        order_ref=str(order.pk),
        by=by,
        at=at,
    )
    _open_period(order, subscription)
    return subscription


def _more_seats(order: Order, by: Actor, at: datetime) -> Subscription:
    [line] = order.lines.all()
    subscription = subscriptions.add_seats(
        subscription=Subscription.objects.get(orders=order), count=line.quantity, by=by, at=at
    )
    # The newer wish holds: nobody expects the seats they just bought to go at the renewal.
    scheduled.withdraw(subscription=subscription, by=by, at=at)
    return subscription


def _another_term(order: Order, by: Actor, at: datetime) -> Subscription:
    subscription = lifecycle.reactivate(subscription=Subscription.objects.get(orders=order), by=by, at=at)
    _open_period(order, subscription)
    return subscription


_BRING: dict[OrderKind, Callable[[Order, Actor, datetime], Subscription]] = {
    OrderKind.PURCHASE: _new_subscription,
    OrderKind.SEATS: _more_seats,
    OrderKind.REACTIVATION: _another_term,
}


def _open_period(order: Order, subscription: Subscription) -> None:
    """The term that the lines are for, with the price version that it was charged at."""
    for line in order.lines.all():
        line.starts_at, line.ends_at = subscription.term_start, subscription.term_end
        line.save(update_fields=["starts_at", "ends_at"])
        BillingPeriod.objects.create(
            tenant=order.tenant,
            subscription=subscription,
            line=line,
            starts_at=subscription.term_start,
            ends_at=subscription.term_end,
            currency=order.currency,
            unit_price=line.unit_price,
        )


def _save(order: Order) -> None:
    order.save(update_fields=["state", "granted_at", "paid_at", "due_at", "subscription"])


def _pay_from(order: Order, card: PaymentMethod) -> None:
    """
    The card that paid is the one that the next charge goes to, unless an agreement pays by invoice and it only helped
    out. The agreement whose price a purchase has stays with it.
    """
    if PaymentSource.objects.filter(subscription=order.subscription, by_invoice=True).exists():
        return
    PaymentSource.objects.update_or_create(
        tenant=order.tenant,
        subscription=order.subscription,
        defaults={"payment_method": card},
        create_defaults={"payment_method": card, "agreement": order.agreement},
    )


def _buyer(order: Order) -> Actor:
    # The buyer acts, also when a sweep is the one that learned of the payment.
    buyer = Membership.objects.select_related("user", "tenant").get(pk=order.buyer_id)
    return Actor(user=buyer.user, membership=buyer)


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
        seats.place(subscription=order.subscription, members=_still_here(checkout), by=by, at=at)


def _still_here(checkout: Checkout) -> list[Membership]:
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
