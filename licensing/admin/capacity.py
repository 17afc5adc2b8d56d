"""What the seats bring besides the right to use a product, beside what is in use of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy

from licensing.models import CapacityUse, Channel
from licensing.operations import capacity
from licensing.operations.capacity import ProductCapacity
from tenants import questions
from tenants.access import Right
from tenants.amounts import locale
from tenants.dates import listed_minute
from tenants.procurement import READS, ProcurementAdmin
from tenants.signin.acting import actor_of_request

LABELS = {
    "database_mb": gettext_lazy("Database"),
    "file_mb": gettext_lazy("File storage"),
    "log_mb": gettext_lazy("Log storage"),
    "runs": gettext_lazy("Runs a month"),
}
# What the catalogue gives in megabytes, in the largest unit of which there is one at least.
_SIZES = (gettext_lazy("%(size)s MB"), gettext_lazy("%(size)s GB"), gettext_lazy("%(size)s TB"))


@admin.register(CapacityUse)
class CapacityAdmin(ProcurementAdmin):
    """One page, of the acting organisation; a product without any capacity does not stand there."""

    right = Right.SEE_CAPACITY
    list_title = gettext_lazy("Capacity")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        actor = actor_of_request(request)
        return actor is not None and actor.tenant is not None and actor.may(Right.SEE_CAPACITY)

    def get_urls(self) -> list[URLPattern]:
        return [each for each in super().get_urls() if each.name == "licensing_capacityuse_changelist"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in READS or not self.has_view_permission(request):
            raise PermissionDenied
        wrong = questions.told(questions.unanswerable(request.GET, known=()), request.GET, {})
        request.current_app = self.admin_site.name
        products = capacity.of(self.actor(request).organisation)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": self.list_title,
            "products": [] if wrong else [_shown(each) for each in products],
            "wrong": wrong,
        }
        return TemplateResponse(request, "admin/capacity.html", context, status=questions.status_of(wrong))


def amount(kind: str, figure: int) -> str:
    if not kind.endswith("_mb"):
        return format_decimal(figure, locale=locale())
    size, unit = Decimal(figure), 0
    while size >= 1024 and unit < len(_SIZES) - 1:
        size, unit = size / 1024, unit + 1
    said = str(_SIZES[unit]) % {"size": format_decimal(size, format="#,##0.#", locale=locale())}
    return said.replace(" ", "\N{NO-BREAK SPACE}")


def _shown(each: ProductCapacity) -> dict[str, Any]:
    brings = each.brings
    return {
        "name": each.product.name,
        "reported": listed_minute(each.reported_at) if each.reported_at else "",
        "heads": [LABELS[kind] for kind in each.kinds],
        "channels": [
            {
                "name": Channel(line.channel).label,
                "seats": amount("", line.seats),
                "cells": _cells(each.kinds, line.brings),
            }
            for line in each.channels
        ],
        "seats": amount("", each.seats),
        "sums": _cells(each.kinds, brings),
        "in_use": [
            {**cell, "over": each.in_use.get(kind, 0) > brings.get(kind, 0)}
            for kind, cell in zip(each.kinds, _cells(each.kinds, each.in_use), strict=True)
        ],
    }


def _cells(kinds: Sequence[str], figures: dict[str, int]) -> list[dict[str, Any]]:
    """Nothing for what is not known."""
    return [{"head": LABELS[kind], "text": amount(kind, figures[kind]) if kind in figures else ""} for kind in kinds]
