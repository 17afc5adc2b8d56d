"""
What must always hold of money, and all checks of the system in one list. Each returns the offending rows as sentences.

They read with plain queries and repair nothing: a finding is a defect, or somebody's hand in the database.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import CharField, Count, DecimalField, F, Max, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce

from commerce import gateways, money
from commerce.models import (
    BillingPeriod,
    Invoice,
    InvoiceCounter,
    InvoiceKind,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)
from commerce.models.payment import LIVE
from commerce.operations import tax_invariants
from licensing.models import Subscription
from licensing.operations import invariants as licensing_invariants
from tenants.directory import invariants as directory_invariants

_NOTHING = Value(money.ZERO, output_field=DecimalField())


def paid_orders_have_one_payment() -> Iterator[str]:
    """An order is paid by exactly one succeeded payment of its own total, and no other order has one."""
    counted = Order.objects.annotate(payments_succeeded=Count("payments", filter=Q(payments__state="succeeded")))
    wrong = counted.filter(state=OrderState.PAID).exclude(payments_succeeded=1) | counted.exclude(
        state=OrderState.PAID
    ).filter(payments_succeeded__gt=0)
    for order in wrong:
        yield f"order {order.pk}: {order.state} with {order.payments_succeeded} succeeded payments"
    mismatched = Payment.objects.filter(state=PaymentState.SUCCEEDED).exclude(
        amount=F("order__total"), currency=F("order__currency")
    )
    for payment in mismatched:
        yield f"payment {payment.pk}: its amount is not the total of order {payment.order_id}"


def lines_add_up_to_orders() -> Iterator[str]:
    summed = Order.objects.annotate(lines_total=Coalesce(Sum(F("lines__amount") + F("lines__tax")), _NOTHING))
    for order in summed.exclude(total=F("lines_total")):
        yield f"order {order.pk}: its lines do not add up to its total"


def refunds_add_up() -> Iterator[str]:
    """What a payment says was refunded is the sum of its refunds that did not fail."""
    summed = Payment.objects.annotate(
        given_back=Coalesce(Sum("refunds__amount", filter=~Q(refunds__state=RefundState.FAILED)), _NOTHING)
    )
    for payment in summed.exclude(refunded=F("given_back")):
        yield f"payment {payment.pk}: {payment.refunded} refunded, its refunds add up to {payment.given_back}"


def invoices_are_numbered_without_gaps() -> Iterator[str]:
    """Each seller's year counts from 1 to the last number that was taken."""
    issued: dict[tuple[Any, int], tuple[int, int]] = {
        (row["seller"], row["year"]): (row["count"], row["last"])
        for row in Invoice.objects.values("seller", "year").annotate(count=Count("pk"), last=Max("sequence"))
    }
    counters = {(counter.seller_id, counter.year): counter.last for counter in InvoiceCounter.objects.all()}
    for seller, year in sorted(issued.keys() | counters.keys(), key=str):
        count, last = issued.get((seller, year), (0, 0))
        taken = counters.get((seller, year), 0)
        if not count == last == taken:
            yield f"seller {seller}: {count} invoices in {year}, the last is {last}, {taken} numbers taken"


def every_paid_order_has_its_invoice() -> Iterator[str]:
    """Of its own amounts; and no other order has one."""
    own = Q(
        invoices__kind=InvoiceKind.INVOICE,
        invoices__total=F("total"),
        invoices__tax=F("tax"),
        invoices__currency=F("currency"),
    )
    counted = Order.objects.annotate(all_invoices=Count("invoices", filter=Q(invoices__kind=InvoiceKind.INVOICE)))
    right = counted.annotate(own_invoices=Count("invoices", filter=own))
    for order in right.filter(state=OrderState.PAID).exclude(all_invoices=1, own_invoices=1):
        yield f"order {order.pk}: paid, {order.all_invoices} invoices, {order.own_invoices} of its amounts"
    for order in right.exclude(state=OrderState.PAID).filter(all_invoices__gt=0):
        yield f"order {order.pk}: {order.state} with {order.all_invoices} invoices"


def every_refund_has_its_credit_note() -> Iterator[str]:
    """What went back of a paid order is credited with the same amount, once; nothing else is."""
    due = Q(state=RefundState.SUCCEEDED, payment__state=PaymentState.SUCCEEDED)
    own = Q(credit_notes__total=F("amount"), credit_notes__currency=F("payment__currency"))
    counted = Refund.objects.annotate(notes=Count("credit_notes"), own_notes=Count("credit_notes", filter=own))
    for refund in counted.filter(due).exclude(notes=1, own_notes=1):
        yield f"refund {refund.pk}: {refund.notes} credit notes, {refund.own_notes} of its amount"
    for refund in counted.exclude(due).filter(notes__gt=0):
        yield f"refund {refund.pk}: {refund.notes} credit notes although nothing of an invoice went back"
    stray = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE).exclude(
        credits__kind=InvoiceKind.INVOICE, credits__order=F("order"), refund__payment__order=F("order")
    )
    for note in stray:
        yield f"credit note {note.number}: its invoice or refund is of another order"


def lines_add_up_to_invoices() -> Iterator[str]:
    summed = Invoice.objects.annotate(
        lines_amount=Coalesce(Sum("lines__amount"), _NOTHING), lines_tax=Coalesce(Sum("lines__tax"), _NOTHING)
    )
    for invoice in summed.exclude(subtotal=F("lines_amount"), tax=F("lines_tax")):
        yield f"invoice {invoice.number}: its lines do not add up to its total"


def every_subscription_has_its_order() -> Iterator[str]:
    """Each was granted by one paid order, the one that its order_ref names."""
    named = Q(orders__state=OrderState.PAID, order_ref=Cast("orders__id", CharField()))
    for subscription in Subscription.objects.annotate(paid_orders=Count("orders", filter=named)).exclude(paid_orders=1):
        yield f"subscription {subscription.pk}: {subscription.paid_orders} paid orders"


def periods_follow_one_another() -> Iterator[str]:
    """The periods of a subscription neither overlap nor leave a gap, and cover its term."""
    before: BillingPeriod | None = None
    for period in BillingPeriod.objects.order_by("subscription", "starts_at").iterator():
        if before and before.subscription_id == period.subscription_id and before.ends_at != period.starts_at:
            kind = "overlap" if before.ends_at > period.starts_at else "leave a gap"
            yield f"subscription {period.subscription_id}: periods {kind} at {period.starts_at.isoformat()}"
        before = period
    covered = Subscription.objects.annotate(
        covering=Count("billing_periods", filter=Q(billing_periods__ends_at=F("term_end")))
    )
    for subscription in covered.exclude(covering=1):
        yield f"subscription {subscription.pk}: no period ends with its term"


def provider_agrees() -> Iterator[str]:
    """What counts as captured here is captured at the provider with the same amount, and nothing else is."""
    gateway = gateways.current()
    for payment in Payment.objects.exclude(state__in=LIVE).filter(gateway=gateway.name).iterator():
        charge = gateway.find(payment.pk)
        here = payment.state in (PaymentState.SUCCEEDED, PaymentState.SURPLUS, PaymentState.SET_ASIDE)
        there = charge is not None and charge.outcome == "captured"
        if here != there:
            yield f"payment {payment.pk}: {payment.state} here, {'' if there else 'not '}captured at the provider"
        elif charge is not None and here and charge.amount != payment.captured:
            yield f"payment {payment.pk}: {payment.captured} here, {charge.amount} at the provider"


def nothing_waits_for_the_operator() -> Iterator[str]:
    """Money that was captured with another amount or currency than the order's: give it back at the provider."""
    for payment in Payment.objects.filter(state=PaymentState.SET_ASIDE, refunded__lt=F("captured")):
        yield f"payment {payment.pk}: set aside, {payment.captured} captured for {payment.amount} {payment.currency}"


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (
    *licensing_invariants.CHECKS,
    paid_orders_have_one_payment,
    lines_add_up_to_orders,
    refunds_add_up,
    invoices_are_numbered_without_gaps,
    every_paid_order_has_its_invoice,
    every_refund_has_its_credit_note,
    lines_add_up_to_invoices,
    every_subscription_has_its_order,
    periods_follow_one_another,
    provider_agrees,
    nothing_waits_for_the_operator,
    *tax_invariants.CHECKS,
    *directory_invariants.CHECKS,
)
