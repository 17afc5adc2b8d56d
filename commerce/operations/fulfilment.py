"""What a paid order brings: the subscription, its first period, seats, the invoice and the receipt."""

from datetime import datetime

from commerce import money
from commerce.models import BillingPeriod, Checkout, CheckoutState, Order, OrderState
from commerce.operations import invoices
from licensing.models import Channel, Subscription
from licensing.operations import seats, subscriptions
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.journal import events


def fulfil(*, checkout: Checkout, order: Order, at: datetime) -> Subscription:
    """Grant what was paid for. The caller holds the checkout's lock and has seen that the order is not paid yet."""
    buyer = Membership.objects.select_related("user", "tenant").get(pk=order.buyer_id)
    # The buyer acts, also when a sweep is the one that learned of the payment.
    by = Actor(user=buyer.user, membership=buyer)
    subscription = subscriptions.grant(
        plan=checkout.plan,
        quantity=checkout.quantity,
        channel=Channel.SELF_SERVICE,
        purchaser=buyer,
        order_ref=str(order.pk),
        by=by,
        at=at,
    )
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
    order.state, order.paid_at, order.subscription = OrderState.PAID, at, subscription
    order.save(update_fields=["state", "paid_at", "subscription"])
    checkout.state = CheckoutState.COMPLETED
    checkout.save(update_fields=["state"])
    events.record(
        "order.paid",
        tenant=order.tenant,
        by=by,
        at=at,
        subject=order.pk,
        subscription=subscription.pk,
        total=money.text(order.total, order.currency),
        currency=order.currency,
    )
    seats.place(subscription=subscription, members=_still_here(checkout), by=by, at=at)
    jobs.enqueue("commerce.deliver_receipt", order_id=str(order.pk))
    # Last: from here to the commit, everybody else whom the seller bills waits for the next number.
    invoices.issue_invoice(order=order, by=by, at=at)
    return subscription


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
