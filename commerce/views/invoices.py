"""What a person was billed: to read, to print, to take along."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce import invoice_pdf
from commerce.models import Invoice
from commerce.views.invoice_wording import sheet_of, standing_of
from commerce.views.people import for_members
from tenants.access import Actor

PAGE = 25


@never_cache
@require_safe
@for_members
def my_invoices(request: HttpRequest, by: Actor) -> HttpResponse:
    mine = Invoice.objects.billed_to(by.home).with_lines().newest_first()
    page = Paginator(mine, PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "invoice": invoice,
            "day": invoice_pdf.issued_day(invoice),
            "standing": standing_of(invoice, by.now()),
        }
        for invoice in page.object_list
    ]
    return render(request, "commerce/invoices.html", {"page": page, "rows": rows, "after_switch": request.path})


@never_cache
@require_safe
@for_members
def my_invoice(request: HttpRequest, by: Actor, invoice_id: UUID) -> HttpResponse:
    return render(request, "commerce/invoice.html", sheet_of(own(by, invoice_id), by.now()))


@never_cache
@require_safe
@for_members
def my_invoice_pdf(request: HttpRequest, by: Actor, invoice_id: UUID) -> HttpResponse:
    return invoice_pdf.download(own(by, invoice_id))


def own(by: Actor, invoice_id: UUID) -> Invoice:
    return get_object_or_404(Invoice.objects.billed_to(by.home).with_lines(), pk=invoice_id)
