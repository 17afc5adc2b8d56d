"""What came of a purchase: its invoices, and everything that the journal has of it."""

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from commerce.admin.purchase_facts import sees_prices
from commerce.amounts import money
from commerce.models import Invoice, Order, Purchase, TakeOver
from commerce.views.invoice_wording import standing_of
from tenants import clock
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.journal.models import Event
from tenants.procurement import Row, Section, badge
from tenants.signin.acting import actor_of_request

# The newest of each; older ones stand in the lists of invoices and in the journal.
LATEST = 50


def invoices_of(purchase: Purchase, by: Actor) -> Section | None:
    """None: nothing was billed."""
    billed = Invoice.objects.of(purchase.tenant).with_lines().filter(order__subscription=purchase)
    rows = [_invoice(invoice, by) for invoice in billed.order_by("-issued_at", "-pk")[:LATEST]]
    return Section(title=_("Invoices"), rows=rows) if rows else None


def _invoice(invoice: Invoice, by: Actor) -> Row:
    standing = standing_of(invoice, clock.now(invoice.tenant))
    number = format_html("{}", invoice)
    if sees_prices(by):
        number = format_html(
            '<a href="{}">{}</a>', reverse("admin:commerce_invoice_change", args=[invoice.pk]), invoice
        )
    total = money(invoice.total, invoice.currency)
    told = [number, f"−{total}" if invoice.is_credit_note else total, badge(standing.word, standing.kind)]
    return Row(label=listed_day(invoice.issued_at), value=format_html("{} · {} {}", *told))


def timeline_of(purchase: Purchase, request: HttpRequest, site: AdminSite) -> list[Section]:
    """Told in the words of the journal, to whoever may read that, the newest first."""
    actor = actor_of_request(request)
    if actor is None or not (actor.is_operator or actor.may(Right.READ_JOURNAL)):
        return []
    journal: Any = site.get_model_admin(Event)
    events = list(_about(purchase).select_related("actor").order_by("-at", "-pk")[:LATEST])
    journal.complete(request, events)
    told = [
        {
            "when": journal.when(event),
            "what": journal.happened(event),
            "who": journal.who(event),
            "details": journal.details(event),
            "url": reverse("admin:tenants_event_change", args=[event.pk]),
        }
        for event in events
    ]
    return [Section(title=_("What happened"), template="admin/_timeline.html", data=told)] if told else []


def _about(purchase: Purchase) -> Any:
    """Of it, of what it was ordered by, and of what took it over."""
    orders = Order.objects.of(purchase.tenant).filter(subscription=purchase)
    takings = TakeOver.objects.filter(tenant=purchase.tenant).filter(Q(subscription=purchase) | Q(target=purchase))
    subjects = {str(purchase.pk), *map(str, takings.values_list("pk", flat=True))}
    for order, checkout in orders.values_list("pk", "checkout"):
        subjects |= {str(order), str(checkout)}
    return Event.objects.of(purchase.tenant).filter(subject__in=subjects - {"None"})
