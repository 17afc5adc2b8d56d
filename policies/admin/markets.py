"""Markets, for the operator, and what is open on a day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Family
from policies.models import Exclusion, Market
from tenants.dates import listed_day
from tenants.procurement import READS, ProcurementAdmin, badge
from tenants.procurement_filters import Filter


class OpenFilter(Filter):
    title, parameter_name = gettext_lazy("market"), "market"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open today")), ("closed", _("Not open today"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        is_open = Market.objects.open_on(timezone.localdate())
        return queryset.filter(pk__in=is_open) if value == "open" else queryset.exclude(pk__in=is_open)


class DayForm(forms.Form):
    """The day that is asked about."""

    on = forms.DateField(
        label=gettext_lazy("Day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages=dict.fromkeys(("required", "invalid"), gettext_lazy("Type a day, such as 2026-01-31.")),
    )


@admin.register(Market)
class MarketAdmin(ProcurementAdmin):
    """Where people may buy, for the operator; written by `load_markets`."""

    list_title = gettext_lazy("Markets")
    list_before_template = "admin/_markets.html"
    list_display = ["name", "country", "family_or_all", "opens", "closes"]
    list_filter = [OpenFilter]
    search_fields = ["name", "country"]
    search_help_text = gettext_lazy("Country, by name or code")
    ordering = ["name"]
    empty_text = gettext_lazy("Markets are written by the command load_markets.")
    detail_fields = ["name", "country", "family_or_all", "opens", "closes"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.open_view)
        return [path("open/", view, name="policies_market_open"), *super().get_urls()]

    def rows(self) -> QuerySet[Market]:
        return Market.objects.select_related("family")

    def open_view(self, request: HttpRequest) -> HttpResponse:
        """Each country with each family on a day: whether it is open, from and until when, and what is excluded."""
        if request.method not in READS or not self.has_view_permission(request):
            raise PermissionDenied
        form = DayForm({"on": request.GET.get("on") or timezone.localdate().isoformat()})
        shown = what_is_open(form.cleaned_data["on"]) if form.is_valid() else {}
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/open_markets.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": _("What is open on a day"),
                "parent_title": self.list_title,
                "parent_url": reverse("admin:policies_market_changelist"),
                "form": form,
                **shown,
            },
            status=400 if form.errors else 200,
        )

    @admin.display(description=gettext_lazy("family"), ordering="family")
    def family_or_all(self, market: Market) -> str:
        return str(market.family or _("All"))

    @admin.display(description=gettext_lazy("opens"), ordering="opens_on")
    def opens(self, market: Market) -> str:
        return listed_day(market.opens_on)

    @admin.display(description=gettext_lazy("closes"), ordering="closes_on")
    def closes(self, market: Market) -> str:
        return listed_day(market.closes_on)


def what_is_open(on: date) -> dict[str, Any]:
    """For the page, in three queries: the countries with their families, and the exclusions that hold everywhere."""
    families = list(Family.objects.order_by("name"))
    markets: dict[str, dict[str | None, Market]] = defaultdict(dict)
    for market in Market.objects.order_by("name", "country"):
        markets[market.country][market.family_id] = market
    of_countries: dict[str, list[Exclusion]] = defaultdict(list)
    for exclusion in Exclusion.objects.holding_on(on).select_related("family", "product").order_by("-created_at"):
        of_countries[exclusion.country].append(exclusion)
    everywhere = of_countries[""]
    return {
        "on": listed_day(on),
        "families": families,
        "everywhere": [_linked(exclusion) for exclusion in everywhere],
        "countries": [_country(rows, families, of_countries[code], everywhere, on) for code, rows in markets.items()],
        # Excluded, though no market is there at all.
        "elsewhere": [
            _linked(row) for code, rows in of_countries.items() if code and code not in markets for row in rows
        ],
    }


def _country(
    rows: Mapping[str | None, Market],
    families: Sequence[Family],
    excluded: Sequence[Exclusion],
    everywhere: Sequence[Exclusion],
    on: date,
) -> dict[str, Any]:
    any_market = next(iter(rows.values()))
    return {
        "name": any_market.name,
        "code": any_market.country,
        "cells": [
            _cell(family, rows.get(family.pk) or rows.get(None), _about(family, [*excluded, *everywhere]), on)
            for family in families
        ],
        "excluded": [_linked(exclusion) for exclusion in excluded],
    }


def _about(family: Family, excluded: Sequence[Exclusion]) -> list[Exclusion]:
    """Those that take something of a family away."""
    return [
        row
        for row in excluded
        if row.family_id in (None, family.pk) and (row.product is None or row.product.family_id == family.pk)
    ]


def _takes_all(exclusion: Exclusion) -> bool:
    """The whole family, of every organisation of the country."""
    return not exclusion.sector and exclusion.product_id is None


def _except(exclusion: Exclusion) -> str:
    """Whom or what of the family; the country and the family are those of the cell."""
    sector = exclusion.get_sector_display() if exclusion.sector else ""
    return " · ".join(str(part) for part in (sector, exclusion.product) if part)


def _cell(family: Family, market: Market | None, excluded: Sequence[Exclusion], on: date) -> dict[str, Any]:
    """One family in one country."""
    if market is None or (market.is_open(on) and any(_takes_all(row) for row in excluded)):
        return {"family": family, "state": badge(_("Closed"), "red"), "days": ""}
    days = [
        _("opens %(day)s") % {"day": listed_day(market.opens_on)} if market.opens_on else "",
        _("closes %(day)s") % {"day": listed_day(market.closes_on)} if market.closes_on else "",
    ]
    told = ", ".join(filter(None, days))
    return {"family": family, "state": _state(market, [_except(row) for row in excluded], on), "days": told}


def _state(market: Market, excepted: Sequence[str], on: date) -> str:
    if market.is_open(on) and excepted:
        named = ", ".join(dict.fromkeys(excepted))
        return badge(_("Open, except %(named)s") % {"named": named}, "amber")
    if market.is_open(on):
        return badge(_("Open"), "green")
    not_yet = market.opens_on is not None and market.opens_on > on
    return badge(_("Not yet"), "amber") if not_yet else badge(_("Closed"), "red")


def _linked(exclusion: Exclusion) -> dict[str, str]:
    return {"text": exclusion.called, "url": reverse("admin:policies_exclusion_change", args=[exclusion.pk])}
