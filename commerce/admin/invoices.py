"""Invoices and credit notes as procurement reads them; nobody changes one."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce import invoice_pdf
from commerce.amounts import money
from commerce.models import Invoice, InvoiceKind, OrderState
from commerce.operations.billing.invoice_payments import may_pay_for_the_tenant
from commerce.views.invoice_wording import sheet_of, standing_of
from tenants import clock
from tenants.access import Right
from tenants.dates import listed_day
from tenants.procurement import READS, ProcurementAdmin, Row, Section, as_lines, badge
from tenants.procurement_filters import Filter


class KindFilter(Filter):
    title, parameter_name, field = gettext_lazy("kind"), "kind", "kind"
    choices_of = InvoiceKind


class PaidFilter(Filter):
    title, parameter_name = gettext_lazy("payment"), "payment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("To be paid")), ("overdue", _("Overdue"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        invoiced = queryset.filter(kind=InvoiceKind.INVOICE, order__state=OrderState.INVOICED)
        unpaid = invoiced.filter(order__credited__lt=F("order__total"))
        return unpaid.filter(order__due_at__lt=timezone.now()) if value == "overdue" else unpaid


@admin.register(Invoice)
class InvoiceAdmin(ProcurementAdmin):
    """Everything that the organisation and its people were billed, however it was bought."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Invoices")
    list_display = ["number", "shown_kind", "billed_to", "issued", "amount", "standing", "as_pdf"]
    list_filter = [KindFilter, PaidFilter]
    search_fields = ["number", "bill_to_name", "payer__user__email"]
    search_help_text = gettext_lazy("Number or who was billed")
    sortable_by = ["number", "issued"]
    ordering = ["-issued_at", "-pk"]
    detail_template = "admin/invoice.html"
    empty_title = gettext_lazy("No invoices yet")
    empty_text = gettext_lazy("Each purchase brings an invoice, and each refund a credit note.")

    def get_urls(self) -> list[URLPattern]:
        pdf = self.admin_site.admin_view(self.pdf_view)
        return [*super().get_urls(), path("<path:object_id>/pdf/", pdf, name="commerce_invoice_pdf")]

    def rows(self) -> QuerySet[Invoice]:
        return Invoice.objects.with_lines().select_related("tenant")

    def pdf_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in READS:
            raise PermissionDenied
        return invoice_pdf.download(self.found(request, object_id))

    @admin.display(description=gettext_lazy("kind"))
    def shown_kind(self, invoice: Invoice) -> str:
        return invoice.get_kind_display()

    @admin.display(description=gettext_lazy("bill to"))
    def billed_to(self, invoice: Invoice) -> str:
        return invoice.bill_to_name

    @admin.display(description=gettext_lazy("date"), ordering="issued_at")
    def issued(self, invoice: Invoice) -> str:
        # As the invoice itself says it, whatever the zone of its reader.
        with timezone.override(invoice.time_zone):
            return listed_day(invoice.issued_at)

    @admin.display(description=gettext_lazy("total"))
    def amount(self, invoice: Invoice) -> str:
        total = money(invoice.total, invoice.currency)
        return f"−{total}" if invoice.is_credit_note else total

    @admin.display(description=gettext_lazy("state"))
    def standing(self, invoice: Invoice) -> str:
        standing = standing_of(invoice, clock.now(invoice.tenant))
        return badge(standing.word, standing.kind)

    @admin.display(description=gettext_lazy("download"))
    def as_pdf(self, invoice: Invoice) -> str:
        about = _("PDF of %(number)s") % {"number": invoice.number}
        return format_html('<a href="{}" aria-label="{}">{}</a>', _pdf(invoice), about, _("PDF"))

    def page(self, request: HttpRequest, row: Invoice, status: int = 200, **context: Any) -> Any:
        standing = standing_of(row, self.actor(request).now())
        context = {
            "title": f"{row.get_kind_display()} {row.number}",
            "standing": standing,
            "state": badge(standing.word, standing.kind),
            "pdf": _pdf(row),
            "pay": may_pay_for_the_tenant(row, self.actor(request)) and bool(standing.due),
            **context,
        }
        return super().page(request, row, status, **context)

    def sections(self, request: HttpRequest, row: Invoice) -> list[Section]:
        sheet = sheet_of(row, self.actor(request).now())
        return [
            Section(title="", rows=self.facts(request, row, sheet)),
            Section(title=_("Lines"), template="admin/_invoice.html", data=sheet),
        ]

    def facts(self, request: HttpRequest, row: Invoice, sheet: dict[str, Any]) -> list[Row]:
        seller = as_lines(row.seller_name, row.seller_address, _tax_number(row.seller_tax_id))
        billed = as_lines(row.bill_to_name, row.bill_to_address, _tax_number(row.bill_to_tax_number))
        facts = [
            (_("Bill to"), billed),
            (_("From"), seller),
            (_("Date"), sheet["day"]),
            (_("Due"), sheet["due_day"]),
            (_("Credits invoice"), row.credits and _link(row.credits)),
            (_("Credited by"), format_html_join(", ", "{}", ((_link(note),) for note in sheet["credit_notes"]))),
            (_("Purchase"), _purchase(row)),
            (_("Order"), row.order_id),
        ]
        whose = [(_("Organisation"), row.tenant)] if self.actor(request).is_operator else []
        return [Row(label=label, value=value) for label, value in [*whose, *facts] if value]


def _tax_number(number: str) -> str:
    return _("Tax number: %(number)s") % {"number": number} if number else ""


def _pdf(invoice: Invoice) -> str:
    return reverse("admin:commerce_invoice_pdf", args=[invoice.pk])


def _link(invoice: Invoice) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:commerce_invoice_change", args=[invoice.pk]), invoice)


def _purchase(invoice: Invoice) -> str:
    subscription = invoice.order.subscription_id
    if subscription is None:
        return ""
    url = reverse("admin:commerce_purchase_change", args=[subscription])
    return format_html('<a href="{}">{}</a>', url, _("What was bought"))
