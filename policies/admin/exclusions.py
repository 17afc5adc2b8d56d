"""Exclusions, for the operator."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from django_countries import countries

from policies.models import Exclusion
from tenants.dates import listed_day
from tenants.procurement import ProcurementAdmin


@admin.register(Exclusion)
class ExclusionAdmin(ProcurementAdmin):
    """Where the operator refuses self-service."""

    list_title = gettext_lazy("Exclusions")
    list_display = ["excludes", "begins", "ends", "ends_renewals", "reason"]
    ordering = ["-created_at"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Nothing is excluded.")
    detail_fields = ["excludes", "begins", "ends", "ends_renewals", "reason"]

    def rows(self) -> QuerySet[Exclusion]:
        return Exclusion.objects.select_related("family", "product")

    @admin.display(description=gettext_lazy("excludes"))
    def excludes(self, exclusion: Exclusion) -> str:
        sector = exclusion.get_sector_display() if exclusion.sector else ""
        country = countries.name(exclusion.country) or exclusion.country
        named = [sector, country, exclusion.family, exclusion.product]
        return " · ".join(str(part) for part in named if part)

    @admin.display(description=gettext_lazy("from"))
    def begins(self, exclusion: Exclusion) -> str:
        return listed_day(exclusion.valid_from)

    @admin.display(description=gettext_lazy("until"))
    def ends(self, exclusion: Exclusion) -> str:
        return listed_day(exclusion.valid_to)
