"""May this person use this product now? Read by the products themselves, so it is one query."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from licensing.models import Product, Seat, SubscriptionState
from tenants.directory.models import Membership


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """`reason` is `seat`, `no_seat`, `subscription_disabled` or `member_not_active`; `until` when access ends."""

    entitled: bool
    reason: str
    until: datetime | None = None
    subscription: UUID | None = None


def entitlement(*, member: Membership, product: Product) -> Entitlement:
    """The best of a person's seats of a product: the one whose access lasts longest."""
    if not member.is_active:
        return Entitlement(entitled=False, reason="member_not_active")
    seats = Seat.objects.open().filter(member=member, subscription__plan__product=product)
    best = (
        seats.with_access()
        .order_by(F("subscription__state_ends_at").desc())
        .values("subscription_id", "subscription__state_ends_at")
        .first()
    )
    if best is not None:
        return Entitlement(
            entitled=True,
            reason="seat",
            until=best["subscription__state_ends_at"],
            subscription=best["subscription_id"],
        )
    lost = seats.filter(subscription__state=SubscriptionState.DISABLED).exists()
    return Entitlement(entitled=False, reason="subscription_disabled" if lost else "no_seat")
