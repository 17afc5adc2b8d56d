"""
The page that shows what would come of doing one thing with many rows, and then does what was shown, as a run (see
`tenants.runs`). Which rows, and whether somebody may, is asked by whoever leads there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from tenants.access import Actor
from tenants.bulk_actions import (
    WORDS,
    BulkAction,
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
from tenants.dates import SHOWN_FOR
from tenants.ids import new_id
from tenants.procurement import ProcurementAdmin
from tenants.procurement_form import blame
from tenants.refusal import Refused
from tenants.runs import operations as runs
from tenants.runs.models import Run


class BulkPage(ProcurementAdmin):
    """First what would come of it, then the button; what has changed meanwhile is shown anew."""

    def shown_first(
        self, request: HttpRequest, action: BulkAction, rows: Sequence[Model], **context: Any
    ) -> HttpResponse:
        """The first time with what the form begins with, then with what was typed into it."""
        actor = self.actor(request)
        if "preview" not in request.POST:
            form = action.form_for(actor)
            asked = action.form_for(actor, beginning(form))
            return self.bulk_page(request, action, rows, form, asked=asked, **context)
        form = action.form_for(actor, request.POST)
        for name in WORDS:  # not before it is done
            form.errors.pop(name, None)
        return self.bulk_page(request, action, rows, form, status=400 if form.errors else 200, **context)

    def confirmed(
        self, request: HttpRequest, action: BulkAction, rows: Sequence[Model], **context: Any
    ) -> HttpResponse:
        """Done, where it is what was shown; else shown anew."""
        actor = self.actor(request)
        form = action.form_for(actor, request.POST)
        if form.is_valid():
            shown = what_was_shown(request.POST.get("shown", ""))
            if shown is None or not self._still_so(shown, actor, action, rows, form):
                form.add_error(None, _("This has changed since you looked. Here is what it would do now."))
            elif (run := self._started(actor, action, rows, form, shown)) is not None:
                self._tell(request, run)
                return redirect("admin:tenants_run_change", run.pk)
        return self.bulk_page(request, action, rows, form, status=400, **context)

    def _still_so(
        self, shown: Shown, actor: Actor, action: BulkAction, rows: Sequence[Model], form: forms.Form
    ) -> bool:
        """Reckoned as of the moment when it was shown: time alone changes no amount. What was begun is not asked."""
        if shown.mark != mark_of(actor, action, rows, given_of(form)):
            return False
        if runs.is_begun(shown.run_id):
            return True
        # The signature ages by the world's clock; the organisation's may have been moved meanwhile.
        if not timedelta() <= actor.now() - shown.at <= SHOWN_FOR:
            return False
        lines = self._lines(action, rows, form, actor, at=shown.at)
        return lines is not None and shown.outcome == outcome_of(lines)

    def _started(
        self, actor: Actor, action: BulkAction, rows: Sequence[Model], form: forms.Form, shown: Shown
    ) -> Run | None:
        """What is wrong is said on the form."""
        at = actor.now()
        given = {**given_of(form), **{name: form.cleaned_data[name] for name in WORDS if name in form.fields}}
        if action.as_shown:
            given |= {"as_of": shown.at.isoformat(), "asked_at": at.isoformat()}
        subjects = [row.pk for row in rows]
        try:
            return runs.start(deed=action.deed, subjects=subjects, given=given, by=actor, at=at, id=shown.run_id)
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

    def bulk_page(
        self,
        request: HttpRequest,
        action: BulkAction,
        rows: Sequence[Model],
        form: forms.Form,
        *,
        asked: forms.Form | None = None,
        status: int = 200,
        **context: Any,
    ) -> HttpResponse:
        """`asked`: what the preview is of, where it is not what was typed. `context`: the page that leads there."""
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
        told = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "model_admin": self,
            "title": action.label,
            "action": action,
            "form": form,
            "asked": [bound for bound in form.visible_fields() if bound.name not in WORDS],
            "words": [bound for bound in form.visible_fields() if bound.name in WORDS],
            "subjects": ",".join(str(row.pk) for row in rows),
            "shown": sign_shown(shown),
            "preview": None if lines is None else summed(action, lines),
            **context,
        }
        return TemplateResponse(request, "admin/bulk.html", told, status=status)
