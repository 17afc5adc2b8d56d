"""The spend limits that a member's purchases count towards, with what is taken of each."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from licensing.models import Product
from policies.facts import LimitRow, Source
from policies.models import SpendLimit
from policies.spending import Proposal, month_of, period
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.tree import and_above

# A limit, and how much of it a purchase takes.
Weighed = tuple[SpendLimit, LimitRow]


def taken(
    member: Membership, departments: Iterable[Any], *, at: datetime, subject: UUID | None = None
) -> list[SpendLimit]:
    """
    Those that fit a member, with what is taken of them but for what `subject` takes itself: one query, and another for
    the sums where there is a limit at all.
    """
    tenant = member.tenant
    found = list(SpendLimit.objects.fitting(member, list(departments)).select_related("set_by"))
    if not found:
        return found
    weighed = SpendLimit.objects.filter(pk__in=[limit.pk for limit in found])
    summed = weighed.with_committed(tenant, this_month(tenant, at), subject).only("pk")
    sums = {limit.pk: limit.committed for limit in summed}
    # One that somebody ends between the two queries is over.
    found = [limit for limit in found if limit.pk in sums]
    for limit in found:
        limit.committed = sums[limit.pk]
    return found


def weighed(limits: Iterable[SpendLimit], proposal: Proposal | None, *, month: int) -> list[Weighed]:
    """Each with what a proposal adds to it."""
    return [(limit, _row(limit, proposal, month)) for limit in limits]


def rows(weighed_: Iterable[Weighed], product: Product, *, counts_as: str) -> list[LimitRow]:
    """As the rule weighs them: those that count this product, bought so."""
    return [row for limit, row in weighed_ if limit.fits(product.pk, counts_as)]


def this_month(tenant: Tenant, at: datetime) -> int:
    return month_of(at.astimezone(tenant.zone))


def own_departments(member: Membership) -> dict[Any, Department]:
    """The member's department and those above it: what is said of any of them is said of the member."""
    if member.department_id is None:
        return {}
    every = {d.pk: d for d in Department.objects.filter(tenant_id=member.tenant_id)}
    parents = {pk: department.parent_id for pk, department in every.items()}
    return {pk: every[pk] for pk in and_above(member.department_id, parents) if pk in every}


def _row(limit: SpendLimit, proposal: Proposal | None, month: int) -> LimitRow:
    comparable = proposal is None or proposal.currency == limit.currency
    adds = proposal.adds(*period(limit.period, month)) if proposal and comparable else Decimal(0)
    return LimitRow(
        id=str(limit.pk),
        mode=limit.mode,
        amount=limit.amount,
        committed=limit.committed,
        adds=adds,
        currency=limit.currency,
        # What cannot be compared is not within the limit.
        comparable=comparable,
        source=Source(
            level=limit.level,
            id=str(limit.pk),
            set_by=limit.set_by.email if limit.set_by else "",
            set_at=limit.set_at,
        ),
    )
