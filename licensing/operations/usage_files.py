"""Use that stands in a file: who used which product last, a line each; all of it is kept, or nothing."""

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from licensing import csv_rows
from licensing.csv_rows import Row
from licensing.files import Change, Effect, Problems, day, once
from licensing.models import Product
from licensing.operations import usage
from licensing.operations.usage import Use
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.journal import events

COLUMNS = ("email", "product", "last_used_at")


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line that names somebody and something; no moment: they never used it."""

    line: int
    email: str
    member: UUID
    product: str
    used_at: datetime | None

    @property
    def name(self) -> str:
        return f"{self.email} {self.product}"


@transaction.atomic
def load(*, tenant: Tenant, text: str, name: str, by: Actor, at: datetime, dry_run: bool = False) -> list[Change]:
    """
    Keep what a file says of use. An earlier use than the one that is known stays out; a moment that is left empty says
    that somebody never used it.

    :raises NotAllowed: nobody who assigns the tenant's seats
    :raises FileRefused: anything in it is wrong; each line is named, and nothing was written
    """
    by.require_in(tenant, Right.ASSIGN_CENTRAL_SEATS)
    problems = Problems(name)
    rows = list(csv_rows.parse(text, problems, required=COLUMNS))
    lines = _lines(tenant, rows, problems, at=at)
    if not (rows or problems.found):
        problems.add(0, _("There is no use below the header."))
    once(((line.name, line) for line in lines), _("use %(name)r"), problems)
    problems.refuse_if_any()
    known = usage.uses_of(tenant)
    changes = [Change("use", line.name, _effect(line, known)) for line in lines]
    if not dry_run:
        usage.keep(
            tenant, [Use(member=each.member, product=each.product, used_at=each.used_at) for each in lines], at=at
        )
        events.record("usage.imported", tenant=tenant, by=by, at=at, rows=len(lines))
    return changes


def _lines(tenant: Tenant, rows: list[tuple[int, Row]], problems: Problems, *, at: datetime) -> list[_Line]:
    emails = {row["email"].lower() for _number, row in rows}
    people = Membership.objects.of(tenant).by_email(sorted(emails)).values_list("user__email", "pk")
    members = dict(people)
    products = set(Product.objects.values_list("pk", flat=True))
    found = []
    for number, row in rows:
        email, product = row["email"].lower(), row["product"]
        used_at = _moment(tenant, number, row["last_used_at"], problems, at=at)
        if email not in members:
            problems.add(number, _("email: %(value)r is nobody of this organisation.") % {"value": email[:254]})
        elif product not in products:
            problems.add(number, _("product: there is no %(value)r. Write its id.") % {"value": product[:40]})
        else:
            found.append(_Line(line=number, email=email, member=members[email], product=product, used_at=used_at))
    return found


def _moment(tenant: Tenant, number: int, typed: str, problems: Problems, *, at: datetime) -> datetime | None:
    """A day begins, and a moment without an offset is, in the tenant's own time."""
    if not typed:
        return None
    told = {"value": typed[:80]}
    whole = day(typed)
    try:
        moment = datetime.combine(whole, time()) if whole else parse_datetime(typed)
    except ValueError:
        moment = None
    if moment is None:
        problems.add(
            number,
            _("last_used_at: %(value)r is no moment. Write it as 2026-01-31 or 2026-01-31T14:05:00+01:00.") % told,
        )
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=tenant.zone)
    if moment > at + usage.AHEAD:
        problems.add(number, _("last_used_at: %(value)r is in the future.") % told)
    elif moment < usage.EARLIEST:
        problems.add(number, _("last_used_at: %(value)r is before the year 2000.") % told)
    return min(moment, at)


def _effect(line: _Line, known: dict[tuple[UUID, str], datetime | None]) -> Effect:
    key = (line.member, line.product)
    if key not in known:
        return Effect.ADDED
    before = known[key]
    later = line.used_at is not None and (before is None or line.used_at > before)
    return Effect.CHANGED if later else Effect.UNCHANGED
