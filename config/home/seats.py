"""What is bought and used: in all, by product, and by department or organisation, over what is summed up already."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import BigIntegerField, CharField, Value
from django.utils.translation import gettext as _

from commerce.operations.procurement import customers, found
from config.home import charts
from config.home.reach import Reach
from licensing.models import SeatTally
from licensing.models.tally import SeatTallyQuerySet
from tenants.directory.models import Department
from tenants.directory.tree import and_above

# Of products, departments and organisations.
SHOWN = 8
FIGURES = ("purchases", "seats", "used")
Row = dict[str, Any]


def seats(reach: Reach) -> dict[str, Any]:
    """Of one organisation one query, of several two."""
    tally = SeatTally.objects.among(reach.tenants).of_channels(reach.channels)
    rows, others = _of_one(tally, reach) if reach.of_one else _of_several(tally, reach)
    products = _groups(rows, "product", "product__name")
    bought, used = sum(each["seats"] for each in products), sum(each["used"] for each in products)
    return {
        "purchases": sum(each["purchases"] for each in products),
        "seats": bought,
        "used": used,
        "unused": bought - used,
        "percent": round(100 * used / bought) if bought else 0,
        "bars": charts.share(used, bought, bought),
        "unused_url": reach.purchases(unused="1"),
        "by_product": _shown(products, lambda product: reach.purchases(product=str(product["key"]))),
        "by_other": others,
    }


def _of_several(tally: SeatTallyQuerySet, reach: Reach) -> tuple[list[Row], dict[str, Any]]:
    """An operator has thousands of organisations: those are summed up by themselves, the largest alone."""
    rows = list(tally.summed_by("product", "product__name"))
    organisations = tally.summed_by("tenant__slug", "tenant__name").order_by("-all_seats", "tenant__name")
    groups = _groups(organisations[: SHOWN + 1], "tenant__slug", "tenant__name")
    narrows = customers.CUSTOMER if reach.of_customers else found.TENANT
    return rows, _shown(groups, lambda group: reach.purchases(**{narrows: str(group["key"])}))


# --- Departments


def _of_one(tally: SeatTallyQuerySet, reach: Reach) -> tuple[list[Row], dict[str, Any]]:
    """Each department with those below it, as the list that it leads to has them."""
    of_each = ("product", "product__name", "department", "department__name", "department__parent")
    # A department of which nobody bought anything may stand between two others: all are read, in the same query.
    there = Department.objects.filter(tenant__in=reach.tenants or ()).values_list(
        *[Value(None, CharField())] * 2, "pk", "name", "parent", *[Value(0, BigIntegerField())] * len(FIGURES)
    )
    rows = list(tally.summed_by(*of_each).union(there, all=True))
    bought = [row for row in rows if row["product"]]
    names = {row["department"]: row["department__name"] for row in rows if row["department"]}
    parents = {row["department"]: row["department__parent"] for row in rows if row["department"]}
    counted = [
        {**row, "department": each, "department__name": names.get(each)}
        for row in bought
        # Who is in none stands below nothing.
        for each in (and_above(row["department"], parents) or (None,))
    ]
    shown = _shown(
        _groups(counted, "department", "department__name"),
        lambda group: reach.purchases(department=_asked_for(group, names)),
    )
    return bought, {**shown, "nested": len(counted) > len(bought)}


def _asked_for(group: Row, names: Mapping[Any, str]) -> str:
    """By its name, which people can read, unless the filter would take that for more, or for something else."""
    if group["key"] is None:
        return found.NO_DEPARTMENT
    name = str(group["name"])
    alike = [each for each in names.values() if each.lower() == name.lower()]
    return name if len(alike) == 1 and name == name.strip() and name != found.NO_DEPARTMENT else str(group["key"])


# --- Lines


def _groups(rows: Iterable[Row], key: str, name: str) -> list[Row]:
    """Rows of one key summed up, the one with most seats first."""
    groups: dict[Any, Row] = {}
    for row in rows:
        group = groups.setdefault(row[key], {"key": row[key], "name": row[name], **dict.fromkeys(FIGURES, 0)})
        for figure in FIGURES:
            group[figure] += row[f"all_{figure}"]
    return sorted(groups.values(), key=lambda group: (-group["seats"], str(group["name"])))


def _shown(groups: Sequence[Row], url: Callable[[Row], str]) -> dict[str, Any]:
    most = max((group["seats"] for group in groups), default=0)
    lines = [
        {
            **group,
            "name": group["name"] or _("No department"),
            "url": url(group),
            "bars": charts.share(group["used"], group["seats"], most),
        }
        for group in groups[:SHOWN]
    ]
    return {"lines": lines, "more": len(groups) - len(lines)}
