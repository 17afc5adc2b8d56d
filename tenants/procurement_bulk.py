"""
Doing one thing with many rows of a list: they are chosen there, a page shows what would come of each, and only what was
shown is done, as a run (see `tenants.runs`).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.bulk_actions import Amount, BulkAction, NothingChanges, Preview, PreviewLine
from tenants.bulk_page import BulkPage
from tenants.refusal import BadInput, Refused
from tenants.runs import operations as runs

__all__ = ["Amount", "BulkAction", "BulkActions", "NothingChanges", "Preview", "PreviewLine"]

TICKED, PAGE, ALL = "ticked", "page", "all"


class BulkActions(BulkPage):
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

    # --- Which rows
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
        doing = self.confirmed if "confirm" in request.POST else self.shown_first
        return doing(request, action, rows, parent_title=self.list_title, parent_url=self._list_url(request))

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
