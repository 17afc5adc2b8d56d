"""The table of a list, put together by column: what is the same in every row is found once, not for each cell."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.urls import NoReverseMatch
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.templatetags.unfold_list import result_headers

TD, TH = mark_safe("</td>"), mark_safe("</th>")


def heads(page: ChangeList) -> list[dict[str, Any]]:
    """Of each column its name, and what orders the list by it."""
    return list(result_headers(page))


def rows(page: Any) -> Iterator[SafeString]:
    """The cells of each row; one of them leads to the row's own page."""
    leading = page.list_display_links or ()
    columns = [
        (str(name), _begun("th" if name in leading else "td", name, head["text"]), name in leading)
        for name, head in zip(page.list_display, heads(page), strict=True)
    ]
    for row in page.result_list:
        yield format_html_join("", "{}{}{}", (_cell(page, row, *column) for column in columns))


def _begun(tag: str, name: Any, label: Any) -> SafeString:
    return format_html('<{} class="field-{}" data-label="{}">', tag, name, label)


def _cell(page: Any, row: Any, name: str, begun: SafeString, leads: bool) -> tuple[Any, Any, SafeString]:
    value = page.model_admin.cell(name, row)
    shown = "" if value is None else localize(value)
    return (begun, _leading(page, row, shown), TH) if leads else (begun, shown, TD)


def _leading(page: Any, row: Any, shown: Any) -> Any:
    try:
        return format_html('<a href="{}">{}</a>', page.url_for_result(row), shown)
    except NoReverseMatch:
        return shown  # rows of this kind have no page
