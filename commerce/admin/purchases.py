"""Purchases as procurement reads them. Orders create them, so nothing is typed in."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.central_changes import CentralChanges
from commerce.admin.central_desk import changes_of
from commerce.admin.filters import ChannelFilter
from commerce.admin.orders import orders_of
from commerce.admin.prices import announced
from commerce.admin.seats import SeatGiving, may_assign, seats_of
from commerce.admin.trials import Trials, trial_of
from commerce.amounts import money
from commerce.forms import AssignForm
from commerce.models import Purchase
from commerce.views.wording import look_of
from licensing.models import Product, SubscriptionState
from policies.models.governance import governance_of
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.journal.models import Event
from tenants.journal.naming import names_in
from tenants.procurement import Filter, Row, Section, badge


class StateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = SubscriptionState


class ProductFilter(Filter):
    title, parameter_name, field = gettext_lazy("product"), "product", "plan__product_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Product.objects.order_by("name").values_list("pk", "name"))


@admin.register(Purchase)
class PurchaseAdmin(CentralChanges, SeatGiving, Trials):
    """
    Every purchase of the organisation, however it was bought; without prices, or the central ones alone, for those who
    only give its seats.
    """

    right = Right.SEE_CENTRAL_PURCHASES
    list_before_template = "admin/_purchases.html"
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        actor = self.actor(request)
        if actor.is_operator:
            return super().get_queryset(request)
        return Purchase.objects.visible_to(actor).for_procurement().priced_for(actor)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        columns = super().get_list_display(request)
        hidden = [] if sees_prices(self.actor(request)) else ["price_paid"]
        return [column for column in columns if column not in hidden]

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
        may = may_assign(row, self.actor(request))
        told = {
            "may_assign": may,
            "assign": AssignForm() if may else None,
            "may_ask_for_end": may_ask_for_end(row, self.actor(request)),
        }
        context = {"title": str(row.plan), "state": state_badge(row), "look": look_of(row), **told, **context}
        return super().page(request, row, status, **context)

    def sections(self, request: HttpRequest, row: Purchase) -> list[Section]:
        sections = [
            Section(title=_("What was bought"), rows=self.facts(request, row)),
            Section(title=_("Assigned people"), template="admin/_seats.html", data=seats_of(row)),
        ]
        said = governance_of(row.tenant, [row.plan.product])[row.plan.product_id]
        if said:
            sections.append(Section(title=_("Data and access"), template="admin/_governance.html", data=said))
        trial = trial_of(row, self.actor(request))
        if trial:
            sections.insert(1, Section(title=_("This is a trial"), template="admin/_trial.html", data=trial))
        changes = changes_of(row, self.actor(request))
        if changes:
            sections.insert(1, Section(title=_("Change it"), template="admin/_central_changes.html", data=changes))
        if sees_prices(self.actor(request), row):
            sections.append(Section(title=_("Order history"), template="admin/_orders.html", data=orders_of(row)))
        return sections

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
            *(announced(row) if sees_prices(self.actor(request), row) else []),
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
    """
    What was charged, how much of it went back, and what was billed and is still to be paid (`beside`: below it); empty
    where nothing ever was charged.
    """
    if not purchase.currency:
        return ""
    charged = money(purchase.paid + purchase.refunded, purchase.currency)
    notes = []
    if purchase.refunded:
        notes.append(_("of which %(back)s refunded") % {"back": money(purchase.refunded, purchase.currency)})
    if purchase.to_pay:
        notes.append(_("%(amount)s to be paid") % {"amount": money(purchase.to_pay, purchase.currency)})
    if beside:
        return format_html(
            "{}{}", charged, format_html_join("", '<span class="beside">{}</span>', ([n] for n in notes))
        )
    return ", ".join([charged, *notes])


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


def may_ask_for_end(purchase: Purchase, by: Actor) -> bool:
    """Of a person's own; what the organisation owns, its admins end on this page."""
    if by.membership is None or by.home.is_guest or purchase.owner_id is None:
        return False
    return purchase.gives_access and by.may(Right.END_PURCHASES_OF_OTHERS)


def sees_prices(actor: Actor, purchase: Purchase | None = None) -> bool:
    """Whether somebody knows what purchases cost, or what this one does: it is their own."""
    own = purchase is not None and (actor.is_member(purchase.purchaser_id) or actor.is_member(purchase.owner_id))
    return actor.is_operator or actor.may(Right.SEE_ALL_PURCHASES) or own
