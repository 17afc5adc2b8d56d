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


def taken(
    member: Membership, departments: Iterable[Any], *, at: datetime, subject: UUID | None = None
) -> list[SpendLimit]:
    """Those that fit a member, with what is taken of them but for what `subject` takes itself; one query."""
    tenant = member.tenant
    found = SpendLimit.objects.fitting(member, list(departments)).with_sums(tenant, this_month(tenant, at), subject)
    return list(found.select_related("set_by"))


def rows(
    limits: Iterable[SpendLimit], product: Product, *, proposal: Proposal | None, counts_as: str, month: int
) -> list[LimitRow]:
    """As the rule weighs them: those that count this product, bought so."""
    return [_row(limit, proposal, month) for limit in limits if limit.fits(product.pk, counts_as)]


def this_month(tenant: Tenant, at: datetime) -> int:
    return month_of(at.astimezone(tenant.zone))


def own_departments(member: Membership) -> dict[Any, Department]:
    """The member's department and those above it: what is said of any of them is said of the member."""
    if member.department_id is None:
        return {}
    every = {d.pk: d for d in Department.objects.filter(tenant_id=member.tenant_id)}
    own: dict[Any, Department] = {}
    current = every.get(member.department_id)
    while current is not None and current.pk not in own:
        own[current.pk] = current
        current = every.get(current.parent_id) if current.parent_id else None
    return own


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
