"""Central seats that people take by using a product: for which products, up to how many, and the claim itself."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product, Seat
from licensing.models.seat import SeatQuerySet
from licensing.operations import central_seats
from licensing.operations.entitlements import Entitlement
from policies.models import AutoClaim
from policies.operations import access
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput
from tenants.text import checked_reason

HIGHEST_CEILING = 1_000_000
# What is said of somebody whom a seat would help.
_HELPED_BY_A_SEAT = ("no_seat", "subscription_disabled")


@transaction.atomic
def allow(*, tenant: Tenant, product: Product, ceiling: int, reason: str, by: Actor, at: datetime) -> AutoClaim:
    """
    Let people of a tenant take a free central seat of a product by using it, as long as no more than `ceiling` hold
    one that they took so. Another ceiling than before: seats that were taken stay. The same again changes nothing.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: no ceiling of at least one seat, or no reason
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    reason = checked_reason(reason)
    if not 1 <= ceiling <= HIGHEST_CEILING:
        raise BadInput(_("Type a number of seats, at least one."), field="ceiling", code="out_of_range")
    organisations.lock(tenant)
    there = AutoClaim.objects.of(tenant).filter(product=product).locked().first()
    before = there.ceiling if there else None
    if there is not None and before == ceiling:
        return there
    said, _new = AutoClaim.objects.update_or_create(
        tenant=tenant,
        product=product,
        defaults={"ceiling": ceiling, "reason": reason, "set_by": by.user, "set_at": at},
    )
    _record("auto_claim.set", said, old=before, new=ceiling, reason=reason, by=by, at=at)
    return said


@transaction.atomic
def forbid(*, auto_claim: AutoClaim, reason: str, by: Actor, at: datetime) -> None:
    """
    Let nobody take a seat of it by using it any more; seats that were taken stay.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: no reason
    """
    by.require_in(auto_claim.tenant, Right.CHANGE_POLICY)
    reason = checked_reason(reason)
    organisations.lock(auto_claim.tenant)
    there = AutoClaim.objects.filter(pk=auto_claim.pk).locked().first()
    if there is not None:
        _record("auto_claim.removed", there, old=there.ceiling, new=None, reason=reason, by=by, at=at)
        there.delete()


def taken(tenant: Tenant, product: Product) -> SeatQuerySet:
    """The seats of a product that people hold because they used it."""
    return Seat.objects.of(tenant).claimed_by_themselves().filter(subscription__plan__product=product)


def use(*, member: Membership, product: Product, by: Actor, at: datetime) -> Entitlement:
    """
    What `access.entitlement` says of somebody who uses a product; who has no seat is given one, where the tenant lets
    people claim, its ceiling leaves room, a seat is free, and no access policy shuts them out.
    """
    answer = access.entitlement(member=member, product=product)
    if answer.reason not in _HELPED_BY_A_SEAT or member.is_guest:
        return answer
    rule = AutoClaim.objects.of(member.tenant).filter(product=product).first()
    # Asked at every door of the product: nobody waits for a lock where there is nothing to take.
    if rule is None or not _has_room(rule) or access.is_shut_out(member, product):
        return answer
    _claim(rule, member, by=by, at=at)
    # Also where nothing was claimed: of two first uses at one moment the other has brought the seat.
    return access.entitlement(member=member, product=product)


@transaction.atomic
def _claim(rule: AutoClaim, member: Membership, *, by: Actor, at: datetime) -> Seat | None:
    # Row lock: of two who claim at the ceiling the second counts the first.
    locked = AutoClaim.objects.filter(pk=rule.pk).select_related("tenant", "product").locked().first()
    if locked is None or not _has_room(locked):
        return None
    return central_seats.claim(tenant=locked.tenant, product=locked.product, member=member, by=by, at=at)


def _has_room(rule: AutoClaim) -> bool:
    return taken(rule.tenant, rule.product).count() < rule.ceiling and central_seats.free(rule.tenant, rule.product) > 0


def _record(
    type: str, rule: AutoClaim, *, old: int | None, new: int | None, reason: str, by: Actor, at: datetime
) -> None:
    events.record(
        type,
        tenant=rule.tenant,
        by=by,
        at=at,
        subject=rule.product_id,
        product=rule.product_id,
        old=old,
        new=new,
        reason=reason,
    )
