"""
Keyset pages: a row comparison over (field, id), so that inserts, ties and NULLs neither lose nor repeat a row.

A cursor says between which two rows a page begins; it is signed, so that nobody can type one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import F, Field, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from tenants.refusal import BadInput

SIZE = 50
LARGEST = 200
SALT = "seatwise.page"

ORDERINGS: Mapping[str, str] = {"created_at": "created_at", "id": "id"}
NEWEST_FIRST = "-created_at"
PARAMETERS = ("cursor", "ordering", "page_size")


@dataclass(frozen=True)
class Page:
    rows: list[Any]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class Order:
    """By a column and then by id, both in one direction; rows without a value come last whichever way it runs."""

    name: str
    field: "Field[Any, Any]"
    descending: bool

    def of(self, queryset: QuerySet[Any], *, backward: bool) -> QuerySet[Any]:
        descending = self.descending != backward
        column, key = F(self.field.name), F("pk")
        if not self.field.null:
            terms = [column.desc(), key.desc()] if descending else [column.asc(), key.asc()]
        elif descending:
            terms = [column.desc(nulls_first=True) if backward else column.desc(nulls_last=True), key.desc()]
        else:
            terms = [column.asc(nulls_first=True) if backward else column.asc(nulls_last=True), key.asc()]
        return queryset.order_by(*terms)

    def beyond(self, value: Any, key: Any, *, backward: bool) -> Q:
        """The rows after (or, backward, before) the row that has `value` and `key`."""
        name = self.field.name
        sign = "lt" if self.descending != backward else "gt"
        ties = Q(**{f"pk__{sign}": key})
        if value is None:
            same = Q(**{f"{name}__isnull": True}) & ties
            return same | Q(**{f"{name}__isnull": False}) if backward else same
        # (field, id) > (value, key), written so that an index on both serves it: a range, then the ties at its edge.
        further = Q(**{f"{name}__{sign}e": value}) & (Q(**{f"{name}__{sign}": value}) | ties)
        return further | Q(**{f"{name}__isnull": True}) if self.field.null and not backward else further


@dataclass(frozen=True)
class Cursor:
    order: str
    backward: bool
    value: str | None
    key: str

    def __str__(self) -> str:
        return signing.dumps([self.order, self.backward, self.value, self.key], salt=SALT)

    @classmethod
    def read(cls, text: str, *, order: str) -> "Cursor":
        try:
            parts = signing.loads(text, salt=SALT)
        except (signing.BadSignature, ValueError):
            raise bad("cursor", _("This is no cursor of this list.")) from None
        cursor = cls(*parts)
        if cursor.order != order:
            raise bad("cursor", _("This cursor belongs to another ordering."))
        return cursor


def bad(field: str, message: Any) -> BadInput:
    return BadInput(message, field=field)


def page(
    queryset: QuerySet[Any],
    request: Request,
    *,
    orderings: Mapping[str, str] = ORDERINGS,
    default: str = NEWEST_FIRST,
) -> Page:
    """
    One page of a queryset by the request's `ordering`, `cursor` and `page_size`.

    :raises BadInput: one of them is none
    """
    asked = request.query_params.get("ordering", default)
    order = order_of(queryset.model, asked, orderings)
    size = size_of(request.query_params.get("page_size"))
    text = request.query_params.get("cursor")
    cursor = Cursor.read(text, order=asked) if text is not None else None
    rows = rows_at(queryset, order, cursor, size + 1)
    more = len(rows) > size
    rows = rows[:size]
    backward = cursor is not None and cursor.backward
    if backward:
        rows.reverse()
    has_next = backward or more
    has_previous = more if backward else cursor is not None
    return Page(
        rows=rows,
        next=link(request, order, rows[-1:], asked, backward=False) if has_next else None,
        previous=link(request, order, rows[:1], asked, backward=True) if has_previous else None,
    )


def rows_at(queryset: QuerySet[Any], order: Order, cursor: Cursor | None, limit: int) -> list[Any]:
    if cursor is None:
        return list(order.of(queryset, backward=False)[:limit])
    try:
        value = None if cursor.value is None else order.field.to_python(cursor.value)
        key = queryset.model._meta.pk.to_python(cursor.key)
    except ValidationError:
        raise bad("cursor", _("This is no cursor of this list.")) from None
    rows = queryset.filter(order.beyond(value, key, backward=cursor.backward))
    return list(order.of(rows, backward=cursor.backward)[:limit])


def order_of(model: type[Model], asked: str, orderings: Mapping[str, str]) -> Order:
    name = asked.removeprefix("-")
    if name not in orderings:
        raise bad("ordering", _("This list is ordered by one of: %(names)s.") % {"names": ", ".join(orderings)})
    column = "pk" if orderings[name] == "id" else orderings[name]
    field: Any = model._meta.pk if column == "pk" else model._meta.get_field(column)
    return Order(asked, field, asked.startswith("-"))


def size_of(text: str | None) -> int:
    if text is None:
        return SIZE
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) == 0:
        raise bad("page_size", _("A page has 1 to %(largest)s rows.") % {"largest": LARGEST})
    return min(int(text), LARGEST)


def link(request: Request, order: Order, edge: Sequence[Any], asked: str, *, backward: bool) -> str | None:
    """The address of the page beyond a row; from an empty page, back to where the list begins."""
    query = {name: values for name, values in request.query_params.lists() if name != "cursor"}
    if edge:
        row = edge[0]
        value = None if getattr(row, order.field.attname) is None else order.field.value_to_string(row)
        query["cursor"] = [str(Cursor(asked, backward, value, str(row.pk)))]
    tail = urlencode(query, doseq=True)
    return request.build_absolute_uri(request.path + (f"?{tail}" if tail else ""))
