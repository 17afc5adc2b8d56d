"""Who used what last, as products report it, and how much of what the seats bring is in use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import CapacityUse, Product, ProductUse
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import BadInput

# Clocks of others run ahead a little.
AHEAD = timedelta(minutes=5)
# An earlier moment is a mistake: no product that reports its use is as old.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
MOST_CAPACITY = 10**15

# The latest use counts, in whatever order reports come in. In the order of the keys: nobody waits in a circle.
_KEEP = """
    INSERT INTO licensing_productuse AS there
        (id, tenant_id, member_id, product_id, last_used_at, first_reported_at, reported_at)
    SELECT told.id, %(tenant)s, told.member, told.product, told.used_at, %(at)s, %(at)s
    FROM unnest(%(ids)s::uuid[], %(members)s::uuid[], %(products)s::text[], %(used)s::timestamptz[])
        AS told (id, member, product, used_at)
    ORDER BY told.member, told.product
    ON CONFLICT (member_id, product_id) DO UPDATE
    SET last_used_at = GREATEST(there.last_used_at, excluded.last_used_at),
        reported_at = GREATEST(there.reported_at, excluded.reported_at)
"""


@dataclass(frozen=True, kw_only=True)
class Use:
    """That a member used a product last at a moment, or, without one, never did."""

    member: UUID
    product: str
    used_at: datetime | None


@transaction.atomic
def report(*, member: Membership, product: Product, used_at: datetime, by: Actor, at: datetime) -> datetime:
    """
    Keep that somebody used a product. An earlier use than the one that is known changes nothing but when it was
    reported. No event tells it: products report it at each door. Returns the moment that was kept.

    :raises NotAllowed: neither the person nor somebody who assigns the tenant's seats
    :raises BadInput: a use that is yet to come, or of the last century
    """
    if not by.is_member(member.pk):
        by.require_in(member.tenant, Right.ASSIGN_CENTRAL_SEATS)
    if used_at > at + AHEAD:
        raise BadInput(_("Nobody has used it yet: this is in the future."), field="at", code="in_the_future")
    if used_at < EARLIEST:
        raise BadInput(_("This is before the year 2000. Send when they used it last."), field="at", code="too_long_ago")
    used_at = min(used_at, at)
    keep(member.tenant, [Use(member=member.pk, product=product.pk, used_at=used_at)], at=at)
    return used_at


def keep(tenant: Tenant, uses: Sequence[Use], *, at: datetime) -> None:
    """For a caller who has asked who may; each member and product at most once."""
    if not uses:
        return
    told: dict[str, Any] = {
        "tenant": tenant.pk,
        "at": at,
        "ids": [new_id() for _use in uses],
        "members": [use.member for use in uses],
        "products": [use.product for use in uses],
        "used": [use.used_at for use in uses],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, told)


def uses_of(tenant: Tenant) -> dict[tuple[UUID, str], datetime | None]:
    """What is known of a tenant's people, by member and product; one query."""
    known = ProductUse.objects.of(tenant).values_list("member", "product", "last_used_at")
    return {(member, product): used_at for member, product, used_at in known}


@transaction.atomic
def report_capacity(*, tenant: Tenant, product: Product, in_use: Mapping[str, int], by: Actor, at: datetime) -> None:
    """
    Keep how much of what a product brings is in use now; kinds that are not named stay as they were reported.

    :raises NotAllowed: nobody who assigns the tenant's seats
    :raises BadInput: a kind that the product does not bring, or no such amount
    """
    by.require_in(tenant, Right.ASSIGN_CENTRAL_SEATS)
    for kind, amount in in_use.items():
        if kind not in product.capacity:
            told = {"kind": kind[:40], "known": ", ".join(product.capacity) or "–"}
            wrong = _("The product brings no “%(kind)s”. It brings: %(known)s.")
            raise BadInput(str(wrong) % told, field="in_use", code="does_not_exist")
        if not 0 <= amount <= MOST_CAPACITY:
            raise BadInput(_("Type an amount of zero or more."), field="in_use", code="out_of_range")
    rows = [
        CapacityUse(tenant=tenant, product=product, kind=kind, in_use=amount, reported_at=at)
        for kind, amount in sorted(in_use.items())
    ]
    CapacityUse.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "product", "kind"],
        update_fields=["in_use", "reported_at"],
    )
    events.record(
        "capacity.reported",
        tenant=tenant,
        by=by,
        at=at,
        subject=product.pk,
        product=product.pk,
        in_use=dict(sorted(in_use.items())),
    )
