"""Filters of the list of purchases as fields. What they find is found by `commerce.operations.procurement.found`."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Channel, Product, SubscriptionState
from tenants.procurement_filters import Filter


class Asked(Filter):
    """A part of the query as it stands in the form; it narrows nothing itself."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class ChannelAsked(Asked):
    title, parameter_name = gettext_lazy("channel"), "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        alone = {Channel.SELF_SERVICE: _("Self-service only"), Channel.CENTRAL: _("Central only")}
        return [(value, alone.get(Channel(value), label)) for value, label in Channel.choices]


class StateAsked(Asked):
    title, parameter_name, choices_of = gettext_lazy("state"), "state", SubscriptionState


class ProductAsked(Asked):
    title, parameter_name = gettext_lazy("product"), "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(product.pk, product.name) for product in catalogue(request)]


class FamilyAsked(Asked):
    title, parameter_name = gettext_lazy("family"), "family"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        families = {product.family.pk: product.family.name for product in catalogue(request)}
        return sorted(families.items(), key=lambda family: family[1])


class UnusedAsked(Asked):
    title, parameter_name = gettext_lazy("seats"), "unused"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Some unused"))]


class RenewalAsked(Asked):
    title, parameter_name = gettext_lazy("renewal"), "renewal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("coming", _("Renews")), ("failed", _("Payment failed"))]


class PurchaserAsked(Asked):
    title, parameter_name, kind = gettext_lazy("purchaser"), "purchaser", "email"
    hint = gettext_lazy("E-mail")


class HolderAsked(Asked):
    title, parameter_name, kind = gettext_lazy("assigned to"), "assigned_to", "email"
    hint = gettext_lazy("E-mail")


class DepartmentAsked(Asked):
    title, parameter_name, kind = gettext_lazy("department"), "department", "text"
    hint = gettext_lazy("Name, or - for none")


class ExpiresAfterAsked(Asked):
    title, parameter_name, kind = gettext_lazy("expires from"), "expires_after", "date"


class ExpiresBeforeAsked(Asked):
    title, parameter_name, kind = gettext_lazy("expires until"), "expires_before", "date"


class ExpiresWithinAsked(Asked):
    title, parameter_name, kind = gettext_lazy("expires within days"), "expires_within", "text"


class OverAsked(Asked):
    title, parameter_name, kind = gettext_lazy("a seat costs more than"), "over", "text"


class SpentInAsked(Asked):
    title, parameter_name, kind = gettext_lazy("spent in"), "spent_in", "text"
    hint = gettext_lazy("2026-03 or 2026-03 USD")


def catalogue(request: HttpRequest) -> list[Product]:
    """Read once for the choices of a page."""
    if not hasattr(request, "catalogue_of_filters"):
        products = Product.objects.select_related("family").only("name", "family__name").order_by("name")
        request.catalogue_of_filters = list(products)  # type: ignore[attr-defined]  # for this request alone
    return request.catalogue_of_filters  # type: ignore[attr-defined]  # put there above


# Those that most questions need stand first; the others open below them.
FIRST: list[type[Asked]] = [ChannelAsked, StateAsked, ProductAsked]
MORE: list[type[Asked]] = [
    FamilyAsked,
    PurchaserAsked,
    DepartmentAsked,
    HolderAsked,
    ExpiresAfterAsked,
    ExpiresBeforeAsked,
    ExpiresWithinAsked,
    UnusedAsked,
    OverAsked,
    SpentInAsked,
    RenewalAsked,
]
# What only those are asked who are told prices.
OF_PRICES = {OverAsked, SpentInAsked}
