"""The pages of the procurement view that change something: a page to read, with one form below."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor
from tenants.procurement import READS, ProcurementAdmin, Section
from tenants.refusal import Refused
from tenants.text import LONGEST_REASON


class ReasonForm(forms.Form):
    """Why something changes."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Stays in the journal for good. Do not name people."),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say why, in a few words.")},
    )


def blame(form: forms.Form, refused: Refused) -> None:
    """Say what was refused beside the field that it is about, or above them all."""
    form.add_error(refused.field if refused.field in form.fields else None, str(refused))


class FormAdmin(ProcurementAdmin):
    """Whoever `may_change` a row finds a form below it; others read `read_only_note`."""

    detail_template = "admin/form.html"
    form_title: ClassVar[str | Promise] = ""
    save_label: ClassVar[str | Promise] = _("Save")
    read_only_note: ClassVar[str | Promise] = ""

    def may_change(self, actor: Actor) -> bool:
        raise NotImplementedError

    def form_for(self, row: Any, data: Any = None) -> forms.Form:
        """With what stands in the row, or with what was typed."""
        raise NotImplementedError

    def keep(self, row: Any, form: forms.Form, *, by: Actor, at: datetime) -> Any:
        """Call the one operation; answer with the row as it is now."""
        raise NotImplementedError

    def said(self, row: Any) -> str:
        """What is said when it is done."""
        raise NotImplementedError

    def next_page(self, row: Any) -> str:
        """Where whoever changed it goes on: the page of the row."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):  # before the row is looked for
            raise PermissionDenied
        return self.form_view(request, self.found(request, object_id))

    def form_view(self, request: HttpRequest, row: Any, **context: Any) -> HttpResponse:
        """The page of a row, or of one to be (None)."""
        actor = self.actor(request)
        may = self.may_change(actor)
        if not may and (row is None or not self.has_view_permission(request)):
            raise PermissionDenied
        if request.method in READS:
            return self.page(request, row, form=self.form_for(row) if may else None, **context)
        if request.method != "POST" or not may:
            raise PermissionDenied
        form = self.form_for(row, request.POST)
        if form.is_valid():
            try:
                row = self.keep(row, form, by=actor, at=actor.now())
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, self.said(row))
                return redirect(self.next_page(row))
        return self.page(request, row, 400, form=form, **context)

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        """There is nothing to read yet about what is to be."""
        return [] if row is None else super().sections(request, row)


class TakenBackAdmin(FormAdmin):
    """What the operator says, changes and takes back, each time with a reason, and looks through in one list."""

    new_title: ClassVar[str | Promise] = ""
    new_heading: ClassVar[str | Promise] = ""
    take_back_heading: ClassVar[str | Promise] = ""
    take_back_label: ClassVar[str | Promise] = ""
    # What holds once it is done.
    taken_back: ClassVar[str | Promise] = ""

    def take_back(self, row: Any, *, reason: str, by: Actor, at: datetime) -> None:
        """Call the one operation."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        guarded, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("new/", guarded(self.new_view), name=f"{name}_new"),
            path("<path:object_id>/remove/", guarded(self.remove_view), name=f"{name}_remove"),
            *super().get_urls(),
        ]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=self.new_title, heading=self.new_heading)

    def remove_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        actor = self.actor(request)
        if not self.may_change(actor) or request.method not in (*READS, "POST"):
            raise PermissionDenied
        row = self.found(request, object_id)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                self.take_back(row, reason=form.cleaned_data["reason"], by=actor, at=actor.now())
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, str(self.taken_back))
                return redirect(self.next_page(row))
        return self.page(request, row, 400 if form.errors else 200, form=form, **self.what_goes(row))

    def what_goes(self, row: Any) -> dict[str, Any]:
        """What the page says that asks for the reason."""
        return {"heading": self.take_back_heading, "save_label": self.take_back_label, "removing": True}

    def may_change(self, actor: Actor) -> bool:
        return actor.is_operator

    def next_page(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
