"""The list of purchases: which are found, in which columns, and what stands beside each."""

from collections.abc import Sequence
from threading import local
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from commerce.admin import purchase_filters
from commerce.admin.purchase_facts import expires, may_export, paid, renewal, sees_prices, state_badge, unit_price
from commerce.amounts import money
from commerce.models import Purchase
from commerce.models.export_schedule import OF_COLUMNS
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.pricing import next_charge
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.procurement import addresses, columns, found, policy_values, saved_filters
from commerce.operations.procurement.columns import ALWAYS, LABELS, LISTED, OF_POLICY, OF_PRICES, chosen, narrowed
from licensing.models import Term
from policies.admin import value_badge
from tenants import questions
from tenants.access import Right
from tenants.dates import listed_day
from tenants.procurement import ProcurementAdmin, ProcurementList
from tenants.refusal import BadInput

BY_END = {"expires_after", "expires_before", "expires_within"}
# What an address says of a list, or of its file, besides what is asked for.
BESIDE_FILTERS = (OF_COLUMNS, ORDER_VAR, PAGE_VAR, "format")
# Of each thread: copies of a query share parts that are written to while one of them becomes SQL.
_own = local()


class PurchaseList(ProcurementList):
    """A page of the purchases that the query finds. What is wrong with the query is said, and nothing found."""

    model_admin: "PurchaseListing"
    beside = frozenset({OF_COLUMNS})

    def known(self) -> set[str]:
        """Also those of prices for whoever is told none: who asks them is told why nothing is found."""
        return super().known() | {str(each.parameter_name) for each in purchase_filters.OF_PRICES}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        self.filter_specs, self.has_filters, _rest, _twice, self.has_active_filters = self.get_filters(request)
        by = self.model_admin.actor(request)
        known = {*self.known(), SEARCH_VAR}
        asked = {name: value for name, value in query_of(request).items() if name in known}
        rows, wrong = found.look(by=by, query=asked, at=by.now())
        wrong += columns.unknown(request.GET.getlist(OF_COLUMNS))
        self.clear_all_filters_qs = "?"
        # Of each page the ids first: what stands beside a purchase is read for those alone that are shown.
        rows = rows.only("pk").order_by(*self.get_ordering(request, rows))
        return self.unless_wrong(request, rows, wrong)

    def complete(self, request: HttpRequest) -> None:
        self.result_list = self.model_admin.whole(request, [row.pk for row in self.result_list])
        super().complete(request)


class PurchaseListing(ProcurementAdmin):
    """Columns, filters and what is kept of both. Prices stand there only for whoever is told them."""

    list_before_template = "admin/_purchases.html"
    change_list_template = "admin/purchases.html"
    list_title = gettext_lazy("Purchases")
    list_display = list(LISTED)
    list_filter = [*purchase_filters.FIRST, *purchase_filters.MORE]
    search_fields = ["plan__product__name", "purchaser__name", "purchaser__user__email"]
    search_help_text = gettext_lazy("Product or purchaser")
    sortable_by: ClassVar[Sequence[str]] = ["product", "buyer", "quantity", "used", "expires"]
    ordering = ["-created_at"]
    empty_title = gettext_lazy("No purchases yet")
    empty_text = gettext_lazy("What people of your organisation buy themselves appears here at once.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PurchaseList

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        """
        What ends in a time stands in the order of its end, unless another is asked for: the soonest first, and read
        along an index, however long ago it was bought.
        """
        by_end = self.actor(request).tenant is not None and BY_END & query_of(request).keys()
        return ["term_end"] if by_end else super().get_ordering(request)

    def get_list_filter(self, request: HttpRequest) -> Any:
        hidden = set() if sees_prices(self.actor(request)) else purchase_filters.OF_PRICES
        return [each for each in super().get_list_filter(request) if each not in hidden]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """What is chosen of what the person may read."""
        shown = {*chosen(request.GET.getlist(OF_COLUMNS))} & {*self.readable(request)} | {"organisation", "chosen"}
        return [column for column in super().get_list_display(request) if column in shown]

    def readable(self, request: HttpRequest) -> list[str]:
        actor = self.actor(request)
        hidden = set() if sees_prices(actor) else OF_PRICES
        # An operator reads policies where they are set, an organisation's own beside its purchases.
        hidden = hidden if actor.tenant is not None and actor.may(Right.READ_POLICY) else hidden | OF_POLICY
        return [column for column in LISTED if column not in hidden]

    def columns_of(self, request: HttpRequest) -> list[str]:
        """Those that are chosen; none where that is all that the person may read. What is no column is left out."""
        return narrowed(request.GET.getlist(OF_COLUMNS), among=self.readable(request))

    def columns_to_take(self, request: HttpRequest) -> list[str]:
        """As `columns_of`, for what is kept or taken away. :raises BadInput: there is no such column"""
        columns.require_listed(request.GET.getlist(OF_COLUMNS))
        return self.columns_of(request)

    def get_queryset(self, request: HttpRequest) -> PurchaseQuerySet:
        return self.seen(request, Purchase.objects.for_procurement())

    def seen(self, request: HttpRequest, rows: PurchaseQuerySet) -> PurchaseQuerySet:
        """Those that the person may see, and of their money what they are told."""
        actor = self.actor(request)
        return rows.select_related("tenant") if actor.is_operator else rows.visible_to(actor).priced_for(actor)

    def whole(self, request: HttpRequest, ids: Sequence[UUID]) -> list[Purchase]:
        """These purchases, in this order, with everything that columns show."""
        if not ids:
            return []
        rows = self.seen(request, put_together())
        by_id = {row.pk: row for row in cast("list[Purchase]", list(rows.filter(pk__in=ids)))}
        return [by_id[pk] for pk in ids if pk in by_id]

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        shown, actor = self.get_list_display(request), self.actor(request)
        charges = next_charge.of_each(rows) if "next_charge" in shown else {}
        values = policy_values.of_each(rows, at=actor.now()) if "policy_result" in shown else {}
        for row in rows:
            row.charge, row.policy_value = charges.get(row.pk), values.get(row.pk)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        actor = self.actor(request)
        shown, asked = set(chosen(request.GET.getlist(OF_COLUMNS))), query_of(request)
        context = {
            "more_open": any(each.parameter_name in asked for each in purchase_filters.MORE),
            "more_filters": {each.parameter_name for each in purchase_filters.MORE},
            "columns": [(name, LABELS[name], name in shown, name == ALWAYS) for name in self.readable(request)],
            "kept": [(each, addresses.of_list(each.query, each.columns)) for each in saved_filters.usable(actor)],
            "keep": addresses.asking(asked, self.columns_of(request)),
            "may_export": may_export(actor),
            "may_keep": actor.tenant is not None,
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def wrong_in(self, request: HttpRequest) -> list[BadInput]:
        """Of an address, as the list tells it."""
        by = self.actor(request)
        _rows, wrong = found.look(by=by, query=query_of(request), at=by.now())
        return [*_unanswerable(request), *wrong, *columns.unknown(request.GET.getlist(OF_COLUMNS))]

    def back(self, request: HttpRequest) -> HttpResponseRedirect:
        """To the list, which tells what is wrong with what is asked for."""
        asked = request.GET.copy()
        asked.pop("format", None)
        return redirect(f"{reverse(addresses.LIST)}?{asked.urlencode()}")

    @admin.display(description=gettext_lazy("product"), ordering="plan__product__name")
    def product(self, purchase: Purchase) -> str:
        term = Term(purchase.plan.term).label
        return format_html('{} <span class="beside">{}</span>', purchase.plan.product.name, term)

    @admin.display(description=gettext_lazy("purchaser"), ordering="purchaser__user__email")
    def buyer(self, purchase: Purchase) -> str:
        return str(purchase.purchaser)

    @admin.display(description=gettext_lazy("department"))
    def department(self, purchase: Purchase) -> str:
        return str(purchase.purchaser.department or "")

    @admin.display(description=gettext_lazy("used"), ordering="seats_assigned")
    def used(self, purchase: Purchase) -> int:
        return purchase.seats_assigned

    @admin.display(description=gettext_lazy("unit price"))
    def unit_price(self, purchase: Purchase) -> str:
        return unit_price(purchase)

    @admin.display(description=gettext_lazy("price paid"))
    def price_paid(self, purchase: Purchase) -> str:
        return paid(purchase, beside=True)

    @admin.display(description=gettext_lazy("next charge"))
    def next_charge(self, purchase: Any) -> str:
        charge: NextCharge | None = purchase.charge
        if charge is None:
            return ""
        told = money(charge.total, charge.currency)
        return format_html('{} <span class="beside">{}</span>', told, listed_day(charge.at))

    @admin.display(description=gettext_lazy("expires"), ordering="term_end")
    def expires(self, purchase: Purchase) -> str:
        return expires(purchase)

    @admin.display(description=gettext_lazy("renewal"))
    def renewal(self, purchase: Purchase) -> str:
        return renewal(purchase)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def in_state(self, purchase: Purchase) -> str:
        return state_badge(purchase)

    @admin.display(description=gettext_lazy("policy"))
    def policy_result(self, purchase: Any) -> str:
        return value_badge(purchase.policy_value) if purchase.policy_value else ""


def put_together() -> PurchaseQuerySet:
    """
    All purchases with what their list shows, never read as they are. Once for all requests of a thread: to put them
    together takes longer than to read a page of them.
    """
    if not hasattr(_own, "whole"):
        _own.whole = Purchase.objects.for_list()
    whole: PurchaseQuerySet = _own.whole
    return whole


def query_of(request: HttpRequest) -> dict[str, str]:
    """What is asked for in an address."""
    return found.asked({name: str(value) for name, value in request.GET.items() if name in found.FILTERS})


def query_to_take(request: HttpRequest) -> dict[str, str]:
    """
    As `query_of`, for those who take it away: nobody is to have more than they asked for.

    :raises BadInput: no such filter, or one with two values
    """
    for bad in _unanswerable(request):
        raise bad
    return query_of(request)


def _unanswerable(request: HttpRequest) -> list[BadInput]:
    return questions.unanswerable(request.GET, known={*found.FILTERS, *BESIDE_FILTERS}, many=(OF_COLUMNS,))
