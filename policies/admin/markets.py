"""Markets, for the operator."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.models import Market
from tenants.dates import listed_day
from tenants.procurement import Filter, ProcurementAdmin


class OpenFilter(Filter):
    title, parameter_name = gettext_lazy("market"), "market"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open today")), ("closed", _("Not open today"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        is_open = Market.objects.open_on(timezone.localdate())
        return queryset.filter(pk__in=is_open) if value == "open" else queryset.exclude(pk__in=is_open)


@admin.register(Market)
class MarketAdmin(ProcurementAdmin):
    """Where people may buy, for the operator; written by `load_markets`."""

    list_title = gettext_lazy("Markets")
    list_display = ["name", "country", "family_or_all", "opens", "closes"]
    list_filter = [OpenFilter]
    search_fields = ["name", "country"]
    search_help_text = gettext_lazy("Country, by name or code")
    ordering = ["name"]
    empty_text = gettext_lazy("Markets are written by the command load_markets.")
    detail_fields = ["name", "country", "family_or_all", "opens", "closes"]

    def rows(self) -> QuerySet[Market]:
        return Market.objects.select_related("family")

    @admin.display(description=gettext_lazy("family"), ordering="family")
    def family_or_all(self, market: Market) -> str:
        return str(market.family or _("All"))

    @admin.display(description=gettext_lazy("opens"), ordering="opens_on")
    def opens(self, market: Market) -> str:
        return listed_day(market.opens_on)

    @admin.display(description=gettext_lazy("closes"), ordering="closes_on")
    def closes(self, market: Market) -> str:
        return listed_day(market.closes_on)
