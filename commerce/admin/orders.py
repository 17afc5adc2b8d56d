"""What was ordered with a purchase, and what became of its money."""

from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from commerce.amounts import tax_label, tax_note
from commerce.models import Invoice, Order, Payment, PaymentState, Purchase, Refund, RefundState
from commerce.tax import as_seen
from tenants.dates import listed_day, listed_minute
from tenants.procurement import badge

_PAYMENT_KIND = {
    PaymentState.SUCCEEDED: "green",
    PaymentState.STARTED: "amber",
    PaymentState.REQUIRES_ACTION: "amber",
    PaymentState.SET_ASIDE: "amber",
    PaymentState.FAILED: "red",
}
_REFUND_KIND = {RefundState.SUCCEEDED: "green", RefundState.STARTED: "amber", RefundState.FAILED: "red"}


def orders_of(purchase: Purchase) -> list[dict[str, Any]]:
    orders = Order.objects.of(purchase.tenant).filter(subscription=purchase).with_history()
    orders = orders.prefetch_related(Prefetch("invoices", Invoice.objects.order_by("issued_at", "pk")))
    return [as_order(order) for order in orders.order_by("-created_at", "-pk")]


def as_order(order: Order) -> dict[str, Any]:
    return {
        "id": order.pk,
        "ordered": listed_minute(order.created_at),
        "buyer": order.buyer,
        "state": order.get_state_display(),
        "invoices": [f"{invoice.get_kind_display()} {invoice.number}" for invoice in order.invoices.all()],
        "currency": order.currency,
        "tax": order.tax,
        "tax_label": tax_label(order),
        "tax_note": tax_note(order),
        "total": order.total,
        "lines": [
            {
                "line": line,
                "amount": as_seen(line),
                "period": f"{listed_day(line.starts_at)} – {listed_day(line.ends_at)}" if line.starts_at else "",
            }
            for line in order.lines.all()
        ],
        "movements": [
            *(movement for payment in order.payments.all() for movement in movements_of(payment)),
            *(_back(_("Credit"), credit, order.currency) for credit in order.credits),
        ],
    }


def movements_of(payment: Payment) -> list[dict[str, Any]]:
    """A payment and what went back of it, in the order in which it happened."""
    is_aside = payment.state == PaymentState.SET_ASIDE
    tried = {
        "what": _("Card payment"),
        "when": listed_minute(payment.settled_at or payment.started_at),
        "amount": payment.captured if is_aside else payment.amount,
        "currency": payment.captured_in,
        "state": badge(payment.get_state_display(), _PAYMENT_KIND.get(PaymentState(payment.state), "")),
        "note": payment.decline_code.replace("_", " ").capitalize(),
    }
    return [tried, *(_back(_("Refund"), refund, payment.captured_in) for refund in payment.refunds.all())]


def _back(what: str, refund: Refund, currency: str) -> dict[str, Any]:
    return {
        "what": what,
        "when": listed_minute(refund.settled_at or refund.created_at),
        "amount": -refund.amount,
        "currency": currency,
        "state": badge(refund.get_state_display(), _REFUND_KIND[RefundState(refund.state)]),
        "note": refund.get_reason_display(),
    }
