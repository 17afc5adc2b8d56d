"""What the pages of a take-over show of it: its money line by line, and its people."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from commerce.amounts import money
from commerce.operations.changes.quotes import Position
from commerce.operations.takeover.showing import Shown
from commerce.views import wording
from commerce.views.wording import Line
from tenants.dates import listed_day
from tenants.directory.models import Membership

# A page names this many people; the number of all of them stands beside.
SHOWN_PEOPLE = 100


def money_of(shown: Shown) -> dict[str, Any] | None:
    """`lines` go back, or why they do not; `total_label` says when. None: no money moves, now or later."""
    renews = shown.next_term
    if not shown.lines and not shown.total and not shown.charge and renews is None:
        return None
    return {
        "lines": _lines(shown.lines, shown),
        "charge": shown,
        "total_label": _label(shown),
        "organisation_pays": money(shown.charge, shown.currency) if shown.charge else "",
        "renews": _renewal(shown),
        "kept": not shown.refunds and bool(shown.lines),
    }


def _label(shown: Shown) -> str:
    if shown.take_over is not None and not shown.take_over.is_open:
        return _("Went back") if shown.total else _("Nothing went back")
    return _("Goes back when it is settled") if shown.total else _("Nothing goes back")


def _lines(positions: Sequence[Position], shown: Shown) -> list[Line]:
    return wording.position_lines(positions, shown.subscription.zone)


def _renewal(shown: Shown) -> str:
    found = shown.next_term
    if found is None:
        return ""
    told = {
        "total": money(found.total, found.currency),
        "unit": money(found.unit_price, found.currency),
        "quantity": found.quantity,
        "day": listed_day(found.at),
    }
    return _("Renews on %(day)s: %(quantity)s × %(unit)s, with tax %(total)s, paid by the organisation.") % told


def people_of(shown: Shown) -> dict[str, Any] | None:
    moved, losing = list(shown.moved), [seat.member for seat in shown.losing]
    if not moved and not losing:
        return None
    return {"moved": _named(moved), "losing": _named(losing), "target": shown.target}


def _named(people: Sequence[Membership]) -> dict[str, Any]:
    return {"count": len(people), "people": people[:SHOWN_PEOPLE], "more": max(len(people) - SHOWN_PEOPLE, 0)}
