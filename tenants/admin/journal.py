"""The journal, to read: what happened, when, by whom, newest first."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.directory.models import Tenant
from tenants.journal.models import Event
from tenants.journal.naming import Named, names_in, uuids
from tenants.procurement import BY_COMMAND, ProcurementAdmin, Row, Section
from tenants.procurement_filters import Filter
from tenants.signin.acting import actor_of_request

# How far back the filter looks for the types it offers: a bound, so that it costs the same in any journal.
LOOKS_BACK = 1000


# What every other page writes with a hyphen.
HYPHENATED = ("self_service",)


def spaced(code: str) -> str:
    """only_trials → only trials"""
    for word in HYPHENATED:
        code = code.replace(word, word.replace("_", "-"))
    return code.replace("_", " ")


def in_words(code: str) -> str:
    """policy.changed → Policy changed"""
    return spaced(code.replace(".", " ")).capitalize()


CODE = re.compile(r"[a-z]+(_[a-z]+)+")
FIGURE = re.compile(r"-?\d+(\.\d+)?")
# Said with their currency, which then needs no line of its own; a `refund` may as well be the id of one.
AMOUNTS = ("total", "amount", "refund")
# Never done by Seatwise itself: without a person, an operator's command did it.
OF_PEOPLE = (
    "policy.changed",
    "settings.changed",
    "contact.changed",
    "self_service.stopped",
    "self_service.resumed",
    "agreement.added",
    "agreement.changed",
    "order.placed",
    "exclusion.added",
    "exclusion.changed",
    "exclusion.removed",
    "lifecycle_days.added",
    "lifecycle_days.changed",
    "lifecycle_days.removed",
)
FIRST, LAST = "old", "reason"


def readable(value: Any, names: Mapping[str, Named]) -> Any:
    """A value of an event's data as people read it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(readable(one, names)) for one in value)
    if isinstance(value, dict):
        said = {spaced(key): one for key, one in value.items() if one not in (None, "")}
        return "; ".join(f"{key}: {readable(one, names)}" for key, one in said.items())
    if not isinstance(value, str):
        return value
    if value in names:
        return linked(names[value])
    if CODE.fullmatch(value):
        return spaced(value)
    moment = parse_datetime(value) if "T" in value else None
    return listed_minute(moment) if moment else value


def as_money(amount: str, currency: str) -> str:
    """As every other page writes it. How that is lies above this app: its template knows."""
    if not currency:
        return amount
    return render_to_string("admin/_amount.html", {"amount": Decimal(amount), "currency": currency}).strip()


def linked(name: Named) -> str:
    return format_html('<a href="{}">{}</a>', name.url, name.text) if name.url else name.text


class TypeFilter(Filter):
    title, parameter_name, field = gettext_lazy("what happened"), "type", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = model_admin.get_queryset(request).order_by(*model_admin.get_ordering(request))[:LOOKS_BACK]
        types = Event.objects.filter(pk__in=newest.values("pk")).order_by("type").values_list("type", flat=True)
        return [(code, in_words(code)) for code in types.distinct()]


@admin.register(Event)
class EventAdmin(ProcurementAdmin):
    """Facts of a tenant in the order of their positions; an operator reads every tenant's, and the service's own."""

    right = Right.READ_JOURNAL
    list_title = gettext_lazy("Journal")
    list_display = ["position", "when", "happened", "who", "about", "details"]
    list_filter = [TypeFilter]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Everything that happens in your organisation is written down here, for good.")

    def rows(self) -> QuerySet[Event]:
        return Event.objects.select_related("actor").annotate(position=F("place__position"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        events: QuerySet[Event] = super().get_queryset(request)
        tenant = _tenant(self.actor(request))
        # Its own positions lead: the page is read along their index, however long the journal is.
        return events if tenant is None else events.filter(place__tenant=tenant)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        actor = actor_of_request(request)
        # Positions count within a tenant. Over all of them the ids tell the time.
        return ["-pk"] if actor is not None and actor.is_operator else ["-place__position"]

    def complete(self, request: HttpRequest, rows: Sequence[Event]) -> None:
        names = names_in(rows, _tenant(self.actor(request)))
        for event in rows:
            event.names = names  # type: ignore[attr-defined]  # for the columns

    @admin.display(description=gettext_lazy("position"))
    def position(self, event: Event) -> Any:
        return getattr(event, "position", None)

    @admin.display(description=gettext_lazy("when"))
    def when(self, event: Event) -> str:
        return listed_minute(event.at)

    @admin.display(description=gettext_lazy("what happened"))
    def happened(self, event: Event) -> str:
        return in_words(event.type)

    @admin.display(description=gettext_lazy("who"))
    def who(self, event: Event) -> str:
        names: Mapping[str, Named] = event.names  # type: ignore[attr-defined]  # put there by `complete`
        if event.actor is None:
            return str(BY_COMMAND) if event.type in OF_PEOPLE else _("Seatwise itself")
        return str(names.get(str(event.actor_id), event.actor))

    @admin.display(description=gettext_lazy("about"))
    def about(self, event: Event) -> Any:
        names: Mapping[str, Named] = event.names  # type: ignore[attr-defined]  # put there by `complete`
        return linked(names[event.subject]) if event.subject in names else event.subject

    @admin.display(description=gettext_lazy("details"))
    def details(self, event: Event) -> str:
        # An id without a name says nothing in a list; the event's own page has it.
        said = ((row.label, row.value) for row in self.said(event) if not uuids([str(row.value)]))
        return format_html_join(" · ", "{}: {}", said)

    def said(self, event: Event) -> list[Row]:
        """What the event's data says beyond its subject."""
        names: Mapping[str, Named] = event.names  # type: ignore[attr-defined]  # put there by `complete`
        said = {key: value for key, value in event.data.items() if value not in ("", None, [], {}, event.subject)}
        amounts = {key for key in AMOUNTS if FIGURE.fullmatch(str(said.get(key, "")))}
        currency = said.pop("currency", "") if amounts else ""
        return [
            Row(label=in_words(key), value=as_money(value, currency) if key in amounts else readable(value, names))
            for key, value in sorted(said.items(), key=lambda pair: (pair[0] != FIRST, pair[0] == LAST))
        ]

    def sections(self, request: HttpRequest, row: Event) -> list[Section]:
        self.complete(request, [row])
        names = ["position", "when", "happened", "who", "about"]
        if self.actor(request).is_operator:
            names.insert(0, "organisation")
        facts = [*(self.line(name, row) for name in names), Row(label=_("Type"), value=row.type)]
        return [Section(rows=facts), Section(title=_("Details"), rows=self.said(row))]

    def page(self, request: HttpRequest, row: Event, status: int = 200, **context: Any) -> Any:
        return super().page(request, row, status, title=in_words(row.type), **context)


def _tenant(actor: Actor) -> Tenant | None:
    return None if actor.is_operator else actor.tenant
