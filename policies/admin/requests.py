"""Requests for licences, and the decision: a free seat, an exception with an end, or no, for each of the people."""

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from licensing.models import Plan
from licensing.operations import central_seats
from policies.models import How, LicenseRequest, LicenseRequestPerson, PersonState, RequestState
from policies.models.request import LONGEST_TEXT
from policies.operations import request_decisions
from policies.operations.request_decisions import Decision
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.procurement import READS, ProcurementAdmin, Row, Section, as_lines, badge
from tenants.procurement_filters import Filter
from tenants.refusal import Refused

_KINDS = {RequestState.WAITING: "amber", RequestState.DECIDED: "green"}
# What stands on the form under another name than in the operation.
_FIELDS = {"approve": "people", "decline": "people"}


class DecideRequestForm(forms.Form):
    """Of the people who wait, those whom a decision is about, how it is granted, and what they are told."""

    people = forms.MultipleChoiceField(
        label=gettext_lazy("For whom you decide"),
        help_text=gettext_lazy("Whoever is not ticked waits on."),
        widget=forms.CheckboxSelectMultiple,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice", "invalid_list"), gettext_lazy("Choose people who wait for a decision.")
        ),
    )
    how = forms.ChoiceField(
        label=gettext_lazy("How you approve"),
        widget=forms.RadioSelect,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )
    until = forms.DateField(
        label=gettext_lazy("May buy until"),
        help_text=gettext_lazy("The last day, such as 2026-12-31; only where they may buy it themselves."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    message = forms.CharField(
        label=gettext_lazy("Message"),
        help_text=gettext_lazy("Told to them and to who asked. May be left empty."),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, request: LicenseRequest, actor: Actor, free: int, data: Any = None) -> None:
        waiting = [person for person in request.people.all() if person.is_waiting]
        super().__init__(data, initial={"people": [_email(person) for person in waiting], "how": How.FREE_SEAT})
        self.zone = request.tenant.zone
        people: Any = self.fields["people"]
        people.choices = [(_email(person), f"{person.member} ({_email(person)})") for person in waiting]
        how: Any = self.fields["how"]
        ways = [(How.FREE_SEAT.value, _seats_left(free))]
        if actor.may(Right.CHANGE_POLICY):
            ways.append((How.EXCEPTION.value, _("They may buy it themselves, until a day")))
        else:
            del self.fields["until"]
        how.choices = ways  # set once: the widget takes a copy

    def decision(self, *, approve: bool) -> Decision:
        said = self.cleaned_data
        if not approve:
            return Decision(decline=said["people"], message=said["message"])
        return Decision(
            approve=said["people"],
            message=said["message"],
            how=said["how"] or How.FREE_SEAT,
            until=self._end_of(said.get("until")),
        )

    def _end_of(self, last: date | None) -> datetime | None:
        if last is None or last == date.max:
            return None
        return datetime.combine(last + timedelta(days=1), time(), self.zone)


class RequestStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = RequestState


@admin.register(LicenseRequest)
class LicenseRequestAdmin(ProcurementAdmin):
    """What people who may not buy asked for, and what became of it."""

    right = Right.DECIDE_REQUESTS
    list_title = gettext_lazy("Licence requests")
    list_intro = gettext_lazy("People who may not buy something themselves ask here, for themselves and for others.")
    list_display = ["what", "who", "how_many", "in_state", "asked"]
    list_filter = [RequestStateFilter]
    search_fields = ["requester__user__email", "product__name"]
    search_help_text = gettext_lazy("E-mail or product")
    ordering = ["-created_at"]
    sortable_by = ["asked"]
    empty_text = gettext_lazy("Nobody has asked for a licence yet.")
    detail_fields = ["what", "who", "why", "in_state", "asked"]
    detail_template = "admin/license_request.html"

    def rows(self) -> QuerySet[LicenseRequest]:
        return LicenseRequest.objects.with_people()

    @admin.display(description=gettext_lazy("product"))
    def what(self, asked: LicenseRequest) -> str:
        return asked.product.name

    @admin.display(description=gettext_lazy("asked by"))
    def who(self, asked: LicenseRequest) -> str:
        return f"{asked.requester} ({asked.requester.user.email})"

    @admin.display(description=gettext_lazy("why"))
    def why(self, asked: LicenseRequest) -> str:
        return as_lines(asked.reason)

    @admin.display(description=gettext_lazy("people"))
    def how_many(self, asked: LicenseRequest) -> str:
        people = asked.people.all()
        waiting = sum(person.is_waiting for person in people)
        if not waiting or waiting == len(people):
            return str(len(people))
        return _("%(count)s, %(waiting)s of them waiting") % {"count": len(people), "waiting": waiting}

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, asked: LicenseRequest) -> str:
        return badge(asked.get_state_display(), _KINDS.get(RequestState(asked.state), ""))

    @admin.display(description=gettext_lazy("asked"), ordering="created_at")
    def asked(self, asked: LicenseRequest) -> str:
        return listed_minute(asked.created_at)

    def sections(self, request: HttpRequest, row: LicenseRequest) -> list[Section]:
        people = [
            Row(label=f"{person.member} ({_email(person)})", value=_became_of(person)) for person in row.people.all()
        ]
        return [*super().sections(request, row), Section(title=_("People"), rows=people)]

    def page(self, request: HttpRequest, row: LicenseRequest, status: int = 200, **context: Any) -> Any:
        actor = self.actor(request)
        told: dict[str, Any] = {}
        if _may_decide(row, actor):
            free = central_seats.free(row.tenant, row.product)
            told = {"form": DecideRequestForm(row, actor, free), "order_url": _order_url(row, actor, free)}
        return super().page(request, row, status, **{**told, **context})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method in READS:
            return super().change_view(request, object_id)
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        asked, actor = self.found(request, object_id), self.actor(request)
        if actor.tenant != asked.tenant:
            raise PermissionDenied
        form = DecideRequestForm(asked, actor, central_seats.free(asked.tenant, asked.product), request.POST)
        if not form.is_valid():
            return self.page(request, asked, 400, form=form)
        approve = "approve" in request.POST
        try:
            request_decisions.decide(request=asked, decision=form.decision(approve=approve), by=actor, at=actor.now())
        except Refused as refused:
            field = _FIELDS.get(refused.field, refused.field)
            form.add_error(field if field in form.fields else None, str(refused))
            return self.page(request, self.found(request, object_id), refused.http_status, form=form)
        messages.success(request, _("Approved. They are told.") if approve else _("Declined. They are told."))
        return redirect("admin:policies_licenserequest_changelist")


def _email(person: LicenseRequestPerson) -> str:
    return person.member.user.email


def _may_decide(asked: LicenseRequest, actor: Actor) -> bool:
    return asked.is_waiting and actor.tenant == asked.tenant and actor.may(Right.DECIDE_REQUESTS)


def _seats_left(free: int) -> str:
    if not free:
        return _("A free seat of the organisation's own: none is left")
    told = ngettext(
        "A free seat of the organisation's own: %(free)s is left",
        "A free seat of the organisation's own: %(free)s are left",
        free,
    )
    return told % {"free": free}


def _order_url(asked: LicenseRequest, actor: Actor, free: int) -> str:
    """Where what is missing is bought for the organisation, filled in; nothing: not needed, or not allowed."""
    missing = sum(person.is_waiting for person in asked.people.all()) - free
    plan = Plan.objects.filter(product=asked.product).order_by("term", "pk").first()
    if missing <= 0 or plan is None or not actor.may(Right.BUY_CENTRALLY):
        return ""
    quantity = max(missing, plan.min_quantity)
    return f"{reverse('admin:commerce_purchase_order')}?{urlencode({'plan': plan.pk, 'quantity': quantity})}"


def _became_of(person: LicenseRequestPerson) -> str:
    kind = {PersonState.WAITING: "amber", PersonState.GRANTED: "green", PersonState.DECLINED: "red"}
    lines = [badge(person.get_state_display(), kind.get(PersonState(person.state), ""))]
    if person.how:
        how = person.get_how_display()
        until = _("%(how)s, until %(day)s") % {"how": how, "day": listed_minute(person.until)}
        lines.append(until if person.until else how)
    if person.decided_by:
        lines.append(f"{person.decided_by}, {listed_minute(person.decided_at)}")
    # The badge is made here; all else is text.
    return lines[0] + as_lines(*lines[1:], person.message)
