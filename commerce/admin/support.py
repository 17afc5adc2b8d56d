"""Support cases, which operators answer."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.forms.support import AnswerForm
from commerce.models import SupportCase
from commerce.models.support import CaseKind, CaseState
from commerce.operations import support
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.views import wording
from commerce.views.shown import Shown, read, sign
from tenants.access import Actor
from tenants.dates import listed_minute
from tenants.procurement import READS, ProcurementAdmin, Section, badge
from tenants.procurement_filters import Filter
from tenants.refusal import Refused

_KINDS = {CaseState.OPEN: "amber", CaseState.ANSWERED: "green", CaseState.CLOSED: ""}


class CaseStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = CaseState


class CaseKindFilter(Filter):
    title, parameter_name, field = gettext_lazy("kind"), "kind", "kind"
    choices_of = CaseKind


@admin.register(SupportCase)
class SupportCaseAdmin(ProcurementAdmin):
    """What purchasers ask and admins want ended, for the operator, who answers."""

    list_title = gettext_lazy("Support cases")
    list_display = ["subject", "kind", "opened_by", "in_state", "last_change"]
    list_filter = [CaseStateFilter, CaseKindFilter]
    search_fields = ["subject", "member__user__email"]
    search_help_text = gettext_lazy("Subject or e-mail")
    ordering = ["-changed_at"]
    sortable_by = ["last_change"]
    empty_text = gettext_lazy("Nobody has asked anything yet.")
    detail_template = "admin/support_case.html"

    def rows(self) -> QuerySet[SupportCase]:
        return SupportCase.objects.select_related("member__user", "subscription__plan__product")

    @admin.display(description=gettext_lazy("opened by"))
    def opened_by(self, case: SupportCase) -> str:
        return f"{case.member} ({case.member.user.email})"

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, case: SupportCase) -> str:
        return badge(case.get_state_display(), _KINDS[CaseState(case.state)])

    @admin.display(description=gettext_lazy("last change"), ordering="changed_at")
    def last_change(self, case: SupportCase) -> str:
        return listed_minute(case.changed_at)

    def sections(self, request: HttpRequest, row: SupportCase) -> list[Section]:
        names = ["organisation", "kind", "opened_by", "in_state", "subscription", "support", "last_change"]
        said = row.messages.select_related("author").order_by("at", "pk")
        shown = [
            {
                "who": _("Support, %(name)s") % {"name": message.author} if message.from_support else str(row.member),
                "at": listed_minute(message.at),
                "body": message.body,
            }
            for message in said
        ]
        return [
            Section(rows=[line for line in (self.line(name, row) for name in names) if line.value]),
            Section(title=_("What was said"), template="admin/_support_messages.html", data=shown),
        ]

    def ending(self, request: HttpRequest, case: SupportCase) -> dict[str, Any] | None:
        """What the end that a case asks for does, with the money: shown before it is done."""
        if case.subscription is None:
            return None
        try:
            preview = support.preview_end(case=case, by=self.actor(request), at=self.actor(request).now())
        except Refused as refusal:
            messages.error(request, str(refusal))
            return None
        seen = Shown(quantity=preview.seats_left, when="", as_of=preview.as_of, total=preview.total)
        return {
            "preview": preview,
            "lines": wording.quote_lines(preview),
            "shown": sign(case.subscription, seen),
        }

    def page(self, request: HttpRequest, row: SupportCase, status: int = 200, **context: Any) -> Any:
        is_open = row.state != CaseState.CLOSED
        may_end = is_open and row.subscription is not None and row.kind == CaseKind.END_SUBSCRIPTION
        told = {
            "form": AnswerForm() if is_open else None,
            "may_end": may_end,
            "ending": self.ending(request, row) if may_end and "end" in request.GET else None,
        }
        return super().page(request, row, status, **{**told, **context})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method in READS:
            return super().change_view(request, object_id)
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        case, actor = self.found(request, object_id), self.actor(request)
        form = AnswerForm(request.POST)
        try:
            done = self.act(request, case, form, actor)
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            done = ""
        if not done:
            return self.page(request, case, 400, form=form)
        messages.success(request, done)
        return redirect("admin:commerce_supportcase_change", object_id)

    def act(self, request: HttpRequest, case: SupportCase, form: AnswerForm, actor: Actor) -> str:
        """What the pressed button does, and what to say of it; nothing: the form is to be mended."""
        now = actor.now()
        if "close" in request.POST:
            support.close(case=case, by=actor, at=now)
            return _("Closed.")
        if "end" in request.POST:
            shown = case.subscription and read(case.subscription, request.POST.get("shown", ""))
            if not shown:
                raise ChangedSincePreview
            done = support.end_subscription(case=case, as_of=shown.as_of, by=actor, at=now)
            return _("Canceled: %(subscription)s.") % {"subscription": done.subscription}
        if form.is_valid():
            support.answer(case=case, body=form.cleaned_data["body"], by=actor, at=now)
            return _("Answered. The person is told by e-mail.")
        return ""
