"""Paying an invoice that is open: one page in each of its states."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce import invoice_pdf
from commerce.forms.cards import CardForm
from commerce.models import Invoice, Payment, PaymentMethod, PaymentState
from commerce.models.invoice import InvoiceState
from commerce.operations.billing import invoice_payments
from commerce.operations.paying import cards, charging, open_orders
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.tax import as_seen
from commerce.views import paying, wording
from commerce.views.checkouts import LOOK_AGAIN_AFTER
from commerce.views.people import NOTHING_CHARGED, for_members, sent_from
from commerce.views.wording import Line
from tenants.access import Actor
from tenants.refusal import NotAllowed, Refused

# The invoice whose last card was declined: said once, where the card is chosen.
DECLINED = "declined_invoice"


@never_cache
@require_safe
@for_members
def pay_page(request: HttpRequest, by: Actor, invoice_id: UUID) -> HttpResponse:
    invoice = _payable(by, invoice_id)
    if invoice.state != InvoiceState.OPEN:
        return redirect(_where(invoice, by))
    waiting = open_orders.live_payment(invoice.order)
    if waiting is not None:
        return _waiting(request, invoice, waiting)
    return _review(request, by, invoice, _to_fill(request, by, invoice))


@sent_from("invoice-pay", signed_out=NOTHING_CHARGED)
def pay(request: HttpRequest, by: Actor, invoice_id: UUID) -> HttpResponse:
    invoice = _payable(by, invoice_id)
    form = CardForm(request.POST, kept=_kept(by))
    if not form.is_valid():
        return _review(request, by, invoice, form, status=400)
    try:
        order = invoice_payments.pay_invoice(
            invoice=invoice,
            payment_method=form.cleaned_data["payment_method"],
            return_url=request.build_absolute_uri(reverse("my-invoice-return", kwargs={"invoice_id": invoice.pk})),
            by=by,
            at=by.now(),
        )
    except charging.CardDeclined:
        request.session[DECLINED] = str(invoice.pk)
    except cards.PaymentMethodNotAccepted as refusal:
        form.add_error("payment_method", str(refusal))
        return _review(request, by, invoice, form, status=refusal.http_status)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        waiting = Payment.objects.filter(order=order, state=PaymentState.REQUIRES_ACTION).first()
        if waiting is not None:
            return redirect(waiting.action_url)
    return _told(request, by, invoice)


@require_safe
@for_members
def come_back(request: HttpRequest, by: Actor, invoice_id: UUID) -> HttpResponse:
    """Where the bank's page leads when the cardholder has answered."""
    invoice = _payable(by, invoice_id)
    try:
        invoice_payments.refresh(invoice=invoice, by=by, at=by.now())
    except charging.CardDeclined:
        request.session[DECLINED] = str(invoice.pk)
    except (charging.PaymentCanceled, *charging.CAME_TO_NOTHING) as refusal:
        messages.error(request, str(refusal))
    return _told(request, by, invoice)


@sent_from("invoice-pay")
def other_card(request: HttpRequest, by: Actor, invoice_id: UUID) -> HttpResponse:
    """The bank's step is given up: the invoice can be paid with another card."""
    invoice = _payable(by, invoice_id)
    with suppress(PaymentInProgress):  # The page tells.
        invoice_payments.give_up_waiting(invoice=invoice, by=by, at=by.now())
    return redirect("invoice-pay", invoice_id=invoice.pk)


def _payable(by: Actor, invoice_id: UUID) -> Invoice:
    invoice = get_object_or_404(Invoice.objects.visible_to(by).with_lines(), pk=invoice_id)
    try:
        invoice_payments.require_payer(invoice, by)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from None
    return invoice


def _told(request: HttpRequest, by: Actor, invoice: Invoice) -> HttpResponse:
    """On to the invoice once it is paid, else back to its payment."""
    invoice = _payable(by, invoice.pk)
    if invoice.state != InvoiceState.PAID:
        return redirect("invoice-pay", invoice_id=invoice.pk)
    messages.success(request, _("Invoice %(number)s is paid.") % {"number": invoice.number})
    return redirect(_where(invoice, by))


def _where(invoice: Invoice, by: Actor) -> str:
    """Who was billed reads it among their own; who else may pay it, in the procurement view."""
    name = "my-invoice" if by.is_member(invoice.payer_id) else "admin:commerce_invoice_change"
    return reverse(name, args=[invoice.pk])


def _kept(by: Actor) -> list[PaymentMethod]:
    return cards.offered(by=by, at=by.now(), for_organisation=True)


def _to_fill(request: HttpRequest, by: Actor, invoice: Invoice) -> CardForm:
    kept = _kept(by)
    if request.session.pop(DECLINED, None) != str(invoice.pk):
        return CardForm(kept=kept)
    declined = Payment.objects.filter(order=invoice.order_id, state=PaymentState.FAILED).last()
    if declined is None:
        return CardForm(kept=kept)
    form = CardForm({"payment_method": declined.card_id or declined.payment_method}, kept=kept)
    form.add_error("payment_method", wording.decline(declined.decline_code))
    return form


def _lines(invoice: Invoice) -> list[Line]:
    return [
        Line(text=line.description, unit=line.unit_price, quantity=line.quantity, amount=as_seen(line))
        for line in invoice.lines.all()
    ]


def _review(request: HttpRequest, by: Actor, invoice: Invoice, form: CardForm, *, status: int = 200) -> HttpResponse:
    context = {
        "invoice": invoice,
        "form": form,
        "card_fields": paying.card_fields(),
        "lines": _lines(invoice),
        "due_day": invoice_pdf.due_day(invoice),
        "back": _where(invoice, by),
    }
    return render(request, "commerce/invoice_pay.html", context, status=status)


def _waiting(request: HttpRequest, invoice: Invoice, payment: Payment) -> HttpResponse:
    needs_step = payment.state == PaymentState.REQUIRES_ACTION
    context = {
        "needs_step": needs_step,
        "step_url": payment.action_url,
        "other_card_url": reverse("invoice-other-card", kwargs={"invoice_id": invoice.pk}),
        "since": payment.started_at,
        "zone": invoice.tenant.zone,
        "total": payment.amount,
        "currency": payment.currency,
    }
    response = render(request, "commerce/waiting.html", context)
    if not needs_step:
        response.headers["Refresh"] = str(LOOK_AGAIN_AFTER)
    return response
