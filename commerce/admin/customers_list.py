"""What every list over all customers of a partner has in common. A row is opened by acting for its customer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from commerce.operations.procurement import customers, found
from tenants import questions
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.procurement import READS, ProcurementAdmin
from tenants.procurement_pages import LookAheadPaginator
from tenants.refusal import BadInput
from tenants.signin.acting import actor_of_request, customers_of_request

A_PAGE = 50
CUSTOMER = customers.CUSTOMER
# What a customer does not tell, where others do.
UNTOLD = "–"


@dataclass(frozen=True, kw_only=True)
class Head:
    """Of a column; `name` is a method of the list, or what the model's own admin shows under that name."""

    name: str
    label: str
    is_figure: bool


class CustomersList(ABC):
    """
    One request for a page of such a list. `right`: what a customer's roles have to allow there to be shown here (none:
    whatever they are). `look` says which rows, in their order; `whole` reads what stands beside those of one page.
    """

    name: ClassVar[str]
    model: ClassVar[type[Model]]
    right: ClassVar[Right | None] = None
    # `short` is its name among the other lists.
    title: ClassVar[str | Promise]
    short: ClassVar[str | Promise]
    lead: ClassVar[str | Promise]
    empty_title: ClassVar[str | Promise]
    empty_text: ClassVar[str | Promise]
    # The first says what a row is; the customer is shown after it.
    columns: ClassVar[Sequence[str]]
    figures: ClassVar[frozenset[str]] = frozenset()
    # The filters that may be asked for.
    known: ClassVar[frozenset[str]] = frozenset({CUSTOMER})
    template: ClassVar[str] = "admin/customers_list.html"

    @classmethod
    def page(cls) -> str:
        return f"admin:tenants_delegation_{cls.name}"

    @classmethod
    def readable(cls, acting: Sequence[Actor]) -> list[Actor]:
        """The customers that show it."""
        return [there for there in acting if cls.right is None or there.may(cls.right)]

    def __init__(self, site: AdminSite, request: HttpRequest, actor: Actor, acting: Sequence[Actor]) -> None:
        self.site, self.request, self.actor = site, request, actor
        self.acting = self.readable(acting)
        self.zone = actor.tenant.zone if actor.tenant else ZoneInfo("UTC")

    # --- What is asked for

    @cached_property
    def query(self) -> dict[str, str]:
        return found.asked({name: str(value) for name, value in self.request.GET.items() if name in self.known})

    @abstractmethod
    def look(self) -> tuple[QuerySet[Any], list[BadInput]]:
        """What the query finds, and everything that is wrong with it; then nothing."""

    def titles(self) -> dict[str, Any]:
        """Of the filters, by their names."""
        return {CUSTOMER: _("customer")}

    # --- What is shown

    @abstractmethod
    def whole(self, ids: Sequence[Any]) -> QuerySet[Any]:
        """These rows with all that their columns need, in a fixed number of queries."""

    def customer_of(self, row: Any) -> Any:
        return row.tenant_id

    def url(self, row: Any) -> str:
        """Where its customer shows it."""
        return reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_change", args=[row.pk])

    def in_words(self, row: Any) -> str:
        """A row in words alone."""
        return strip_tags(str(self.cell(self.columns[0], row)))

    def shown_columns(self) -> Sequence[str]:
        return self.columns

    def cell(self, name: str, row: Any) -> Any:
        own = getattr(self, name, None)
        return own(row) if own is not None else self.admin.cell(name, row)

    @cached_property
    def admin(self) -> ProcurementAdmin:
        """Who shows these rows in one organisation."""
        found = self.site.get_model_admin(self.model)
        assert isinstance(found, ProcurementAdmin)  # noqa: S101 (all of this site are)
        return found

    def heads(self) -> list[Head]:
        return [
            Head(name=name, label=self._label(name), is_figure=name in self.figures) for name in self.shown_columns()
        ]

    def _label(self, name: str) -> str:
        own = getattr(self, name, None)
        label = own.short_description if own is not None else label_for_field(name, self.model, self.admin)
        return str(label)

    def lines(self, ids: Sequence[Any]) -> list[dict[str, Any]]:
        """Of these, in their order."""
        by_id = {row.pk: row for row in self.whole(ids)} if ids else {}
        names: dict[Any, Tenant] = {there.organisation.pk: there.organisation for there in self.acting}
        heads = self.heads()
        return [self._line(by_id[pk], names, heads) for pk in ids if pk in by_id]

    def _line(self, row: Any, names: dict[Any, Tenant], heads: Sequence[Head]) -> dict[str, Any]:
        cells = [(head, self.cell(head.name, row)) for head in heads]
        return {
            "url": self.url(row),
            "customer": names[self.customer_of(row)],
            "cells": cells,
            "what": self.in_words(row),
        }

    def context(self) -> dict[str, Any]:
        rows, wrong = self.look()
        unanswerable = questions.unanswerable(self.request.GET, known={*self.known, questions.PAGE})
        rows = rows.none() if unanswerable else rows
        paginator = LookAheadPaginator(rows.values_list("pk", flat=True), A_PAGE)
        page = paginator.page(questions.number_in(self.request.GET))
        return {
            "title": self.title,
            "list": self,
            "heads": self.heads(),
            "lines": self.lines(list(page.object_list)),
            "customers": [there.organisation for there in self.acting],
            "query": self.query,
            "wrong": questions.told([*unanswerable, *wrong], self.request.GET, self.titles()),
            "page": page,
            "paginator": paginator,
        }


def answer(
    kind: type[CustomersList], site: AdminSite, request: HttpRequest, among: Sequence[type[CustomersList]]
) -> HttpResponse:
    """
    A page of one of these lists, with a way to the others.

    :raises PermissionDenied: nobody whom a customer shows it at this moment
    """
    actor = actor_of_request(request)
    acting = customers.acting(actor.user, customers_of_request(request)) if actor and actor.user else []
    if actor is None or not kind.readable(acting) or request.method not in READS:
        raise PermissionDenied(_("No customer lets you see this."))
    others = [
        {"label": each.short, "url": reverse(each.page()), "is_here": each is kind}
        for each in among
        if each.readable(acting)
    ]
    request.current_app = site.name
    shown = kind(site, request, actor, acting).context()
    context, status = {**site.each_context(request), **shown, "lists": others}, questions.status_of(shown["wrong"])
    return TemplateResponse(request, kind.template, context, status=status)
