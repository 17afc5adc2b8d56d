"""The lines that pay for the present term, and what may go back for their seats."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum

from commerce import money
from commerce.models import (
    Dispute,
    Order,
    OrderKind,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundReason,
)
from commerce.models.order import GRANTED
from commerce.models.payment import TAKING
from commerce.models.purchase import REFUND_WINDOW
from commerce.money import rounded
from commerce.operations.changes.quotes import Position, Why
from commerce.operations.paying import refunds
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.proration import Part, Sold
from licensing.models import Subscription
from tenants.access import Actor

# Of these money goes back.
GIVING_BACK = (Why.INSIDE_WINDOW, Why.TAKEN_OVER)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A line of the present term with seats that were not given back; `why` says whether money may be."""

    line: OrderLine
    payment: Payment | None
    sold: Sold
    why: Why
    window_ends_at: datetime

    @property
    def is_open(self) -> bool:
        return self.why in GIVING_BACK

    def giving_back(self, count: int, *, at: datetime) -> Position:
        """The last `count` seats of it, and the money for what they leave unused."""
        starts_at, ends_at = self._period(at)
        part = Part.after(at, start=starts_at, end=ends_at)
        amount, tax = self.sold.given_back(count, part) if self.is_open else (money.ZERO, money.ZERO)
        charged, total = self.sold.cost_of(count), self.sold.total
        return Position(
            plan=self.line.plan,
            quantity=count,
            unit_price=self.line.unit_price,
            currency=self.sold.currency,
            starts_at=max(at, starts_at),
            ends_at=ends_at,
            part=part,
            amount=amount - tax,
            tax=tax,
            tax_inclusive=self.line.tax_inclusive,
            why=self.why,
            line=self.line,
            charged=charged,
            charged_tax=rounded(self.line.tax * charged / total, self.sold.currency) if total else money.ZERO,
            payment=self.payment,
        )

    def _period(self, at: datetime) -> tuple[datetime, datetime]:
        return self.line.starts_at or at, self.line.ends_at or at


def lock(subscription: Subscription) -> tuple[Subscription, list[Order]]:
    """
    A subscription and the orders whose seats and money it may change, all locked: orders come before what they bring.

    :raises PaymentInProgress: one was placed in this very moment, or an invoice of it is being paid
    """
    ends = Subscription.objects.values_list("term_end", "renewed_until").get(pk=subscription.pk)
    terms = OrderLine.objects.filter(order__subscription=subscription, ends_at__in=[end for end in ends if end])
    fresh, orders = _locked(subscription, terms)
    if (fresh.term_end, fresh.renewed_until) != ends:
        raise PaymentInProgress
    return fresh, orders


def lock_after(subscription: Subscription, *, since: datetime) -> tuple[Subscription, list[Order]]:
    """As `lock`, with the orders that pay for a time after a moment. :raises PaymentInProgress: as `lock`"""
    return _locked(subscription, OrderLine.objects.filter(order__subscription=subscription, ends_at__gt=since))


def _locked(subscription: Subscription, terms: QuerySet[OrderLine]) -> tuple[Subscription, list[Order]]:
    concerned = Order.objects.filter(
        Q(state=OrderState.PENDING) | Q(state__in=GRANTED, pk__in=terms.values("order")),
        tenant=subscription.tenant_id,
        subscription=subscription,
    )
    orders = list(concerned.locked())
    fresh = Subscription.objects.locked().with_people().get(pk=subscription.pk)
    if concerned.exclude(pk__in=[order.pk for order in orders]).exists():
        raise PaymentInProgress
    # What is due on an invoice must not change while a card is charged for it.
    billed = [order for order in orders if order.state == OrderState.INVOICED]
    if billed and Payment.objects.live().filter(order__in=billed).exists():
        raise PaymentInProgress
    return fresh, orders


def of_term(subscription: Subscription, *, at: datetime) -> list[Held]:
    """The lines that pay for the present term and have seats left, newest first."""
    return _ending(subscription, subscription.term_end, at=at)


def of_next_term(subscription: Subscription, *, at: datetime) -> list[Held]:
    """As `of_term`, of the one that is paid before it begins."""
    end = subscription.renewed_until
    return _ending(subscription, end, at=at) if end else []


def after(subscription: Subscription, *, since: datetime, refunds: bool) -> list[Held]:
    """
    The lines that pay for a time after a moment and have seats left, newest first, whenever they were charged: as far
    as they are not contested that time goes back, or nothing does.
    """
    return after_each([subscription], since=since, refunds=refunds).get(subscription.pk, [])


def after_each(subscriptions: Iterable[Subscription], *, since: datetime, refunds: bool) -> dict[UUID, list[Held]]:
    """As `after`, of many, in a fixed number of queries."""
    why = Why.TAKEN_OVER if refunds else Why.NOT_GIVEN_BACK
    keys = [subscription.pk for subscription in subscriptions]
    found: dict[UUID, list[Held]] = defaultdict(list)
    for held in _with_seats(OrderLine.objects.filter(order__subscription__in=keys, ends_at__gt=since), at=since):
        if held.line.order.subscription_id:
            of_it = found[held.line.order.subscription_id]
            of_it.append(held if held.why == Why.DISPUTED else replace(held, why=why))
    return found


def _ending(subscription: Subscription, ends_at: datetime, *, at: datetime) -> list[Held]:
    return _with_seats(OrderLine.objects.filter(order__subscription=subscription, ends_at=ends_at), at=at)


def _with_seats(found: QuerySet[OrderLine], *, at: datetime) -> list[Held]:
    lines = list(
        found.filter(order__state__in=GRANTED, returned__lt=F("quantity"))
        .select_related("order", "plan__product")
        .order_by("-order__granted_at", "-pk")
    )
    payments, contested = _payments(line.order_id for line in lines)
    back = _given_back(line.pk for line in lines)
    return [
        _held(
            line,
            payments.get(line.order_id),
            back.get(line.pk, (money.ZERO, money.ZERO)),
            is_contested=line.order_id in contested,
            at=at,
        )
        for line in lines
    ]


def give_back(positions: Iterable[Position], *, reason: RefundReason, by: Actor, at: datetime) -> None:
    """
    Give back the seats of lines with their money. In the caller's transaction, which holds the locks, and last in it:
    a credit note takes a number.
    """
    for back in positions:
        if back.line is None:
            continue
        if back.total:
            refunds.give_back(
                line=back.line, quantity=back.quantity, amount=back.total, tax=back.tax, reason=reason, by=by, at=at
            )
        else:
            OrderLine.objects.filter(pk=back.line.pk).update(returned=F("returned") + back.quantity)


def send_refunds(positions: Iterable[Position], *, at: datetime) -> None:
    """After the commit: tell the provider."""
    for payment in {back.payment.pk: back.payment for back in positions if back.payment and back.total}.values():
        refunds.send_waiting(payment, at=at)


def _held(line: OrderLine, payment: Any, back: tuple[Decimal, Decimal], *, is_contested: bool, at: datetime) -> Held:
    order, (given, tax_given) = line.order, back
    # What is paid later was charged when it was granted: its window does not open a second time.
    charged_at = order.granted_at or order.created_at
    room = payment.free if payment else order.due
    sold = Sold(
        total=line.amount + line.tax,
        quantity=line.quantity,
        returned=line.returned,
        left=line.amount + line.tax - given,
        tax_left=line.tax - tax_given,
        room=room,
        currency=order.currency,
    )
    window_ends_at = charged_at + REFUND_WINDOW
    why = Why.INSIDE_WINDOW if at < window_ends_at else Why.OUTSIDE_WINDOW
    if order.kind == OrderKind.ALIGNMENT:
        why = Why.ALIGNED  # the term before it ends with it, and was paid for before
    if is_contested:
        why = Why.DISPUTED
    return Held(line=line, payment=payment, sold=sold, why=why, window_ends_at=window_ends_at)


def _payments(orders: Iterable[object]) -> tuple[dict[object, Any], set[object]]:
    """The payments that brought the orders, and the orders whose charge is contested or was lost at the bank."""
    taking = Dispute.objects.filter(payment=OuterRef("pk"), state__in=TAKING)
    paid = Payment.objects.filter(order__in=list(orders), state=PaymentState.SUCCEEDED)
    found = list(paid.with_free().annotate(contested=Exists(taking)).select_related("tenant", "order"))
    return {payment.order_id: payment for payment in found}, {p.order_id for p in found if p.contested}


def _given_back(lines: Iterable[object]) -> dict[object, tuple[Decimal, Decimal]]:
    # Also what a card did not take: it is promised, and is made good or stays owed.
    rows = (
        Refund.objects.promises()
        .filter(line__in=list(lines))
        .order_by()
        .values("line")
        .annotate(given=Sum("amount"), tax_given=Sum("tax"))
    )
    return {row["line"]: (row["given"], row["tax_given"]) for row in rows}
