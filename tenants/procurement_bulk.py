"""
Doing one thing with many rows of a list: they are chosen there, a page shows what would come of each, and only what was
shown is done, as a run (see `tenants.runs`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.access import Actor
from tenants.bulk_actions import (
    WORDS,
    Amount,
    BulkAction,
    Preview,
    PreviewLine,
    Shown,
    beginning,
    given_of,
    mark_of,
    outcome_of,
    sign_shown,
    summed,
    what_was_shown,
)
from tenants.ids import new_id
from tenants.procurement import ProcurementAdmin
from tenants.procurement_form import blame
from tenants.refusal import BadInput, Refused
from tenants.runs import operations as runs
from tenants.runs.models import Run

__all__ = ["Amount", "BulkAction", "BulkActions", "Preview", "PreviewLine"]

TICKED, PAGE, ALL = "ticked", "page", "all"


class BulkActions(ProcurementAdmin):
    """A list whose rows can be ticked. The framework's own actions stay off: these show first what they would do."""

    bulk_actions: ClassVar[Sequence[BulkAction]] = ()
    list_after_template = "admin/_bulk.html"

    def get_urls(self) -> list[URLPattern]:
        bulk = self.admin_site.admin_view(self.bulk_view)
        return [path("bulk/", bulk, name=f"{self.opts.app_label}_{self.opts.model_name}_bulk"), *super().get_urls()]

    # --- The list

    def offered(self, request: HttpRequest) -> list[BulkAction]:
        actor = self.actor(request)
        return [action for action in self.bulk_actions if action.is_for(actor)]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        columns = super().get_list_display(request)
        return ["chosen", *columns] if self.offered(request) else columns

    def get_list_display_links(self, request: HttpRequest, list_display: Sequence[str]) -> Sequence[str]:
        return [column for column in list_display if column != "chosen"][:1]

    @admin.display(description=gettext_lazy("choose"))
    def chosen(self, row: Any) -> str:
        """Ticks it for the form below the list."""
        label = format_html('<span class="sw-label">{}</span>', _("Choose"))
        box = '{}<input type="checkbox" name="row" value="{}" form="bulk" aria-label="{}">'
        return format_html(box, label, row.pk, self.named(row))

    def named(self, row: Any) -> str:
        """What a row is called, for those who do not see the list."""
        return str(row)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_view_permission(request):
            bulk = {"actions": self.offered(request), "url": self.bulk_url(request)}
            extra_context = {**(extra_context or {}), "bulk": bulk}
        return super().changelist_view(request, extra_context)

    def bulk_url(self, request: HttpRequest) -> str:
        """With the filter of the list, which may choose the rows."""
        query = request.META.get("QUERY_STRING", "")
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_bulk")
        return f"{url}?{query}" if query else url

    # --- The page that shows what would happen, and does it

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect(self._list_url(request))
        offered = {action.deed: action for action in self.offered(request)}
        action = offered.get(request.POST.get("deed", ""))
        if action is None:
            if offered:
                messages.error(request, _("Choose what to do with them."))
                return redirect(self._list_url(request))
            raise PermissionDenied
        try:
            rows = self._chosen_rows(request)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect(self._list_url(request))
        return (
            self._confirmed(request, action, rows) if "confirm" in request.POST else self._shown(request, action, rows)
        )

    def _list_url(self, request: HttpRequest) -> str:
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        query = request.META.get("QUERY_STRING", "")
        return f"{url}?{query}" if query else url

    def _chosen_rows(self, request: HttpRequest) -> list[Any]:
        """
        Those of the list that were ticked, or whose page or filter it is; never one that the person may not see.

        :raises TooManyRows: more than 10,000
        :raises BadInput: none
        """
        mine = self.get_queryset(request)
        which = request.POST.get("which", TICKED)
        if "subjects" in request.POST:
            ids = request.POST["subjects"].split(",")
        elif which == TICKED:
            ids = request.POST.getlist("row")
        else:
            found = self.get_changelist_instance(request)
            page = [row.pk for row in found.result_list]
            keys = page if which == PAGE else found.queryset.values_list("pk", flat=True)[: runs.MOST_ROWS + 1]
            ids = [str(pk) for pk in keys]
        if len(ids) > runs.MOST_ROWS:
            raise runs.TooManyRows
        known = {str(row.pk): row for row in mine.filter(pk__in=self._keys(ids))}
        chosen = [known[pk] for pk in dict.fromkeys(ids) if pk in known]
        if not chosen:
            raise BadInput(_("Tick at least one first."), field="row", code="required")
        return chosen

    def _keys(self, ids: Sequence[str]) -> list[Any]:
        """Those that can be keys at all: anything else never reaches the database."""
        key = self.opts.pk
        keys = []
        for pk in ids:
            try:
                keys.append(key.to_python(pk))
            except ValidationError:
                continue
        return keys

    def _shown(self, request: HttpRequest, action: BulkAction, rows: Sequence[Model]) -> HttpResponse:
        """The first time with what the form begins with, then with what was typed into it."""
        actor = self.actor(request)
        if "preview" not in request.POST:
            form = action.form_for(actor)
            return self._page(request, action, rows, form, asked=action.form_for(actor, beginning(form)))
        form = action.form_for(actor, request.POST)
        for name in WORDS:  # not before it is done
            form.errors.pop(name, None)
        return self._page(request, action, rows, form, status=400 if form.errors else 200)

    def _confirmed(self, request: HttpRequest, action: BulkAction, rows: Sequence[Model]) -> HttpResponse:
        actor = self.actor(request)
        form = action.form_for(actor, request.POST)
        if form.is_valid():
            shown = what_was_shown(request.POST.get("shown", ""))
            if shown is None or not self._still_so(shown, actor, action, rows, form):
                form.add_error(None, _("This has changed since you looked. Here is what it would do now."))
            elif (run := self._started(actor, action, rows, form, shown.run_id)) is not None:
                self._tell(request, run)
                return redirect("admin:tenants_run_change", run.pk)
        return self._page(request, action, rows, form, status=400)

    def _still_so(
        self, shown: Shown, actor: Actor, action: BulkAction, rows: Sequence[Model], form: forms.Form
    ) -> bool:
        """Reckoned as of the moment when it was shown: time alone changes no amount. What was begun is not asked."""
        if shown.mark != mark_of(actor, action, rows, given_of(form)):
            return False
        if runs.is_begun(shown.run_id):
            return True
        lines = self._lines(action, rows, form, actor, at=shown.at)
        return lines is not None and shown.outcome == outcome_of(lines)

    def _started(
        self, actor: Actor, action: BulkAction, rows: Sequence[Model], form: forms.Form, run_id: UUID
    ) -> Run | None:
        """What is wrong is said on the form."""
        given = {**given_of(form), **{name: form.cleaned_data[name] for name in WORDS if name in form.fields}}
        subjects = [row.pk for row in rows]
        try:
            return runs.start(deed=action.deed, subjects=subjects, given=given, by=actor, at=actor.now(), id=run_id)
        except Refused as refused:
            blame(form, refused)
            return None

    def _tell(self, request: HttpRequest, run: Run) -> None:
        if run.finished_at is None:
            messages.info(request, _("It goes on in the background. You may leave this page and come back."))
        else:
            messages.success(request, runs.said_in_short(run))

    def _lines(
        self, action: BulkAction, rows: Sequence[Model], form: forms.Form, actor: Actor, *, at: datetime
    ) -> Sequence[PreviewLine] | None:
        """None: what was typed does not say what to do yet. The words may still be missing."""
        if set(form.errors) - {*WORDS, NON_FIELD_ERRORS}:
            return None
        try:
            return action.preview(rows, given_of(form), actor, at)
        except Refused as refused:
            blame(form, refused)
            return None

    def _page(
        self,
        request: HttpRequest,
        action: BulkAction,
        rows: Sequence[Model],
        form: forms.Form,
        *,
        asked: forms.Form | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """`asked`: what the preview is of, where it is not what was typed."""
        actor, asked = self.actor(request), asked or form
        at = actor.now()
        lines = self._lines(action, rows, asked, actor, at=at)
        shown = Shown(
            run_id=new_id(),
            mark=mark_of(actor, action, rows, given_of(asked)),
            outcome=outcome_of(lines or ()),
            at=at,
        )
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "model_admin": self,
            "title": action.label,
            "parent_title": self.list_title,
            "parent_url": self._list_url(request),
            "action": action,
            "form": form,
            "asked": [bound for bound in form.visible_fields() if bound.name not in WORDS],
            "words": [bound for bound in form.visible_fields() if bound.name in WORDS],
            "subjects": ",".join(str(row.pk) for row in rows),
            "shown": sign_shown(shown),
            "preview": None if lines is None else summed(action, lines),
        }
        return TemplateResponse(request, "admin/bulk.html", context, status=status)
