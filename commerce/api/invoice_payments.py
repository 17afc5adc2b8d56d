"""Paying an invoice that is open."""

from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.central import UNDER_WAY, under_way
from commerce.api.invoices import InvoiceOut
from commerce.models import Invoice, Order, OrderState
from commerce.operations.billing import invoice_payments
from commerce.operations.paying.settlement import PaymentInProgress
from tenants.api.reading import Input
from tenants.api.views import TenantView


class PayInvoiceBody(Input):
    payment_method = serializers.CharField(
        max_length=255,
        help_text=_("A card of the organisation, by its id, or the payment provider's token of a new one."),
    )


class PayInvoice(TenantView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="pay_invoice", request=PayInvoiceBody, responses={200: InvoiceOut, **UNDER_WAY})
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """Charge a card with what is due, for whoever was billed or buys centrally. Declined: it stays open."""
        invoice = self.find(Invoice.objects.visible_to(self.actor), pk=id)
        invoice_payments.require_payer(invoice, self.actor)
        return self.once(lambda: self.pay(invoice))

    def pay(self, invoice: Invoice) -> Response:
        body = self.body(PayInvoiceBody)
        back = reverse("my-invoice-return", kwargs={"invoice_id": invoice.pk})
        try:
            order = invoice_payments.pay_invoice(
                invoice=invoice,
                payment_method=body["payment_method"],
                return_url=urljoin(settings.BASE_URL, back),
                by=self.actor,
                at=self.actor.now(),
            )
        except (invoice_payments.InvoiceAlreadyPaid, PaymentInProgress):
            if not self.taken_over:
                raise
            # The call that held this key died on its way: what became of its try is the answer.
            order = Order.objects.get(pk=invoice.order_id)
        if order.state != OrderState.PAID:
            return under_way(order)
        return Response(InvoiceOut(Invoice.objects.with_lines().get(pk=invoice.pk)).data)
