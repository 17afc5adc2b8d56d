"""The terms that follow, for the operator: what is tried when, and those that something is wrong with."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.models import Purchase, Renewal, RenewalState
from commerce.operations.letters import decline_reasons
from commerce.operations.renewing import faults
from tenants.access import Actor
from tenants.dates import listed_day, listed_minute
from tenants.procurement import Row, Section, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin

_KINDS = {
    RenewalState.PAID: "green",
    RenewalState.RETRYING: "amber",
    RenewalState.BLOCKED: "amber",
    RenewalState.REFUSED: "red",
}
# Of a purchase: a year of months.
LATEST = 12


class RenewalStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = RenewalState


class SetAsideFilter(Filter):
    title, parameter_name = gettext_lazy("fault"), "fault"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("set_aside", _("Set aside"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.set_aside()  # type: ignore[attr-defined]  # the queryset of renewals


@admin.register(Renewal)
class RenewalAdmin(FormAdmin):
    """Each with its tries. One that was set aside has a button: the sweep takes it up again."""

    list_title = gettext_lazy("Renewals")
    list_intro = gettext_lazy(
        "A term that follows is charged on the day on which the one before it ends. What broke three times, for no "
        "reason of the card's, is set aside until you have it tried again."
    )
    list_display = ["begins", "what", "in_state", "next_try", "attempts", "declined", "faults"]
    list_filter = [RenewalStateFilter, SetAsideFilter]
    # As they came to be due.
    ordering = ["-pk"]
    sortable_by: list[str] = []
    empty_title = gettext_lazy("No renewals")
    empty_text = gettext_lazy("No term has ended yet.")
    detail_fields = [
        "begins",
        "what",
        "in_state",
        "next_try",
        "attempts",
        "first_failed",
        "declined",
        "refused",
        "faults",
        "settled",
    ]
    form_title = gettext_lazy("It was set aside")
    save_label = gettext_lazy("Try again")

    def rows(self) -> QuerySet[Renewal]:
        return Renewal.objects.select_related("subscription__plan__product")

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator

    def page(self, request: HttpRequest, row: Any, status: int = 200, **context: Any) -> Any:
        # What nothing is wrong with has no button; a refusal is still told.
        form = context.pop("form", None)
        shown = form if form is not None and (form.is_bound or faults.is_set_aside(row)) else None
        title = _("Renewal of %(what)s") % {"what": row.subscription}
        return super().page(request, row, status, form=shown, **{"title": title, **context})

    def form_for(self, row: Any, data: Any = None) -> forms.Form:
        return forms.Form(data)

    def keep(self, row: Renewal, form: forms.Form, *, by: Actor, at: datetime) -> Renewal:
        return faults.try_again(renewal=row, by=by, at=at)

    def said(self, row: Renewal) -> str:
        return _("It is tried again by the next sweep.")

    @admin.display(description=gettext_lazy("begins"))
    def begins(self, renewal: Renewal) -> str:
        return listed_day(renewal.starts_at)

    @admin.display(description=gettext_lazy("purchase"))
    def what(self, renewal: Renewal) -> str:
        address = reverse("admin:commerce_purchase_change", args=[renewal.subscription_id])
        return format_html('<a href="{}">{}</a>', address, renewal.subscription)

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, renewal: Renewal) -> str:
        return state_of(renewal)

    @admin.display(description=gettext_lazy("next try"))
    def next_try(self, renewal: Renewal) -> str:
        return listed_minute(renewal.next_try_at)

    @admin.display(description=gettext_lazy("first failed"))
    def first_failed(self, renewal: Renewal) -> str:
        return listed_minute(renewal.first_failed_at)

    @admin.display(description=gettext_lazy("declined because"))
    def declined(self, renewal: Renewal) -> str:
        return renewal.decline_code

    @admin.display(description=gettext_lazy("refused by"))
    def refused(self, renewal: Renewal) -> str:
        return ", ".join(renewal.refused_by)

    @admin.display(description=gettext_lazy("settled"))
    def settled(self, renewal: Renewal) -> str:
        return listed_minute(renewal.settled_at)


def state_of(renewal: Renewal) -> str:
    if faults.is_set_aside(renewal):
        return badge(_("Set aside"), "red")
    return badge(renewal.get_state_display(), _KINDS.get(RenewalState(renewal.state), ""))


def renewals_of(purchase: Purchase) -> Section | None:
    """The latest ones on the page of a purchase, each by the day on which its term begins; none: it never renewed."""
    latest = Renewal.objects.of(purchase.tenant).filter(subscription=purchase).order_by("-starts_at")[:LATEST]
    rows = [Row(label=listed_day(renewal.starts_at), value=_told(renewal)) for renewal in latest]
    return Section(title=_("Renewals"), rows=rows) if rows else None


def _told(renewal: Renewal) -> str:
    """Its state, and below it why it was declined, where it is not paid since."""
    if not renewal.decline_code or renewal.state == RenewalState.PAID:
        return state_of(renewal)
    return format_html('{}<span class="beside">{}</span>', state_of(renewal), decline_reasons.why(renewal.decline_code))
