"""The prices, for the operator."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.filters import ChannelFilter
from commerce.amounts import money
from commerce.models import Price
from commerce.operations.pricing.coming_prices import ComingPrice, coming, with_payers
from licensing.models import Subscription
from tenants.dates import listed_day
from tenants.procurement import ProcurementAdmin


def announced(subscription: Subscription) -> list[tuple[str | Promise, Any]]:
    """The prices to come that whoever manages it was told; none were: nothing."""
    return [(_("Price to come"), _said(price)) for price in coming(subscription)]


def _said(price: ComingPrice) -> str:
    return _("From %(day)s: %(price)s each, told on %(told)s") % {
        "day": listed_day(price.applies_from),
        "price": money(price.amount, price.currency),
        "told": listed_day(price.told_at),
    }


@admin.register(Price)
class PriceAdmin(ProcurementAdmin):
    """Prices by channel and currency, for the operator; written by `load_catalogue`."""

    list_title = gettext_lazy("Prices")
    list_display = ["plan", "channel", "price", "valid", "announced", "payers", "joining"]
    list_filter = [ChannelFilter]
    search_fields = ["plan__id", "plan__product__name", "currency"]
    search_help_text = gettext_lazy("Plan or currency")
    ordering = ["plan_id", "channel", "currency", "-valid_from"]
    sortable_by = ["plan", "channel", "valid"]
    empty_text = gettext_lazy("Prices are written by the command load_catalogue.")
    detail_fields = ["plan", "channel", "price", "valid", "announced", "payers", "joining"]

    def rows(self) -> QuerySet[Price]:
        return with_payers(Price.objects.select_related("plan__product"))

    @admin.display(description=gettext_lazy("price"))
    def price(self, price: Price) -> str:
        return money(price.amount, price.currency)

    @admin.display(description=gettext_lazy("valid from"), ordering="valid_from")
    def valid(self, price: Price) -> str:
        return listed_day(price.valid_from)

    @admin.display(description=gettext_lazy("announced"), ordering="announced_at")
    def announced(self, price: Price) -> str:
        return listed_day(price.announced_at.date()) if price.announced_at else "–"

    @admin.display(description=gettext_lazy("subscriptions at this price"))
    def payers(self, price: Any) -> str:
        return f"{price.payers or 0:,}"

    @admin.display(description=gettext_lazy("will pay it from a renewal on"))
    def joining(self, price: Any) -> str:
        return f"{price.joining or 0:,}"
