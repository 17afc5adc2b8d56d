"""Addresses of the list of purchases and of its file, with the filters and columns that they are asked for."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from django.urls import reverse

from commerce.models.export_schedule import OF_COLUMNS

LIST, FILE = "admin:commerce_purchase_changelist", "admin:commerce_purchase_export"


def asking(query: Mapping[str, str], columns: Iterable[str] = (), **more: str) -> str:
    """What stands behind the question mark, as the list and its file read it again."""
    return urlencode([*query.items(), *((OF_COLUMNS, column) for column in columns), *more.items()])


def of_list(query: Mapping[str, str], columns: Iterable[str] = ()) -> str:
    return f"{reverse(LIST)}?{asking(query, columns)}"


def of_file(query: Mapping[str, str], columns: Iterable[str] = (), *, format: str) -> str:
    return f"{reverse(FILE)}?{asking(query, columns, format=format)}"
