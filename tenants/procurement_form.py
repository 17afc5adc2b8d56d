"""The pages of the procurement view that change something: a page to read, with one form below."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor
from tenants.procurement import READS, ProcurementAdmin
from tenants.refusal import Refused


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
                row = self.keep(row, form, by=actor, at=timezone.now())
            except Refused as refused:
                form.add_error(refused.field if refused.field in form.fields else None, str(refused))
            else:
                messages.success(request, self.said(row))
                return redirect(self.next_page(row))
        return self.page(request, row, 400, form=form, **context)
