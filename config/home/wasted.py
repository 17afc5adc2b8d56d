"""What is wasted, by kind, each with its list."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.postgres.expressions import ArraySubquery
from django.urls import reverse

from commerce.amounts import money
from commerce.operations.procurement import all_wasted
from commerce.operations.procurement.wasted import Sum
from licensing.models import Waste
from tenants.access import Actor, Right


def parts(actor: Actor, used: int) -> list[ArraySubquery]:
    """What has to be asked; of more seats in use than can be gone through, nothing."""
    if actor.tenant is None or not _may_know(actor) or used > all_wasted.MOST_SEATS:
        return []
    return all_wasted.parts(actor.tenant, by=actor, at=actor.now())


def wasted(actor: Actor, found: Sequence[Any]) -> dict[str, Any] | None:
    """None: it is not the reader's to know. `counted`: its lines have figures, and are those that have any."""
    if not _may_know(actor):
        return None
    sums = all_wasted.read(found) if found else {}
    return {
        "counted": bool(found),
        "lines": [
            {"name": kind.label, "url": _list(kind), **_figures(sums.get(kind))}
            for kind in Waste
            if not found or sums[kind].seats
        ],
    }


def _may_know(actor: Actor) -> bool:
    return actor.tenant is not None and actor.may(Right.SEE_WASTE)


def _list(kind: Waste) -> str:
    return f"{reverse('admin:licensing_wastedseat_changelist')}?{urlencode({'waste': kind.value})}"


def _figures(total: Sum | None) -> dict[str, Any]:
    if total is None:
        return {}
    costs = [money(amount, currency) for currency, amount in total.costs.items()]
    return {"seats": total.seats, "costs": costs}
