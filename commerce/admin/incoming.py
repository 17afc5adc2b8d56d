"""Events of the payment provider, for the operator, who may have one handled again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.models import IncomingEvent, IncomingState
from commerce.operations.paying import incoming
from tenants.dates import listed_minute
from tenants.procurement import READS, ProcurementAdmin, Section, badge
from tenants.procurement_filters import Filter

_KINDS = {
    IncomingState.RECEIVED: "amber",
    IncomingState.HANDLED: "green",
    IncomingState.IGNORED: "",
    IncomingState.FAILED: "red",
}


class IncomingStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = IncomingState


@admin.register(IncomingEvent)
class IncomingEventAdmin(ProcurementAdmin):
    """What the provider told, and what became of it."""

    list_title = gettext_lazy("Incoming events")
    list_intro = gettext_lazy(
        "What the payment provider told. How a thing stands is always asked for afresh, so any of these may be "
        "handled again."
    )
    list_display = ["type", "in_state", "gateway", "subject", "received", "attempts", "reason"]
    list_filter = [IncomingStateFilter]
    search_fields = ["reference", "subject", "type"]
    search_help_text = gettext_lazy("Type, provider's id or what it is about")
    ordering = ["-received_at", "-pk"]
    sortable_by = ["received"]
    empty_title = gettext_lazy("No events yet")
    empty_text = gettext_lazy("The payment provider tells of each charge, refund, card and dispute here.")
    detail_template = "admin/incoming_event.html"
    detail_fields = ["type", "in_state", "reason", "gateway", "reference", "subject", "received", "attempts", "settled"]

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, event: IncomingEvent) -> str:
        return badge(event.get_state_display(), _KINDS[IncomingState(event.state)])

    @admin.display(description=gettext_lazy("received"), ordering="received_at")
    def received(self, event: IncomingEvent) -> str:
        return listed_minute(event.received_at)

    @admin.display(description=gettext_lazy("handled"))
    def settled(self, event: IncomingEvent) -> str:
        return listed_minute(event.settled_at)

    @admin.display(description=gettext_lazy("note"))
    def reason(self, event: IncomingEvent) -> str:
        # Kept as it is written in the code, said in the reader's language.
        return _(event.note) if event.note else ""

    def sections(self, request: HttpRequest, row: IncomingEvent) -> list[Section]:
        shown = [self.line(name, row) for name in self.detail_fields]
        return [Section(rows=[line for line in shown if line.value])]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method in READS:
            return super().change_view(request, object_id)
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        event = self.found(request, object_id)
        incoming.redo(event=event, by=self.actor(request), at=self.actor(request).now())
        messages.success(request, _("It is handled again. Look at its state in a moment."))
        return redirect("admin:commerce_incomingevent_change", object_id)
