"""The page of one purchase: what was bought, by whom, for what, who uses it, and everything that happened to it."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from commerce.admin.central_desk import changes_of
from commerce.admin.centralisations import under_way_of
from commerce.admin.merging import merging_of
from commerce.admin.orders import orders_of
from commerce.admin.prices import announced
from commerce.admin.purchase_facts import (
    canceled,
    failed,
    may_ask_for_end,
    paid,
    renewal,
    sees_prices,
    state_badge,
    unit_price,
)
from commerce.admin.purchase_history import invoices_of, timeline_of
from commerce.admin.renewal_stops import ended_by_policy
from commerce.admin.renewals import renewals_of
from commerce.admin.seats import may_assign, seats_of
from commerce.admin.seats_in_bulk import helps_people_of
from commerce.admin.taking_over import take_over_of
from commerce.admin.trials import trial_of
from commerce.forms.seats import AssignForm
from commerce.models import Purchase
from commerce.views.looks import look_of
from policies.models.governance import governance_of
from tenants.access import Actor
from tenants.dates import listed_day, listed_minute
from tenants.procurement import ProcurementAdmin, Row, Section


class PurchasePage(ProcurementAdmin):
    """What the page says. What can be done from it stands beside each section, see the other bases of the admin."""

    detail_template = "admin/purchase.html"

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
        by = self.actor(request)
        history = self.history(request, row) if sees_prices(by, row) else []
        return [
            Section(title=_("What was bought"), rows=self.facts(request, row)),
            *may_be_done(row, by),
            Section(title=_("Assigned people"), template="admin/_seats.html", data=seats_of(row)),
            *governed(row),
            *history,
            *timeline_of(row, request, self.admin_site),
        ]

    def history(self, request: HttpRequest, row: Purchase) -> list[Section]:
        orders = Section(title=_("Order history"), template="admin/_orders.html", data=orders_of(row))
        found = [orders, invoices_of(row, self.actor(request)), renewals_of(row)]
        return [section for section in found if section]

    def facts(self, request: HttpRequest, row: Purchase) -> list[Row]:
        people: list[tuple[str | Promise, Any]] = [
            (_("Purchaser"), f"{row.purchaser} ({row.purchaser.user.email})"),
            (_("Managed by"), row.owner or _("The organisation")),
            (_("Paid by"), row.payer or _("The organisation")),
        ]
        terms: list[tuple[str | Promise, Any]] = [
            (_("Product"), row.plan.product.name),
            (_("Plan"), row.plan.get_term_display()),
            (_("Channel"), row.get_channel_display()),
            (_("Bought on"), listed_minute(row.created_at)),
            (_("Quantity"), row.quantity),
            (_("Seats assigned"), row.seats_assigned),
            (_("Price of a seat"), unit_price(row)),
            *(announced(row) if sees_prices(self.actor(request), row) else []),
            (_("Price paid"), paid(row)),
            (_("Term"), f"{listed_day(row.term_start)} – {listed_day(row.term_end)}"),
            (_("Automatic renewal"), renewal(row)),
            *(failed(row) if sees_prices(self.actor(request), row) else []),
            (_("Refundable until"), listed_minute(row.refundable_until)),
            (_("Ended on"), listed_minute(row.ended_at)),
            *canceled(row),
        ]
        whose = [(_("Organisation"), row.tenant)] if self.actor(request).is_operator else []
        return [Row(label=label, value=value) for label, value in [*whose, *people, *terms] if value != ""]


def may_be_done(row: Purchase, by: Actor) -> list[Section]:
    """What the reader can do with it, as far as there is anything."""
    found = [
        (_("It is being centralised"), "admin/_centralising.html", under_way_of(row, by)),
        (_("Change it"), "admin/_central_changes.html", changes_of(row, by)),
        (_("Take over"), "admin/_take_over.html", take_over_of(row, by)),
        (_("Bring purchases together"), "admin/_merging.html", merging_of(row, by)),
        (_("This is a trial"), "admin/_trial.html", trial_of(row, by)),
        (_("Its people"), "admin/_former_people.html", helps_people_of(row, by)),
        (_("Ended by a change of policy"), "admin/_ended_by_policy.html", ended_by_policy(row, by)),
    ]
    return [Section(title=title, template=template, data=data) for title, template, data in found if data]


def governed(row: Purchase) -> list[Section]:
    said = governance_of(row.tenant, [row.plan.product])[row.plan.product_id]
    return [Section(title=_("Data and access"), template="admin/_governance.html", data=said)] if said else []
