"""What every page of the procurement view has in common: whose rows it shows, to whom, and that it only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.views.main import ERROR_FLAG, IGNORED_PARAMS, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from tenants import procurement_rows, questions
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.procurement_filters import Filter, OrganisationFilter
from tenants.procurement_pages import LookAheadPaginator
from tenants.refusal import BadInput
from tenants.signin.acting import actor_of_request

READS = ("GET", "HEAD")

# Who made a change that no person signed.
BY_COMMAND = _("Operator, by command")


def may_read_some(actor: Actor) -> bool:
    """Whether the procurement view has anything for this person."""
    return actor.is_operator or actor.may(Right.SEE_CENTRAL_PURCHASES)


def badge(text: str | Promise, kind: str = "") -> str:
    """A state as a word in its colour; `kind` is green, amber, red or nothing."""
    return format_html('<span class="badge{}">{}</span>', f" badge-{kind}" if kind else "", text)


def as_lines(*texts: str) -> str:
    """Texts below each other, and each of their lines."""
    return format_html_join("", "<div>{}</div>", ((line,) for text in texts for line in text.splitlines()))


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a detail page."""

    label: str | Promise
    value: Any


@dataclass(frozen=True, kw_only=True)
class Section:
    """A block of a detail page: lines, or a template of its own with what it shows."""

    title: str | Promise = ""
    rows: Sequence[Row] = ()
    template: str = ""
    data: Any = None


class ProcurementList(ChangeList):
    """
    A page of rows; what belongs beside each of them is fetched for all of them at once. What cannot be asked here is
    told in `wrong`, and nothing found.
    """

    model_admin: "ProcurementAdmin"
    # What an address says of the list besides filters.
    beside: ClassVar[frozenset[str]] = frozenset()
    heads, rows = procurement_rows.heads, procurement_rows.rows

    def known(self) -> set[str]:
        """The filters that may be asked for."""
        return {str(spec.parameter_name) for spec in cast("Sequence[type[Filter]]", self.list_filter)}

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Without what is empty: a form sends all its fields, and those ask for nothing."""
        said, known = super().get_filters_params(params), self.known()
        return {name: values for name, values in said.items() if name in known and values[-1].strip()}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows = super().get_queryset(request, exclude_parameters)
        return self.unless_wrong(request, rows, [])

    def unless_wrong(self, request: HttpRequest, rows: QuerySet[Any], wrong: Sequence[BadInput]) -> QuerySet[Any]:
        """None, where anything is wrong with what is asked, names of filters that do not exist among it."""
        framework = {PAGE_VAR, ERROR_FLAG, *IGNORED_PARAMS}
        # Search is a filter of those lists alone that have it.
        known = (framework if self.search_fields else framework - {SEARCH_VAR}) | self.known() | self.beside
        titles = {str(spec.parameter_name): spec.title for spec in cast("Sequence[Filter]", self.filter_specs)}
        unanswerable = questions.unanswerable(request.GET, known=known, many=self.beside)
        self.wrong = questions.told([*unanswerable, *wrong], request.GET, titles)
        return rows.none() if self.wrong else rows

    def get_results(self, request: HttpRequest) -> None:
        self.page_num = questions.number_in(request.GET)
        super().get_results(request)
        self.complete(request)

    def complete(self, request: HttpRequest) -> None:
        self.model_admin.complete(request, self.result_list)


class ProcurementAdmin(ModelAdmin):
    """
    A list to look through and a page to read, of the acting tenant's rows alone; an operator sees every tenant's.

    `right` is what a tenant's admin must have; without one the pages are the operator's. Nothing is added, changed or
    deleted here, and the framework's addresses for that do not exist.
    """

    right: ClassVar[Right | None] = None
    list_title: ClassVar[str | Promise] = ""
    list_intro: ClassVar[str | Promise] = ""
    # What a list says that has nothing to show yet.
    empty_title: ClassVar[str | Promise] = _("Nothing here yet")
    empty_text: ClassVar[str | Promise] = ""
    detail_fields: ClassVar[Sequence[str]] = ()
    detail_template: ClassVar[str] = "admin/detail.html"

    actions = None
    empty_value_display = ""
    paginator = LookAheadPaginator
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_fullwidth = True
    list_before_template = "admin/_intro.html"

    # --- Who, and which rows

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        actor = actor_of_request(request)
        if actor is None:
            return False
        return actor.is_operator or (self.right is not None and actor.may(self.right))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def actor(self, request: HttpRequest) -> Actor:
        actor = actor_of_request(request)
        if actor is None:
            raise PermissionDenied
        return actor

    def rows(self) -> QuerySet[Any]:
        """Everything of this kind, as the pages need it; `get_queryset` narrows it to the acting tenant."""
        return self.model._default_manager.all()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        actor = self.actor(request)
        rows = self.rows()
        if actor.is_operator:
            return rows.select_related("tenant") if self.knows_tenant else rows
        if actor.tenant is None or not self.knows_tenant:
            return rows.none()
        return rows.of(actor.tenant)  # type: ignore[attr-defined]  # every tenant-owned queryset has it

    @property
    def knows_tenant(self) -> bool:
        return any(field.name == "tenant" for field in self.model._meta.fields)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        # PostgreSQL keeps no NUL: such an address names nothing. `from_field` comes from the query string: not ours.
        return None if "\0" in object_id else super().get_object(request, object_id)

    # --- Lists

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProcurementList

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Put beside the rows of one page what their columns need, in a fixed number of queries."""

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return False

    def get_list_display(self, request: HttpRequest) -> list[str]:
        columns = list(self.list_display)
        if self.knows_tenant and self.actor(request).is_operator:
            columns.insert(1, "organisation")
        return columns

    @admin.display(description=_("organisation"), ordering="tenant__name")
    def organisation(self, row: Any) -> str:
        """What an operator sees besides, where rows belong to a tenant."""
        return str(row.tenant or "")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only the filters that stand on the page: no other question can be asked through the query string."""
        asked = [*self.list_filter, *self.of_operator(request)]
        return lookup in {spec.parameter_name for spec in asked}

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*self.of_operator(request), *self.list_filter]

    def of_operator(self, request: HttpRequest | None) -> list[type[Filter]]:
        """What an operator asks of rows of all organisations besides."""
        is_asked = request is not None and self.knows_tenant and self.actor(request).is_operator
        return [OrganisationFilter] if is_asked else []

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in READS:
            raise PermissionDenied
        title = self.list_title or self.model._meta.verbose_name_plural
        answer = super().changelist_view(request, {"title": title, **(extra_context or {})})
        answer.status_code = questions.status_of(answer.context_data["cl"].wrong)
        return answer

    # --- One row

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        guarded = self.admin_site.admin_view
        return [
            path("", guarded(self.changelist_view), name=f"{name}_changelist"),
            path("<path:object_id>/change/", guarded(self.change_view), name=f"{name}_change"),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in READS:
            raise PermissionDenied
        return self.page(request, self.found(request, object_id))

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if it is one of those that the person may see; another tenant's is as one that never was."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return found

    def page(self, request: HttpRequest, row: Any, status: int = 200, **context: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            self.detail_template,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "model_admin": self,
                "title": str(row),
                "parent_title": self.list_title,
                "parent_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
                "row": row,
                "sections": self.sections(request, row),
                **context,
            },
            status=status,
        )

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        names = list(self.detail_fields)
        if self.knows_tenant and self.actor(request).is_operator:
            names.insert(0, "organisation")
        return [Section(rows=[self.line(name, row) for name in names])]

    def line(self, name: str, row: Any) -> Row:
        """A field, or a method of this admin, with its label."""
        method = getattr(self, name, None)
        label = method.short_description if method else str(self.opts.get_field(name).verbose_name)
        return Row(label=label, value=self.cell(name, row))

    def cell(self, name: str, row: Any) -> Any:
        """What a field says of a row, or a method of this admin."""
        method = getattr(self, name, None)
        if method is not None:
            return method(row)
        shown = getattr(row, f"get_{name}_display", None)
        value = shown() if shown else getattr(row, name)
        if isinstance(value, datetime):
            return listed_minute(value)
        return listed_day(value) if isinstance(value, date) else value
