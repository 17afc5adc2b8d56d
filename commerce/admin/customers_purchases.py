"""The purchases of all customers of a partner in one list; each is opened by acting for its customer."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from commerce.admin import purchase_filters
from commerce.admin.purchase_facts import expires, paid, state_badge, unit_price
from commerce.admin.purchase_filters import Asked
from commerce.admin.purchase_list import BY_END
from commerce.models import Purchase
from commerce.operations.procurement import customers, found
from tenants.access import Actor
from tenants.procurement import READS, LookAheadPaginator
from tenants.refusal import BadInput
from tenants.signin.acting import actor_of_request

A_PAGE = 50
PAGE = "p"


def view(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """:raises PermissionDenied: nobody who may act for a customer at this moment"""
    actor = actor_of_request(request)
    acting = customers.acting(actor.user) if actor is not None and actor.user is not None else []
    if actor is None or not acting or request.method not in READS:
        raise PermissionDenied(_("No customer lets you act in it."))
    query = query_of(request)
    zone = actor.tenant.zone if actor.tenant else ZoneInfo("UTC")
    rows, wrong = customers.purchases(customers=acting, query=query, zone=zone, at=actor.now())
    order = ["term_end", "pk"] if BY_END & query.keys() else ["-created_at", "-pk"]
    paginator = LookAheadPaginator(rows.order_by(*order).values_list("pk", flat=True), A_PAGE)
    page = paginator.page(_number(request.GET.get(PAGE, "")))
    priced = customers.priced(acting)
    specs = _filters(site, request, has_prices=bool(priced))
    request.current_app = site.name
    context = {
        **site.each_context(request),
        "title": _("Purchases of your customers"),
        "lines": _lines(cast("list[UUID]", list(page.object_list)), acting, priced),
        "has_prices": bool(priced),
        "customers": [there.organisation for there in acting],
        "query": query,
        "filters": specs,
        "more": {each.parameter_name for each in purchase_filters.MORE},
        "more_open": any(each.parameter_name in query for each in purchase_filters.MORE),
        "wrong": [_said(bad, specs) for bad in wrong],
        "page": page,
        "paginator": paginator,
    }
    return TemplateResponse(request, "admin/customers_purchases.html", context)


def query_of(request: HttpRequest) -> dict[str, str]:
    """What is asked for in an address."""
    names = {*found.FILTERS, customers.CUSTOMER}
    return found.asked({name: str(value) for name, value in request.GET.items() if name in names})


def _number(text: str) -> int:
    """Of a page; whatever else is typed there is the first."""
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _filters(site: AdminSite, request: HttpRequest, *, has_prices: bool) -> list[Asked]:
    hidden = set() if has_prices else purchase_filters.OF_PRICES
    shown = [each for each in [*purchase_filters.FIRST, *purchase_filters.MORE] if each not in hidden]
    asked: dict[str, Any] = dict(request.GET.lists())
    return [each(request, asked, Purchase, site.get_model_admin(Purchase)) for each in shown]


def _said(bad: BadInput, specs: Sequence[Asked]) -> dict[str, Any]:
    titles = {customers.CUSTOMER: _("customer"), **{str(spec.parameter_name): spec.title for spec in specs}}
    return {"name": bad.field, "title": titles.get(str(bad.field), ""), "said": str(bad)}


def _lines(ids: Sequence[UUID], acting: Sequence[Actor], priced: Sequence[UUID]) -> list[dict[str, Any]]:
    """What stands beside each of these, in their order, read once for all of them."""
    whole = Purchase.objects.filter(pk__in=ids).for_procurement().priced_among(priced)
    by_id = {purchase.pk: purchase for purchase in cast("list[Purchase]", list(whole))}
    names = {there.organisation.pk: there.organisation for there in acting}
    return [_line(by_id[pk], names[by_id[pk].tenant_id], priced) for pk in ids if pk in by_id]


def _line(purchase: Purchase, customer: Any, priced: Sequence[UUID]) -> dict[str, Any]:
    is_told = purchase.tenant_id in priced
    return {
        "url": reverse("admin:commerce_purchase_change", args=[purchase.pk]),
        "customer": customer,
        "product": purchase.plan.product,
        "term": purchase.plan.get_term_display(),
        "purchaser": purchase.purchaser,
        "channel": purchase.get_channel_display(),
        "state": state_badge(purchase),
        "quantity": purchase.quantity,
        "used": purchase.seats_assigned,
        "unit_price": unit_price(purchase) if is_told else "–",
        "paid": paid(purchase, beside=True) if is_told else "–",
        "expires": expires(purchase),
    }
