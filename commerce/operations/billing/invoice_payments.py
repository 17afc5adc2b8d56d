"""Paying an invoice that is open: the order was granted on an agreement, and its money is still due."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.models import Invoice, Order, OrderState, Payment, PaymentState
from commerce.operations.paying import cards, charging, open_orders, orders, settlement
from commerce.operations.paying.cards import Means
from commerce.operations.paying.settlement import PaymentInProgress
from tenants.access import Actor, Right
from tenants.refusal import NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope


class InvoiceAlreadyPaid(Refused):
    message = _("This invoice is paid.")


class EarlierChargeSetAside(Refused):
    message = _("A charge for this invoice is being looked into. Nobody need pay it until that is done.")


class NothingDue(Refused):
    """A credit note, or an invoice of which everything was credited."""

    message = _("Nothing is due on this.")


def pay_invoice(*, invoice: Invoice, payment_method: str, return_url: str, by: Actor, at: datetime) -> Order:
    """
    Charge a card with what is due. Returns the order `paid`, or still `invoiced` while the cardholder or the provider
    is awaited.

    :raises NotAllowed: neither its payer nor somebody who buys for the tenant
    :raises InvoiceAlreadyPaid: it is. :raises NothingDue: a credit note, or all of it was credited
    :raises PaymentInProgress: another try is under way
    :raises EarlierChargeSetAside: something else than its amount was captured, and is not given back
    :raises PaymentMethodNotAccepted: no card that the provider knows and that may pay here
    :raises ProviderUnavailable: the provider does not answer; nothing was tried
    :raises CardDeclined: declined; it is still open. :raises PaymentCanceled: called off; it is still open
    :raises TooManyDeclines: :raises TooManyCardsAtOnce: as for a checkout
    """
    require_payer(invoice, by)
    _require_due(invoice, Order.objects.get(pk=invoice.order_id))
    payment = _start(invoice, cards.means(payment_method=payment_method, by=by), by=by, at=at)
    charging.send(payment=payment, return_url=return_url, at=at)
    return Order.objects.get(pk=invoice.order_id)


def refresh(*, invoice: Invoice, by: Actor, at: datetime) -> Order:
    """
    When the cardholder comes back from the bank's page: it only asks, it never answers the step.

    :raises NotAllowed: as `pay_invoice`. :raises CardDeclined: the bank or the cardholder said no
    :raises PaymentCanceled: the step was called off; nothing was charged
    """
    require_payer(invoice, by)
    waiting = open_orders.live_payment(invoice.order)
    if waiting is not None:
        charging.learn(payment=waiting, ask=lambda key: gateways.current().find(key), at=at)
    return Order.objects.get(pk=invoice.order_id)


def give_up_waiting(*, invoice: Invoice, by: Actor, at: datetime) -> None:
    """
    Release a card that waits for its holder, so that another one can be tried. Nothing waits: nothing changes.

    :raises NotAllowed: as `pay_invoice`. :raises PaymentInProgress: the provider does not answer now
    """
    require_payer(invoice, by)
    settlement.call_off(open_orders.live_payment(invoice.order), at=at)


def release_overdue(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """Release the cards that wait for their holders since yesterday. Returns how many."""
    released = 0
    waiting = Payment.objects.filter(
        state=PaymentState.REQUIRES_ACTION,
        order__state=OrderState.INVOICED,
        started_at__lte=at - open_orders.WAITS_AT_MOST,
    )
    for payment in among.of(waiting).order_by("started_at")[:limit]:
        try:
            settlement.call_off(payment, at=at)
        except PaymentInProgress:
            continue
        released += 1
    return released


def require_payer(invoice: Invoice, by: Actor) -> None:
    """:raises NotAllowed: neither its payer nor somebody who buys for the tenant"""
    if not by.is_member(invoice.payer_id) and not may_pay_for_the_tenant(invoice, by):
        raise NotAllowed(_("Only whoever was billed, or buys for your organisation, can pay this."))


def may_pay_for_the_tenant(invoice: Invoice, by: Actor) -> bool:
    return by.tenant is not None and by.tenant.pk == invoice.tenant_id and by.may(Right.BUY_CENTRALLY)


def _start(invoice: Invoice, means: Means, *, by: Actor, at: datetime) -> Payment:
    with transaction.atomic():
        order = orders.lock(invoice.order_id)
        _require_due(invoice, order)
        if open_orders.live_payment(order):
            raise PaymentInProgress
        return charging.start(order=order, means=means, by=by, at=at)


def _require_due(invoice: Invoice, order: Order) -> None:
    if invoice.is_credit_note:
        raise NothingDue
    if order.state == OrderState.PAID:
        raise InvoiceAlreadyPaid
    if order.state != OrderState.INVOICED or not order.due:
        raise NothingDue
    set_aside = Payment.objects.filter(order=order, state=PaymentState.SET_ASIDE)
    if set_aside.filter(captured__gt=F("refunded") + F("disputed")).exists():
        raise EarlierChargeSetAside
