"""The life of a subscription, for the operator: the table of its states to read, and the days in them to change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing import states
from licensing.models import Channel, EndCause, LifecycleDays, Product, SubscriptionState
from licensing.operations import lifecycle_days
from licensing.operations.lifecycle_days import Length, Scope
from licensing.states import Move, Mover
from tenants.access import Actor
from tenants.procurement_form import ReasonForm, TakenBackAdmin

CHOOSE = {"invalid_choice": gettext_lazy("Choose one of these."), "required": gettext_lazy("Choose one of these.")}
WHOLE = {"invalid": gettext_lazy("Type a whole number of days."), "required": gettext_lazy("Type a number of days.")}

MOVERS: dict[Mover, str | Promise] = {
    Mover.BUYER: gettext_lazy("buyer"),
    Mover.OWNER: gettext_lazy("owner"),
    Mover.ADMIN: gettext_lazy("admin"),
    Mover.OPERATOR: gettext_lazy("operator"),
    Mover.BANK: gettext_lazy("bank"),
    Mover.TIME: gettext_lazy("by itself, when it is time"),
}
SAID: dict[str, str | Promise] = {
    "subscription.started": gettext_lazy("Bought"),
    "trial.started": gettext_lazy("Trial started"),
    "subscription.renewed": gettext_lazy("Renewed, or a trial converted"),
    "subscription.expired": gettext_lazy("Not paid at the end of its term, or renewal was off"),
    "subscription.disabled": gettext_lazy("Ended: canceled, contested, trial over, or grace over"),
    "subscription.reactivated": gettext_lazy("Reactivated, with another term"),
    "subscription.restored": gettext_lazy("Given back, after it was taken away for nothing"),
    "subscription.deleted": gettext_lazy("Its time is over"),
}


class DaysForm(ReasonForm):
    """How long each state lasts."""

    expired_days = forms.IntegerField(
        label=gettext_lazy("Days in grace"),
        help_text=gettext_lazy("With access, after a term that was not paid. 0 where access ends at once."),
        error_messages=WHOLE,
    )
    disabled_days = forms.IntegerField(
        label=gettext_lazy("Days disabled"),
        help_text=gettext_lazy("Without access, before it is deleted for good."),
        error_messages=WHOLE,
    )
    field_order: Sequence[str] = ["expired_days", "disabled_days", "reason"]

    @property
    def length(self) -> Length:
        return Length(expired=self.cleaned_data["expired_days"], disabled=self.cleaned_data["disabled_days"])


class NewDaysForm(DaysForm):
    """What the days are for is said once."""

    cause = forms.ChoiceField(label=gettext_lazy("Cause of the end"), choices=EndCause.choices, error_messages=CHOOSE)
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        choices=[("", gettext_lazy("Every channel")), *Channel.choices],
        required=False,
        error_messages=CHOOSE,
    )
    product = forms.ModelChoiceField(
        Product.objects.order_by("name"),
        label=gettext_lazy("Product"),
        empty_label=gettext_lazy("Every product"),
        required=False,
        error_messages=CHOOSE,
    )
    field_order = ["cause", "channel", "product", "expired_days", "disabled_days", "reason"]

    @property
    def scope(self) -> Scope:
        return Scope(**{name: self.cleaned_data[name] for name in ("cause", "channel", "product")})


@admin.register(LifecycleDays)
class LifecycleDaysAdmin(TakenBackAdmin):
    """The table of states, and the days by cause, channel and product."""

    list_title = gettext_lazy("Life of a subscription")
    list_before_template = "admin/_life.html"
    list_display = ["cause", "channel_name", "product_name", "expired_days", "disabled_days"]
    list_select_related = ["product"]
    ordering = ["cause", "product__name", "channel"]
    sortable_by: Sequence[str] = ()
    detail_fields = ["cause", "channel_name", "product_name", "expired_days", "disabled_days"]
    detail_template = "admin/lifecycle_days.html"
    form_title = gettext_lazy("Change the days")
    new_title, new_heading = gettext_lazy("New days"), gettext_lazy("What they are for")
    take_back_heading, take_back_label = gettext_lazy("Take these days back"), gettext_lazy("Take them back")
    taken_back = gettext_lazy("Taken back. What is said more widely holds from now on.")

    def rows(self) -> QuerySet[LifecycleDays]:
        return LifecycleDays.objects.select_related("product")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"moves": _table(), **(extra_context or {})})

    def form_for(self, row: LifecycleDays | None, data: Any = None) -> DaysForm:
        if row is None:
            return NewDaysForm(data)
        return DaysForm(data, initial={"expired_days": row.expired_days, "disabled_days": row.disabled_days})

    def keep(self, row: LifecycleDays | None, form: Any, *, by: Actor, at: datetime) -> LifecycleDays:
        reason = form.cleaned_data["reason"]
        if row is None:
            return lifecycle_days.add(scope=form.scope, length=form.length, reason=reason, by=by, at=at)
        return lifecycle_days.change(row=row, length=form.length, reason=reason, by=by, at=at)

    def take_back(self, row: LifecycleDays, *, reason: str, by: Actor, at: datetime) -> None:
        lifecycle_days.remove(row=row, reason=reason, by=by, at=at)

    def said(self, row: LifecycleDays) -> str:
        return _("Done. What ends from now on goes by it; what has ended keeps its day.")

    @admin.display(description=gettext_lazy("channel"))
    def channel_name(self, row: LifecycleDays) -> str:
        return row.get_channel_display() if row.channel else _("Every channel")

    @admin.display(description=gettext_lazy("product"))
    def product_name(self, row: LifecycleDays) -> str:
        return str(row.product) if row.product else _("Every product")


def _table() -> list[dict[str, Any]]:
    return [
        {
            "event": move.event,
            "said": SAID[move.event],
            "before": [SubscriptionState(state).label for state in move.before],
            "after": SubscriptionState(move.after).label,
            "who": _who(move),
        }
        for move in states.MOVES
    ]


def _who(move: Move) -> list[str | Promise]:
    return [MOVERS[mover] for mover in move.who]
