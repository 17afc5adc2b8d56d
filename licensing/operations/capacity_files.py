"""Capacity in use that stands in a file, a kind of a product a line; all of it is kept, or nothing."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from licensing import csv_rows
from licensing.csv_rows import Row
from licensing.files import Change, Effect, Problems, once
from licensing.models import CapacityUse, Product
from licensing.operations import usage
from tenants.access import Actor, Right
from tenants.directory.models import Tenant

COLUMNS = ("product", "kind", "in_use")


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line whose product brings what it names."""

    line: int
    product: Product
    kind: str
    in_use: int

    @property
    def name(self) -> str:
        return f"{self.product.pk} {self.kind}"


@transaction.atomic
def load(*, tenant: Tenant, text: str, name: str, by: Actor, at: datetime, dry_run: bool = False) -> list[Change]:
    """
    Keep what a file says is in use of what a tenant's seats bring.

    :raises NotAllowed: nobody who assigns the tenant's seats
    :raises FileRefused: anything in it is wrong; each line is named, and nothing was written
    """
    by.require_in(tenant, Right.ASSIGN_CENTRAL_SEATS)
    problems = Problems(name)
    rows = list(csv_rows.parse(text, problems, required=COLUMNS))
    products = Product.objects.in_bulk({row["product"] for _number, row in rows})
    read = [_line(number, row, products.get(row["product"]), problems) for number, row in rows]
    lines = [line for line in read if line is not None]
    if not (rows or problems.found):
        problems.add(0, _("There is no capacity below the header."))
    once(((line.name, line) for line in lines), _("capacity %(name)r"), problems)
    problems.refuse_if_any()
    known = {(use.product_id, use.kind): use.in_use for use in CapacityUse.objects.of(tenant)}
    changes = [Change("capacity", line.name, _effect(line, known)) for line in lines]
    if not dry_run:
        _keep(tenant, lines, by=by, at=at)
    return changes


def _keep(tenant: Tenant, lines: list[_Line], *, by: Actor, at: datetime) -> None:
    told: dict[Product, dict[str, int]] = defaultdict(dict)
    for line in lines:
        told[line.product][line.kind] = line.in_use
    for product, in_use in told.items():
        usage.report_capacity(tenant=tenant, product=product, in_use=in_use, by=by, at=at)


def _line(number: int, row: Row, product: Product | None, problems: Problems) -> _Line | None:
    kind, amount = row["kind"], row["in_use"]
    whole = int(amount) if amount.isascii() and amount.isdigit() and len(amount) < 17 else None
    if whole is None or whole > usage.MOST_CAPACITY:
        problems.add(number, _("in_use: %(value)r is no whole amount.") % {"value": amount[:40]})
    if product is None:
        problems.add(number, _("product: there is no %(value)r. Write its id.") % {"value": row["product"][:40]})
    elif kind not in product.capacity:
        told = {"value": kind[:40], "known": ", ".join(product.capacity) or "–"}
        problems.add(number, _("kind: the product brings no %(value)r. It brings: %(known)s.") % told)
    elif whole is not None:
        return _Line(line=number, product=product, kind=kind, in_use=whole)
    return None


def _effect(line: _Line, known: dict[tuple[str, str], int]) -> Effect:
    before = known.get((line.product.pk, line.kind))
    if before is None:
        return Effect.ADDED
    return Effect.UNCHANGED if before == line.in_use else Effect.CHANGED
