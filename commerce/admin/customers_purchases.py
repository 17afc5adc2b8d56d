"""What all customers of a partner bought, and what of it renews next."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from commerce.admin import purchase_filters
from commerce.admin.customers_list import UNTOLD, CustomersList
from commerce.admin.purchase_filters import Asked
from commerce.admin.purchase_list import BY_END
from commerce.amounts import money
from commerce.models import Purchase
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.pricing import next_charge
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.procurement import customers, found
from commerce.operations.procurement.columns import OF_PRICES
from tenants.access import Right
from tenants.dates import listed_day
from tenants.refusal import BadInput


class OfPurchases(CustomersList):
    """Purchases in their columns, with prices of those customers alone that tell them."""

    model = Purchase
    right: ClassVar[Right | None] = Right.SEE_CENTRAL_PURCHASES
    figures = frozenset({"quantity", "used", "unit_price", "price_paid", "next_charge", "expires", "renews"})

    @cached_property
    def priced(self) -> list[UUID]:
        return customers.priced(self.acting)

    def whole(self, ids: Sequence[Any]) -> PurchaseQuerySet:
        return Purchase.objects.filter(pk__in=ids).for_list().priced_among(self.priced)

    def in_words(self, row: Any) -> str:
        return str(row.plan.product.name)

    def shown_columns(self) -> Sequence[str]:
        return self.columns if self.priced else [name for name in self.columns if name not in OF_PRICES]

    def cell(self, name: str, row: Any) -> Any:
        return UNTOLD if name in OF_PRICES and row.tenant_id not in self.priced else super().cell(name, row)


class CustomersPurchases(OfPurchases):
    """All of them, with the filters of the list of one organisation."""

    name = "purchases"
    # Whoever is let in without a role that holds now finds an empty list.
    right = None
    title = gettext_lazy("Purchases of your customers")
    short = gettext_lazy("Purchases")
    lead = gettext_lazy("What your customers let you see of what they bought.")
    empty_title = gettext_lazy("No purchases yet")
    empty_text = gettext_lazy("What your customers buy appears here at once, as far as their roles for you show it.")
    columns = ("product", "buyer", "channel", "in_state", "quantity", "used", "unit_price", "price_paid", "expires")
    known = frozenset({*found.FILTERS, customers.CUSTOMER})
    template = "admin/customers_purchases.html"

    def look(self) -> tuple[QuerySet[Any], list[BadInput]]:
        at = self.actor.now()
        rows, wrong = customers.purchases(customers=self.acting, query=self.query, zone=self.zone, at=at)
        order = ["term_end", "pk"] if BY_END & self.query.keys() else ["-created_at", "-pk"]
        return rows.order_by(*order), wrong

    @cached_property
    def filters(self) -> list[Asked]:
        hidden = set() if self.priced else purchase_filters.OF_PRICES
        shown = [each for each in [*purchase_filters.FIRST, *purchase_filters.MORE] if each not in hidden]
        asked: dict[str, Any] = dict(self.request.GET.lists())
        return [each(self.request, asked, Purchase, self.admin) for each in shown]

    def titles(self) -> dict[str, Any]:
        return {**super().titles(), **{str(spec.parameter_name): spec.title for spec in self.filters}}

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "filters": self.filters,
            "more": {each.parameter_name for each in purchase_filters.MORE},
            "more_open": any(each.parameter_name in self.query for each in purchase_filters.MORE),
        }


class CustomersRenewals(OfPurchases):
    """What renews in the next 90 days, with what it will cost."""

    name = "renewals"
    title = gettext_lazy("Renewals of your customers")
    short = gettext_lazy("Renewals")
    lead = gettext_lazy("What renews in the next 90 days, the soonest first.")
    empty_title = gettext_lazy("Nothing renews")
    empty_text = gettext_lazy("None of your customers’ purchases that you may see renews in the next 90 days.")
    columns = ("product", "renews", "buyer", "quantity", "used", "next_charge")
    ASKED = {"renewal": "coming", "expires_within": "90"}

    def look(self) -> tuple[QuerySet[Any], list[BadInput]]:
        query = {**self.ASKED, **self.query}
        rows, wrong = customers.purchases(customers=self.acting, query=query, zone=self.zone, at=self.actor.now())
        return rows.order_by("term_end", "pk"), wrong

    def whole(self, ids: Sequence[Any]) -> Any:
        # Money that is not told is taken away last, and with it what the next charge is worked out from.
        rows = Purchase.objects.filter(pk__in=ids).for_list()
        purchases = cast("list[Purchase]", list(rows.priced_among(self.priced)))
        charges = next_charge.of_each(purchases)
        for purchase in purchases:
            purchase.charge = charges.get(purchase.pk)  # type: ignore[attr-defined]  # for the column of that name
        return purchases

    @admin.display(description=gettext_lazy("renews"))
    def renews(self, purchase: Purchase) -> str:
        return listed_day(purchase.term_end)

    @admin.display(description=gettext_lazy("next charge"))
    def next_charge(self, purchase: Any) -> Any:
        """Without its day, which stands beside it, unless that is another."""
        charge: NextCharge | None = purchase.charge
        if charge is None or charge.at != purchase.term_end:
            return self.admin.cell("next_charge", purchase)
        return money(charge.total, charge.currency)
