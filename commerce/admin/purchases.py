"""Purchases as procurement reads them. Orders create them, so nothing is typed in."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.filters import ChannelFilter
from commerce.admin.orders import orders_of
from commerce.amounts import money
from commerce.models import Purchase
from commerce.views.wording import look_of
from licensing.models import Product, Seat, SubscriptionState
from tenants.access import Right
from tenants.dates import listed_day, listed_minute
from tenants.journal.models import Event
from tenants.journal.naming import names_in
from tenants.procurement import Filter, ProcurementAdmin, Row, Section, badge

# A page lists this many people of a purchase; the number of all of them stands beside.
SHOWN_SEATS = 200


class StateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(SubscriptionState.choices)


class ProductFilter(Filter):
    title, parameter_name, field = gettext_lazy("product"), "product", "plan__product_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Product.objects.order_by("name").values_list("pk", "name"))


@admin.register(Purchase)
class PurchaseAdmin(ProcurementAdmin):
    """Every purchase of the organisation, however it was bought."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Purchases")
    list_display = [
        "product",
        "buyer",
        "channel",
        "quantity",
        "seats_assigned",
        "price_paid",
        "expires",
        "in_state",
    ]
    list_filter = [ChannelFilter, StateFilter, ProductFilter]
    search_fields = ["plan__product__name", "purchaser__name", "purchaser__user__email"]
    search_help_text = gettext_lazy("Product or purchaser")
    sortable_by = ["product", "buyer", "quantity", "seats_assigned", "expires"]
    ordering = ["-created_at"]
    empty_title = gettext_lazy("No purchases yet")
    empty_text = gettext_lazy("What people of your organisation buy themselves appears here at once.")
    detail_template = "admin/purchase.html"

    def rows(self) -> QuerySet[Any]:
        return Purchase.objects.for_procurement()

    @admin.display(description=gettext_lazy("product"), ordering="plan__product__name")
    def product(self, purchase: Purchase) -> str:
        term = purchase.plan.get_term_display()
        return format_html('{}<span class="beside">{}</span>', purchase.plan.product.name, term)

    @admin.display(description=gettext_lazy("purchaser"), ordering="purchaser__user__email")
    def buyer(self, purchase: Purchase) -> str:
        return str(purchase.purchaser)

    @admin.display(description=gettext_lazy("price paid"))
    def price_paid(self, purchase: Purchase) -> str:
        return paid(purchase, beside=True)

    @admin.display(description=gettext_lazy("expires"), ordering="term_end")
    def expires(self, purchase: Purchase) -> str:
        if purchase.ended_at:
            return _("Ended %(day)s") % {"day": listed_day(purchase.ended_at)}
        return listed_day(purchase.term_end)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def in_state(self, purchase: Purchase) -> str:
        return state_badge(purchase)

    def page(self, request: HttpRequest, row: Purchase, status: int = 200, **context: Any) -> Any:
        context = {"title": str(row.plan), "state": state_badge(row), "look": look_of(row), **context}
        return super().page(request, row, status, **context)

    def sections(self, request: HttpRequest, row: Purchase) -> list[Section]:
        return [
            Section(title=_("What was bought"), rows=self.facts(request, row)),
            Section(title=_("Assigned people"), template="admin/_seats.html", data=seats_of(row)),
            Section(title=_("Order history"), template="admin/_orders.html", data=orders_of(row)),
        ]

    def facts(self, request: HttpRequest, row: Purchase) -> list[Row]:
        people: list[tuple[str | Promise, Any]] = [
            (_("Purchaser"), f"{row.purchaser} ({row.purchaser.user.email})"),
            (_("Managed by"), row.owner or _("The organisation")),
            (_("Paid by"), row.payer or _("The organisation")),
        ]
        unit = money(row.unit_price, row.currency) if row.unit_price is not None and row.currency else ""
        terms: list[tuple[str | Promise, Any]] = [
            (_("Product"), row.plan.product.name),
            (_("Plan"), row.plan.get_term_display()),
            (_("Channel"), row.get_channel_display()),
            (_("Bought on"), listed_minute(row.created_at)),
            (_("Quantity"), row.quantity),
            (_("Seats assigned"), row.seats_assigned),
            (_("Price of a seat"), unit),
            (_("Price paid"), paid(row)),
            (_("Term"), f"{listed_day(row.term_start)} – {listed_day(row.term_end)}"),
            (_("Automatic renewal"), renewal(row)),
            (_("Refundable until"), listed_minute(row.refundable_until)),
            (_("Ended on"), listed_minute(row.ended_at)),
            *canceled(row),
        ]
        whose = [(_("Organisation"), row.tenant)] if self.actor(request).is_operator else []
        return [Row(label=label, value=value) for label, value in [*whose, *people, *terms] if value != ""]


def paid(purchase: Purchase, *, beside: bool = False) -> str:
    """What was charged, and how much of it went back (`beside`: below it); empty where nothing ever was charged."""
    if not purchase.currency:
        return ""
    kept = purchase.paid
    charged, back = (money(amount, purchase.currency) for amount in (kept + purchase.refunded, purchase.refunded))
    if not purchase.refunded:
        return charged
    if beside:
        note = _("of which %(back)s refunded") % {"back": back}
        return format_html('{}<span class="beside">{}</span>', charged, note)
    return _("%(charged)s, of which %(back)s refunded") % {"charged": charged, "back": back}


def renewal(purchase: Purchase) -> str:
    """Nothing renews whose term has ended."""
    if purchase.state != SubscriptionState.ACTIVE:
        return ""
    return _("On") if purchase.auto_renew else _("Off")


def canceled(purchase: Purchase) -> list[tuple[str | Promise, Any]]:
    """Who canceled it, when and why, as the journal has it."""
    events = Event.objects.of(purchase.tenant).about(purchase.pk).filter(type="subscription.canceled")
    event = events.select_related("actor").order_by("-at").first()
    if event is None or (purchase.state == SubscriptionState.ACTIVE and purchase.auto_renew):
        return []
    who = names_in([event], purchase.tenant).get(str(event.actor_id), event.actor or "")
    return [
        (_("Canceled"), listed_minute(event.at)),
        (_("Canceled by"), str(who)),
        (_("Reason"), event.data.get("reason", "")),
    ]


def state_badge(purchase: Purchase) -> str:
    return badge(purchase.get_state_display(), look_of(purchase).kind)


def seats_of(purchase: Purchase) -> dict[str, Any]:
    held = Seat.objects.of(purchase.tenant).open().filter(subscription=purchase).with_people()
    shown = [
        {"person": str(seat.member), "email": seat.member.user.email, "since": listed_day(seat.assigned_at)}
        for seat in held.order_by("assigned_at", "pk")[:SHOWN_SEATS]
    ]
    return {
        "seats": shown,
        "more": purchase.seats_assigned - len(shown),
        "free": purchase.seats_free if purchase.gives_access else 0,
    }
