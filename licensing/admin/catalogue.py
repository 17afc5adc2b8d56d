"""The catalogue, for the operator to read; it is written by `load_catalogue`."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Plan, Product
from tenants.procurement import ProcurementAdmin, badge
from tenants.procurement_filters import Filter

_EMPTY = _("The catalogue is written by the command load_catalogue.")


class SelfServiceFilter(Filter):
    title, parameter_name, field = _("who may sell it"), "self_service", "self_service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Self-service")), ("no", _("Central only"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(self_service=value == "yes")


@admin.register(Family)
class FamilyAdmin(ProcurementAdmin):
    list_title = _("Families")
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    ordering = ["name"]
    empty_text = _EMPTY
    detail_fields = ["name", "slug"]


@admin.register(Product)
class ProductAdmin(ProcurementAdmin):
    list_title = _("Products")
    list_display = ["name", "id", "family", "sold", "summary"]
    list_select_related = ["family"]
    list_filter = [SelfServiceFilter]
    search_fields = ["name", "id"]
    ordering = ["name"]
    empty_text = _EMPTY
    detail_fields = ["name", "id", "slug", "family", "sold", "summary", "trial_days", "trial_seats"]

    def rows(self) -> QuerySet[Product]:
        return Product.objects.select_related("family")

    @admin.display(description=_("sold by"), ordering="self_service")
    def sold(self, product: Product) -> str:
        return badge(_("Self-service"), "green") if product.self_service else badge(_("Central only"))


@admin.register(Plan)
class PlanAdmin(ProcurementAdmin):
    list_title = _("Plans")
    list_display = ["id", "product", "term", "min_quantity", "max_quantity"]
    search_fields = ["id", "product__name"]
    ordering = ["id"]
    empty_text = _EMPTY
    detail_fields = ["id", "product", "term", "min_quantity", "max_quantity", "renewable"]

    def rows(self) -> QuerySet[Plan]:
        return Plan.objects.select_related("product")
