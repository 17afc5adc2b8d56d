"""Dunning as data: the steps of the operator or an organisation, and the codes after which no card is tried again."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.models import DunningStep, HardDecline
from commerce.operations.letters import decline_reasons
from commerce.operations.renewing import dunning_steps
from commerce.operations.renewing.dunning_steps import LONGEST_CODE, Step, Steps
from tenants.access import Actor, Right
from tenants.procurement import Section
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin

DAYS = re.compile(r"\d{1,2}")


class DaysField(forms.CharField):
    """Days with commas or spaces between them."""

    default_error_messages = {"invalid": gettext_lazy("Type days with commas between them, such as 1, 3, 7.")}
    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        typed = re.split(r"[\s,;]+", str(value or "").strip())
        if not all(DAYS.fullmatch(day) for day in typed if day):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return [int(day) for day in typed if day]


class StepsForm(forms.Form):
    """On which days what happens."""

    retries = DaysField(
        label=gettext_lazy("Try the card again on days"),
        help_text=gettext_lazy("Days after the first failure, at 09:00 of the organisation; at most day 30."),
        required=False,
        max_length=100,
    )
    letters = DaysField(
        label=gettext_lazy("Send a letter on days"),
        help_text=gettext_lazy("0: at once. After a try its letter says what came of it."),
        required=False,
        max_length=100,
    )
    without_retries = forms.BooleanField(
        label=gettext_lazy("Never try the card again by itself"),
        help_text=gettext_lazy("Only then the first field may be empty."),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in ("retries", "letters"):
            days = given.get(name) or []
            if len(set(days)) < len(days):
                self.add_error(name, _("Name each day once."))
        return given

    @property
    def steps(self) -> list[Step]:
        retries, letters = self.cleaned_data["retries"], self.cleaned_data["letters"]
        return [Step(day=day, retry=day in retries, mail=day in letters) for day in sorted({0, *retries, *letters})]


@admin.register(DunningStep)
class DunningStepAdmin(FormAdmin):
    """The steps that hold: for all organisations, or for one."""

    right = Right.CHANGE_BILLING
    list_title = gettext_lazy("Failed renewals")
    list_intro = gettext_lazy("What happens after a renewal was declined, day by day from its first failure.")
    list_before_template = "admin/_dunning.html"
    list_display = ["on", "tries", "tells"]
    sortable_by: Sequence[str] = ()
    ordering = ["day"]
    form_title = gettext_lazy("On which days")
    detail_template = "admin/form.html"

    def get_urls(self) -> list[URLPattern]:
        guarded, name = self.admin_site.admin_view, "commerce_dunningstep"
        return [
            path("", guarded(self.changelist_view), name=f"{name}_changelist"),
            path("edit/", guarded(self.edit_view), name=f"{name}_edit"),
            path("restore/", guarded(self.restore_view), name=f"{name}_restore"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DunningStep]:
        return DunningStep.objects.in_force(self.actor(request).tenant)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return list(self.list_display)

    def of_operator(self, request: HttpRequest | None) -> list[type[Filter]]:
        return []  # an operator reads the steps that hold for all

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        actor = self.actor(request)
        may = {"may_change": self.may_change(actor), "own": self.now(actor).own, "for_all": actor.is_operator}
        return super().changelist_view(request, {**may, **(extra_context or {})})

    def edit_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=_("What happens after a renewal was declined"))

    def restore_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.actor(request)
        if request.method != "POST" or actor.tenant is None or not self.may_change(actor):
            raise PermissionDenied
        dunning_steps.restore(tenant=actor.tenant, by=actor, at=actor.now())
        messages.success(request, _("The operator's steps hold again."))
        return redirect(self.next_page(None))

    def now(self, actor: Actor) -> Steps:
        return dunning_steps.of(actor.tenant)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        return []

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator or (actor.tenant is not None and actor.may(Right.CHANGE_BILLING))

    def form_for(self, row: Any, data: Any = None) -> StepsForm:
        return StepsForm(data)

    def page(self, request: HttpRequest, row: Any, status: int = 200, **context: Any) -> Any:
        form = context.get("form")
        if form is not None and not form.is_bound:
            form.initial = _as_typed(self.now(self.actor(request)))
        return super().page(request, row, status, **context)

    def keep(self, row: Any, form: Any, *, by: Actor, at: datetime) -> Any:
        without = form.cleaned_data["without_retries"]
        return dunning_steps.change(tenant=by.tenant, steps=form.steps, without_retries=without, by=by, at=at)

    def said(self, row: Any) -> str:
        return _("Kept. What has failed already keeps its next try; then these steps hold.")

    def next_page(self, row: Any) -> str:
        return reverse("admin:commerce_dunningstep_changelist")

    @admin.display(description=gettext_lazy("day"))
    def on(self, step: DunningStep) -> str:
        if step.day == 0:
            return _("At once")
        return ngettext("%(day)s day later", "%(day)s days later", step.day) % {"day": step.day}

    @admin.display(description=gettext_lazy("card"))
    def tries(self, step: DunningStep) -> str:
        return _("Tried again") if step.retry else ""

    @admin.display(description=gettext_lazy("letter"))
    def tells(self, step: DunningStep) -> str:
        return _("Sent to whoever pays") if step.mail else ""


class CodeForm(forms.Form):
    """A code as the provider gives it."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("As the provider gives it, such as lost_card."),
        max_length=LONGEST_CODE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@admin.register(HardDecline)
class HardDeclineAdmin(FormAdmin):
    """After these codes a card is not tried again before it is replaced; the operator's."""

    list_title = gettext_lazy("Hard declines")
    list_intro = gettext_lazy("By these codes a bank says that a card will never pay: it is not tried again.")
    list_before_template = "admin/_hard_declines.html"
    list_display = ["code", "meaning"]
    sortable_by: Sequence[str] = ()
    ordering = ["code"]
    detail_fields = ["code", "meaning"]
    form_title = gettext_lazy("Take it off the list")
    save_label = gettext_lazy("Try cards again after this code")

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_view)
        return [path("new/", new, name="commerce_harddecline_new"), *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=_("Add a code"), heading=_("Which one"), save_label=_("Add it"))

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator

    def form_for(self, row: HardDecline | None, data: Any = None) -> forms.Form:
        return CodeForm(data) if row is None else forms.Form(data)

    def keep(self, row: HardDecline | None, form: forms.Form, *, by: Actor, at: datetime) -> HardDecline:
        if row is None:
            return dunning_steps.add_hard_decline(code=form.cleaned_data["code"], by=by, at=at)
        dunning_steps.remove_hard_decline(code=row.pk, by=by, at=at)
        return row

    def said(self, row: HardDecline) -> str:
        return _("Done. It holds from the next failure on.")

    def next_page(self, row: HardDecline) -> str:
        return reverse("admin:commerce_harddecline_changelist")

    @admin.display(description=gettext_lazy("meaning"))
    def meaning(self, row: HardDecline) -> str:
        return decline_reasons.why(row.pk) if decline_reasons.is_known(row.pk) else ""


def _as_typed(now: Steps) -> dict[str, Any]:
    return {
        "retries": ", ".join(str(step.day) for step in now.steps if step.retry),
        "letters": ", ".join(str(step.day) for step in now.steps if step.mail),
        "without_retries": not any(step.retry for step in now.steps),
    }
