"""The clocks of organisations that were made to try things out: for the operator all, for its admins their own."""

from calendar import monthrange
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import clock
from tenants.access import Actor, Right
from tenants.admin.journal import as_money, in_words
from tenants.dates import listed_minute
from tenants.directory.models import SandboxClock
from tenants.directory.moves import ClockMove
from tenants.directory.operations import clocks
from tenants.journal import since
from tenants.procurement import Section
from tenants.procurement_form import FormAdmin
from tenants.signin.acting import actor_of_request

DAY, WEEK, MONTH, DATE = "day", "week", "month", "date"
# Of what followed, so many of the newest stand on the page; the journal has them all.
SHOWN = 100


class AheadForm(forms.Form):
    how = forms.ChoiceField(
        label=gettext_lazy("How far"),
        choices=[
            (DAY, gettext_lazy("One day")),
            (WEEK, gettext_lazy("One week")),
            (MONTH, gettext_lazy("One month")),
            (DATE, gettext_lazy("To the beginning of a date")),
        ],
        widget=forms.RadioSelect,
        initial=DAY,
    )
    date = forms.DateField(
        label=gettext_lazy("Date"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Any, *, now: datetime, zone: ZoneInfo) -> None:
        super().__init__(data)
        self.local = now.astimezone(zone)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        how = cleaned.get("how")
        if how == DATE and "date" not in self.errors:
            if cleaned.get("date") is None:
                self.add_error("date", _("Say which."))
            else:
                cleaned["to"] = datetime.combine(cleaned["date"], time(), self.local.tzinfo)
        elif how == MONTH:
            cleaned["to"] = _month_later(self.local)
        elif how:
            cleaned["to"] = self.local + timedelta(days=7 if how == WEEK else 1)
        return cleaned


def _month_later(local: datetime) -> datetime:
    """The same time on the same day of the next month, or on its last."""
    year, month0 = divmod(local.year * 12 + local.month, 12)
    return local.replace(year=year, month=month0 + 1, day=min(local.day, monthrange(year, month0 + 1)[1]))


@admin.register(SandboxClock)
class SandboxClockAdmin(FormAdmin):
    right = Right.MOVE_CLOCK
    list_title = gettext_lazy("Sandbox clocks")
    list_intro = gettext_lazy(
        "The time of an organisation that was made to try things out can be moved ahead: what is due until then "
        "follows in its order, each at its own moment, for this organisation alone."
    )
    list_display = ["name", "slug", "time_there", "ahead"]
    search_fields = ["name", "slug"]
    search_help_text = gettext_lazy("Name or short name")
    ordering = ["name"]
    empty_text = gettext_lazy("Organisations that were made to try things out appear here.")
    detail_fields = ["name", "slug", "time_there", "ahead"]
    form_title = gettext_lazy("Move the clock ahead")
    save_label = gettext_lazy("Move it ahead")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if not clock.is_simulated() or not super().has_view_permission(request, obj):
            return False
        actor = actor_of_request(request)
        return actor is not None and (actor.is_operator or (actor.tenant is not None and actor.tenant.is_sandbox))

    def rows(self) -> QuerySet[SandboxClock]:
        return SandboxClock.objects.filter(is_sandbox=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SandboxClock]:
        actor = self.actor(request)
        if actor.is_operator:
            return self.rows()
        return self.rows().filter(pk=actor.tenant.pk) if actor.tenant else self.rows().none()

    @admin.display(description=gettext_lazy("time there"))
    def time_there(self, row: SandboxClock) -> str:
        return listed_minute(clock.now(row))

    @admin.display(description=gettext_lazy("ahead by"), ordering="clock_ahead")
    def ahead(self, row: SandboxClock) -> str:
        hours = round(row.clock_ahead / timedelta(hours=1))
        return _("%(days)s days, %(hours)s hours") % {"days": hours // 24, "hours": hours % 24} if hours else ""

    def sections(self, request: HttpRequest, row: SandboxClock) -> list[Section]:
        latest = ClockMove.objects.of(row).order_by("-asked_at", "-pk").first()
        if latest is None:
            return super().sections(request, row)
        followed = _followed(row, latest)
        return [*super().sections(request, row), Section(template="admin/_clock_followed.html", data=followed)]

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator or actor.may(Right.MOVE_CLOCK)

    def form_for(self, row: Any, data: Any = None) -> AheadForm:
        return AheadForm(data, now=clock.now(row), zone=row.zone)

    def keep(self, row: SandboxClock, form: forms.Form, *, by: Actor, at: datetime) -> SandboxClock:
        # The world's time: an admin's own is that of the clock which they move.
        clocks.move(tenant=row, to=form.cleaned_data["to"], by=by, at=clock.now())
        return row

    def said(self, row: SandboxClock) -> str:
        return _("The clock is on its way. What falls due until then follows in its order.")


def _followed(tenant: SandboxClock, move: ClockMove) -> dict[str, Any]:
    found = since.events(tenant, move.begins_at)
    newest = list(found.reverse()[: SHOWN + 1])
    return {
        "begins": listed_minute(move.begins_at),
        "target": listed_minute(move.target),
        "reached": listed_minute(move.reached_at),
        "is_done": move.done_at is not None,
        "letters": sum(move.letters.values()),
        "charges": [
            (as_money(each.amount, each.currency), listed_minute(each.at))
            for each in since.charges(tenant, move.begins_at)
        ],
        "events": [
            {
                "what": in_words(event.type),
                "at": listed_minute(event.at),
                "url": reverse("admin:tenants_event_change", args=[event.pk]),
            }
            for event in newest[:SHOWN]
        ],
        "more": len(newest) > SHOWN,
    }
