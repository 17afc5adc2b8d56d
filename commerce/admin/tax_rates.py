"""How purchases are taxed, for the operator."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_countries import countries

from commerce.amounts import percent
from commerce.models import TaxRate
from tenants.dates import listed_day
from tenants.procurement import ProcurementAdmin
from tenants.procurement_filters import Filter


class AppliesFilter(Filter):
    title, parameter_name = gettext_lazy("applies"), "applies"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("Today")), ("later", _("Later")), ("before", _("No longer"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        today = timezone.localdate()
        if value == "later":
            return queryset.filter(valid_from__gt=today)
        begun, applying = queryset.filter(valid_from__lte=today), TaxRate.objects.applying(today).values("pk")
        return begun.filter(pk__in=applying) if value == "now" else begun.exclude(pk__in=applying)


@admin.register(TaxRate)
class TaxRateAdmin(ProcurementAdmin):
    """Rates by country and date, for the operator; written by `load_tax_rates`."""

    list_title = gettext_lazy("Tax rates")
    list_intro = gettext_lazy("A purchase is taxed by the rate that applies on the organisation's own date.")
    list_display = ["country_name", "name", "percentage", "prices", "owed_by_buyer", "valid"]
    list_filter = [AppliesFilter]
    search_fields = ["country", "name"]
    search_help_text = gettext_lazy("Country code or name of the tax")
    ordering = ["country", "-valid_from"]
    sortable_by = ["country_name", "valid"]
    empty_text = gettext_lazy("Nothing is taxed. Tax rates are written by the command load_tax_rates.")
    detail_fields = list_display

    @admin.display(description=gettext_lazy("country"), ordering="country")
    def country_name(self, rate: TaxRate) -> str:
        return str(countries.name(rate.country) or rate.country)

    @admin.display(description=gettext_lazy("rate"))
    def percentage(self, rate: TaxRate) -> str:
        return percent(rate.rate)

    @admin.display(description=gettext_lazy("prices"))
    def prices(self, rate: TaxRate) -> str:
        return _("Include it") if rate.inclusive else _("Without it")

    @admin.display(description=gettext_lazy("reverse charge"))
    def owed_by_buyer(self, rate: TaxRate) -> str:
        return _("With a tax number, from a seller of another country") if rate.reverse_charge else _("Never")

    @admin.display(description=gettext_lazy("valid from"), ordering="valid_from")
    def valid(self, rate: TaxRate) -> str:
        return listed_day(rate.valid_from)
