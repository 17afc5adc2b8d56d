"""What was billed, and what of it was credited."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce import invoice_pdf
from commerce.api.shapes import TaxTermsField
from commerce.models import Invoice, InvoiceKind
from commerce.models.invoice import InvoiceState
from tenants.api.fields import MoneyField, PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView


class InvoiceFilters(Input):
    kind = serializers.ChoiceField(InvoiceKind.choices, required=False)
    order = serializers.UUIDField(required=False)


class PartyOut(serializers.Serializer):
    """As it stands on the invoice, whatever it is called today."""

    name = serializers.CharField()
    address = serializers.CharField()


class BillToOut(PartyOut):
    tax_number = serializers.CharField()


class SellerOut(PartyOut):
    tax_id = serializers.CharField()


class InvoiceLineOut(serializers.Serializer):
    description = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = MoneyField(amount="unit_price", currency="invoice.currency")
    amount = MoneyField(amount="amount", currency="invoice.currency")
    tax = MoneyField(amount="tax", currency="invoice.currency")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class InvoiceOut(serializers.Serializer):
    """`credits` is the invoice that a credit note belongs to. A credit note's amounts are what went back."""

    id = serializers.CharField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(InvoiceKind.choices)
    credits = serializers.CharField(source="credits_id", allow_null=True)
    order = serializers.CharField(source="order_id")
    payer = PersonField(source="paid_by", allow_null=True, help_text="null: the organisation itself.")
    seller = SellerOut(source="from_seller")
    bill_to = BillToOut(source="to_payer")
    lines = InvoiceLineOut(many=True)
    subtotal = MoneyField(amount="subtotal", currency="currency")
    tax = MoneyField(amount="tax", currency="currency")
    tax_terms = TaxTermsField()
    total = MoneyField(amount="total", currency="currency")
    state = serializers.ChoiceField(InvoiceState.choices, allow_null=True, help_text="Null: a credit note has none.")
    due_at = serializers.DateTimeField(
        source="order.due_at", allow_null=True, help_text="Until when it is to be paid; null: it was paid at once."
    )
    amount_due = MoneyField(amount="amount_due", currency="currency", allow_null=True)
    issued_at = serializers.DateTimeField()


class Invoices(TenantView):
    scopes = {"GET": "purchases:read"}
    orderings = {"issued_at": "issued_at", "id": "id"}
    default_ordering = "-issued_at"

    @extend_schema(operation_id="list_invoices", parameters=[InvoiceFilters], responses=page_of(InvoiceOut))
    def get(self, request: Request) -> Response:
        """One's own invoices and credit notes; whoever sees all purchases, those of the tenant."""
        asked = self.query(InvoiceFilters)
        return self.page(Invoice.objects.visible_to(self.actor).filter(**asked).with_lines(), InvoiceOut)


class InvoicePdf(TenantView):
    scopes = {"GET": "purchases:read"}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """A PDF, whatever is asked for; only a problem is JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(operation_id="get_invoice_pdf", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, id: UUID) -> HttpResponse:
        """The invoice as PDF, the same bytes each time."""
        invoice = self.find(Invoice.objects.visible_to(self.actor).with_lines(), pk=id)
        return invoice_pdf.download(invoice)
