"""
The rest of an adopted term: charged to the organisation first, and only then given back to who paid it. By agreement
it is billed; by card the charge is made outside any transaction, and tried again a day later where it is declined.
"""

from datetime import datetime, timedelta

from django.db import transaction

from commerce import money
from commerce.models import (
    Order,
    OrderKind,
    OrderLine,
    OrderState,
    Payment,
    PaymentMethod,
    PaymentSource,
    PaymentState,
    TakeOver,
)
from commerce.models.order import GRANTED
from commerce.operations.changes import lines
from commerce.operations.paying import charging, fulfilment, orders, settlement
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.pricing.taxes import terms_for
from commerce.operations.takeover import returning, terms
from licensing.models import Subscription
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.journal import events

AGAIN_AFTER = timedelta(days=1)


def is_paid(held: TakeOver) -> bool:
    """By the organisation; or there is nothing to pay."""
    return (held.order is not None and held.order.state in GRANTED) or not returning.unused(held)


def bill(held: TakeOver, *, at: datetime) -> bool:
    """
    Bill the agreement that pays, in the caller's transaction, which holds the locks. No: a card is to be charged.
    """
    source = PaymentSource.objects.select_related("agreement").filter(subscription=held.subscription).first()
    if source is None or not source.by_invoice:
        return False
    placed = _place(held, at=at)
    placed.agreement = source.agreement
    placed.save(update_fields=["agreement"])
    fulfilment.fulfil_on_invoice(order=placed, at=at)
    return True


def charge(*, take_over: TakeOver, at: datetime) -> None:
    """
    Charge the organisation's card, once, however often it is called. Outside any transaction. Nothing to charge, or
    not by card, or paid already: nothing.

    :raises CardDeclined: :raises PaymentCanceled: nothing was charged; it stays to be settled
    :raises PaymentInProgress: the answer to an earlier try is not known yet
    """
    payment = _start(take_over, at=at)
    if payment is None:
        return
    payment = charging.attempt(payment=payment, return_url="", at=at, off_session=True)
    if payment.state == PaymentState.REQUIRES_ACTION:
        # Nobody sits in front of it.
        settlement.call_off(payment, at=at)
        payment.refresh_from_db()
    if payment.state == PaymentState.STARTED:
        raise PaymentInProgress
    if payment.state != PaymentState.SUCCEEDED:
        _put_off(take_over, payment, at=at)
    charging.shown(payment)


@transaction.atomic
def _start(take_over: TakeOver, *, at: datetime) -> Payment | None:
    subscription, _orders = lines.lock_after(take_over.subscription, since=take_over.started_at)
    held = TakeOver.objects.locked().with_people().get(pk=take_over.pk)
    held.subscription = subscription
    if not held.is_open or not held.reimburse or is_paid(held):
        return None
    if held.order is not None and held.order.state == OrderState.PENDING:
        raise PaymentInProgress
    card = _card(subscription)
    if card is None:
        return None
    placed = _place(held, at=at)
    return charging.start_off_session(order=placed, card=card, at=at)


def _card(subscription: Subscription) -> PaymentMethod | None:
    source = PaymentSource.objects.filter(subscription=subscription).select_related("payment_method").first()
    card = source.payment_method if source else None
    return card if card is not None and card.removed_at is None and card.member_id is None else None


def _place(held: TakeOver, *, at: datetime) -> Order:
    subscription = held.subscription
    charged = terms.taken_on(subscription, returning.unused(held), at=at)
    placed = orders.place(
        buyer=_buyer(held),
        kind=OrderKind.REIMBURSEMENT,
        channel=subscription.channel,
        subscription=subscription,
        currency=charged[0].currency,
        terms=terms_for(tenant=subscription.tenant, at=at),
        lines=[
            OrderLine(
                plan=line.plan,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                tax=line.tax,
                part_seconds=line.part.seconds,
                term_seconds=line.part.of,
                starts_at=line.starts_at,
                ends_at=line.ends_at,
            )
            for line in charged
        ],
        at=at,
    )
    held.order, held.tries = placed, held.tries + 1
    held.save(update_fields=["order", "tries"])
    events.record(
        "order.placed",
        tenant=held.tenant,
        by=SYSTEM,
        at=at,
        subject=placed.pk,
        subscription=subscription.pk,
        kind=placed.kind,
        quantity=max(line.quantity for line in charged),
        total=money.text(placed.total, placed.currency),
        currency=placed.currency,
    )
    return placed


def _buyer(held: TakeOver) -> Membership:
    """In whose name it is ordered: of whoever took it over, as far as they are of the organisation."""
    people = Membership.objects.of(held.tenant).members().select_related("user", "tenant")
    taker = people.filter(user=held.started_by).first() if held.started_by_id else None
    return taker or people.get(pk=held.subscription.purchaser_id)


def _put_off(take_over: TakeOver, payment: Payment, *, at: datetime) -> None:
    TakeOver.objects.open().filter(pk=take_over.pk).update(next_try_at=at + AGAIN_AFTER)
    jobs.enqueue("commerce.tell_unpaid_take_over", take_over_id=str(take_over.pk), payment_id=str(payment.pk))
