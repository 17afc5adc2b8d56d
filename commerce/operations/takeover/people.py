"""Who is moved by a take-over, who of them needs a seat for it, and who loses access."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from commerce.operations.takeover import standing
from licensing.models import Channel, Seat, Subscription
from licensing.operations import central_seats
from licensing.operations.seats import MemberNotActive
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.directory.models import Membership
from tenants.refusal import BadInput


@dataclass(frozen=True, kw_only=True)
class People:
    """`moved` go on with a seat of the organisation's, of whom `given` get one now; `losing` seats end without."""

    moved: tuple[Membership, ...] = ()
    given: tuple[Membership, ...] = ()
    losing: tuple[Seat, ...] = ()


def of_move(subscription: Subscription, members: Sequence[Membership] | None) -> People:
    """
    All who hold a seat and are here, or these alone. Whoever has a seat of the product from the organisation keeps
    that one, and gets no second one.

    :raises BadInput: somebody who holds no seat of it. :raises MemberNotActive: disabled, or has left
    """
    held = _held(subscription)
    chosen = [seat.member for seat in held if seat.member.is_active] if members is None else list(members)
    holders = {seat.member_id for seat in held}
    for member in chosen:
        if member.pk not in holders:
            said = _("“%(email)s” holds no seat of it.") % {"email": member.user.email}
            raise BadInput(said, field="members", code="no_seat")
        if not member.is_active:
            raise MemberNotActive(member.user.email)
    served = _served(subscription, held)
    moved = {member.pk for member in chosen}
    return People(
        moved=tuple(chosen),
        given=tuple(member for member in chosen if member.pk not in served),
        losing=tuple(_without(held, moved | served)),
    )


def of_end(subscription: Subscription) -> People:
    """Nobody is moved."""
    held = _held(subscription)
    return People(losing=tuple(_without(held, _served(subscription, held))))


def require_target(subscription: Subscription, target: Subscription | None) -> Subscription:
    """
    :raises BadInput: none, or one that its people cannot be moved to: not the organisation's own, of another product,
        a trial, or itself. :raises SubscriptionInactive: nobody has access by it
    """
    if target is None:
        raise BadInput(
            _("Name the central subscription that its people are moved to."),
            field="target_subscription",
            code="required",
        )
    fits = (
        target.tenant_id == subscription.tenant_id
        and target.pk != subscription.pk
        and target.owner_id is None
        and target.channel != Channel.PARTNER
        and not standing.is_open(target)
    )
    if not fits or target.is_trial:
        raise BadInput(
            _("Name a subscription that the organisation bought, and that is not just being taken over."),
            field="target_subscription",
            code="not_central",
        )
    if target.plan.product_id != subscription.plan.product_id:
        raise BadInput(_("It is of another product."), field="target_subscription", code="other_product")
    if not target.gives_access:
        raise SubscriptionInactive
    return target


def _held(subscription: Subscription) -> list[Seat]:
    held = Seat.objects.open().filter(subscription=subscription).select_related("member__user", "member__tenant")
    return list(held.order_by("assigned_at", "pk"))


def _served(subscription: Subscription, held: list[Seat]) -> set[UUID]:
    """Who of them has a seat of the product from the organisation already."""
    own = central_seats.own_held_by([seat.member for seat in held], subscription.plan.product)
    return set(own.exclude(subscription=subscription).values_list("member", flat=True))


def _without(held: list[Seat], others: set[UUID]) -> list[Seat]:
    return [seat for seat in held if seat.member_id not in others and seat.member.is_active]
