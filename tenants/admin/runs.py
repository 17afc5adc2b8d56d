"""What was done to many rows at once: how far each has come, and what became of every row."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import questions
from tenants.access import Right
from tenants.dates import listed_minute
from tenants.directory.models import Tenant
from tenants.journal.naming import ACTOR, names_of
from tenants.procurement import BY_COMMAND, ProcurementAdmin, Row, Section, badge
from tenants.procurement_pages import LookAheadPaginator
from tenants.refusal import Refused
from tenants.runs import operations as runs
from tenants.runs.deeds import about_of
from tenants.runs.models import RowState, Run, RunRow
from tenants.signin.acting import actor_of_request
from tenants.spreadsheets import harmless

ROWS_OF_A_PAGE = 100
LOOKS = {RowState.DONE: "green", RowState.REFUSED: "amber", RowState.SET_ASIDE: "red"}


@admin.register(Run)
class RunAdmin(ProcurementAdmin):
    """One's own, also across organisations; all of the organisation for those who read its journal."""

    right = Right.SEE_CENTRAL_PURCHASES
    list_title = gettext_lazy("Bulk actions")
    list_intro = gettext_lazy("What was done to many rows at once, and what became of each.")
    list_display = ["what", "who", "started", "size", "standing"]
    ordering = ["-created_at", "-pk"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy(
        "Tick several rows of a list, such as that of purchases, to do something with all of them."
    )
    detail_template = "admin/run.html"

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Also whoever has done something across organisations, such as a partner's people without roles at home."""
        if super().has_view_permission(request, obj):
            return True
        actor = actor_of_request(request)
        return actor is not None and Run.objects.across(actor).exists()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return Run.objects.visible_to(self.actor(request)).select_related("tenant", "started_by")

    def get_urls(self) -> list[URLPattern]:
        pages = {"stop": self.stop_view, "again": self.again_view, "outcomes": self.outcomes_view}
        guarded = self.admin_site.admin_view
        return [
            *(path(f"<path:object_id>/{name}/", guarded(v), name=f"tenants_run_{name}") for name, v in pages.items()),
            *super().get_urls(),
        ]

    def complete(self, request: HttpRequest, rows: Sequence[Run]) -> None:
        ids = [str(run.started_by_id) for run in rows if run.started_by_id]
        people = names_of(ids, self.actor(request).tenant, key=ACTOR)
        for run in rows:
            found = people.get(str(run.started_by_id))
            run.starter = found.text if found else ""

    @admin.display(description=gettext_lazy("what is done"))
    def what(self, run: Run) -> str:
        return str(run)

    @admin.display(description=gettext_lazy("started by"))
    def who(self, run: Run) -> str:
        return run.starter or str(run.started_by or BY_COMMAND)

    @admin.display(description=gettext_lazy("started"))
    def started(self, run: Run) -> str:
        return listed_minute(run.created_at)

    @admin.display(description=gettext_lazy("state"))
    def standing(self, run: Run) -> str:
        if run.stopped_at is not None:
            return badge(_("Stopped"), "amber")
        return badge(_("Finished"), "green") if run.finished_at is not None else badge(_("Under way"))

    # --- One of them

    def page(self, request: HttpRequest, row: Run, status: int = 200, **context: Any) -> Any:
        counts, which = row.counts(), request.GET.get("outcome", "")
        found = row.rows.order_by("position")
        if which:
            found = found.filter(state=which) if which in RowState.values else found.none()
        paginator = LookAheadPaginator(found, ROWS_OF_A_PAGE)
        page = paginator.page(questions.number_in(request.GET))
        done = row.size - counts[RowState.WAITING]
        told = {
            "run": row,
            "may": runs.may_decide(row, self.actor(request)),
            "done": done,
            "counts": [
                {"state": state, "label": RowState(state).label, "count": count}
                for state, count in counts.items()
                if count
            ],
            "failed": counts[RowState.SET_ASIDE],
            "which": which,
            "page": page,
            "paginator": paginator,
            "outcomes": [self._outcome(each) for each in _named(page.object_list, row.tenant)],
            "reason": row.given.get("reason", ""),
        }
        return super().page(request, row, status, **told, **context)

    def sections(self, request: HttpRequest, row: Run) -> list[Section]:
        self.complete(request, [row])
        shown = [self.line(name, row) for name in ("who", "started", "standing")]
        if row.finished_at is not None:
            shown.append(Row(label=_("Finished"), value=listed_minute(row.finished_at)))
        about = about_of(row.deed, row.given)
        names = names_of(about, row.tenant) if about else {}
        for key in filter(names.__contains__, about):
            link = format_html('<a href="{}">{}</a>', names[key].url, names[key].text)
            shown.append(Row(label=about[key], value=link))
        if row.given.get("reason"):
            shown.append(Row(label=_("Reason"), value=row.given["reason"]))
        return [Section(rows=shown)]

    def _outcome(self, named: tuple[RunRow, str, str]) -> dict[str, Any]:
        row, name, url = named
        return {
            "name": name,
            "url": url,
            "state": badge(row.get_state_display(), LOOKS.get(RowState(row.state), "")),
            "detail": row.detail,
        }

    def stop_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._deed(request, object_id, runs.stop, _("It is stopped. What was done stays."))

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._deed(request, object_id, runs.try_again, _("What failed is tried again."))

    def _deed(self, request: HttpRequest, object_id: str, operation: Callable[..., Run], said: str) -> HttpResponse:
        if not self.has_view_permission(request) or request.method != "POST":
            raise PermissionDenied
        actor, run = self.actor(request), self.found(request, object_id)
        if not runs.may_decide(run, actor):
            raise PermissionDenied
        try:
            operation(run=run, by=actor, at=actor.now())
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, said)
        return redirect("admin:tenants_run_change", run.pk)

    def outcomes_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """What became of each row, as a table to keep."""
        if not self.has_view_permission(request) or request.method != "GET":
            raise PermissionDenied
        run = self.found(request, object_id)
        answer = StreamingHttpResponse(_csv(run), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{run.deed}-{run.created_at:%Y-%m-%d}.csv"'
        return answer


def _named(rows: Iterable[RunRow], tenant: Tenant | None) -> Iterator[tuple[RunRow, str, str]]:
    found = list(rows)
    names = names_of([row.subject for row in found], tenant)
    for row in found:
        named = names.get(row.subject)
        yield row, named.text if named else row.subject, named.url if named else ""


class _Echo:
    """Hands the line back that was written."""

    def write(self, value: str) -> str:
        return value


def _csv(run: Run) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["id", "name", "outcome", "code", "detail", "at"])
    for first in range(0, run.size, ROWS_OF_A_PAGE):
        for row, name, _url in _named(run.rows.order_by("position")[first : first + ROWS_OF_A_PAGE], run.tenant):
            ended = row.done_at.isoformat() if row.done_at else ""
            yield writer.writerow(
                [harmless(cell) for cell in (row.subject, name, row.state, row.code, row.detail, ended)]
            )
