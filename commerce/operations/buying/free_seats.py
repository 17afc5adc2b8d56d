"""Seats that the tenant has bought already and nobody uses: offered before a card is charged."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from commerce.models import Checkout, CheckoutState
from commerce.operations.buying import checkouts
from commerce.operations.paying import settlement
from licensing.models import Product, Seat, Subscription, SubscriptionState
from licensing.operations import central_seats, seats
from licensing.operations.seats import NoSeatLeft
from policies.operations import settings
from tenants.access import Actor
from tenants.directory.models import Membership
from tenants.refusal import BadInput, NotAllowed, Refused


class ClaimingNotAllowed(Refused):
    http_status = 403
    message = _("Your organisation's admins give its seats. Ask them for one.")


class HasSeatAlready(Refused):
    message = _("You have a seat of this product already.")


@dataclass(frozen=True, kw_only=True)
class FreeSeats:
    """Room in a subscription of the tenant's own. `until`: when its access ends as things stand."""

    subscription: Subscription
    product: Product
    seats_free: int
    until: datetime | None


def offered(*, product: Product, member: Membership) -> list[FreeSeats]:
    """What a member may claim: nothing where the tenant does not let them, or who has a seat already. Longest first."""
    if member.is_guest or not settings.members_claim_seats(member.tenant) or _has_seat(member, product):
        return []
    found = central_seats.own(member.tenant, product).with_room().select_related("plan__product")
    return [
        FreeSeats(
            subscription=subscription,
            product=subscription.plan.product,
            seats_free=subscription.seats_free,
            until=subscription.state_ends_at,
        )
        for subscription in found.order_by(F("state_ends_at").desc(), "pk")
    ]


def to_ask_for(*, product: Product, member: Membership) -> bool:
    """Whether the tenant has a free seat that its members do not take themselves: a licence request gets it."""
    if member.is_guest or settings.members_claim_seats(member.tenant) or _has_seat(member, product):
        return False
    return central_seats.free(member.tenant, product) > 0


def use_instead(*, checkout: Checkout, subscription: UUID | None = None, by: Actor, at: datetime) -> Seat:
    """
    Take a free seat instead of paying: the checkout is canceled. `subscription` is the one to take it from, default the
    one that lasts longest. A card that waits for its holder is released first.

    :raises NotAllowed: `by` is not its buyer
    :raises ClaimingNotAllowed: the tenant's members do not claim seats
    :raises HasSeatAlready: of this product
    :raises NoSeatLeft: somebody was faster
    :raises BadInput: no such subscription of the tenant's own
    :raises CheckoutClosed: paid, expired or canceled
    :raises PaymentInProgress: a card is being charged, or the provider does not answer
    """
    checkouts.require_buyer(checkout, by)
    if offered(product=checkout.plan.product, member=by.home):
        settlement.release_card(checkout=checkout, at=at)
    with transaction.atomic():
        checkout = Checkout.objects.locked().select_related("plan__product", "tenant").get(pk=checkout.pk)
        checkouts.require_unpaid(checkout, at=at)
        seat = _take(checkout.plan.product, subscription, by=by, at=at)
        settlement.end_checkout(checkout=checkout, state=CheckoutState.CANCELED, by=by, at=at)
    return seat


@transaction.atomic
def claim(*, product: Product, subscription: UUID | None = None, by: Actor, at: datetime) -> Seat:
    """
    Take a free seat, also for whoever may not buy. `subscription` as for `use_instead`.

    :raises ClaimingNotAllowed: :raises HasSeatAlready: :raises NoSeatLeft: :raises BadInput: as `use_instead`
    :raises NotAllowed: a guest
    """
    return _take(product, subscription, by=by, at=at)


def held(*, product: Product, member: Membership) -> Seat | None:
    """A seat of the tenant's own that somebody has, for the retry of a call that died before it could answer."""
    own = Seat.objects.open().filter(member=member, subscription__in=central_seats.own(member.tenant, product))
    return own.with_people().order_by("-assigned_at", "-pk").first()


def _take(product: Product, subscription: UUID | None, *, by: Actor, at: datetime) -> Seat:
    tenant, member = by.home.tenant, by.home
    if member.is_guest:
        raise NotAllowed(_("Guests have seats in their own organisation."))
    if not settings.members_claim_seats(tenant):
        raise ClaimingNotAllowed
    # All of the product, in the order of their keys: of two claims of one person the second sees the first one's seat.
    rows = list(central_seats.own(tenant, product).locked())
    if _has_seat(member, product):
        raise HasSeatAlready
    wanted = [row for row in rows if subscription in (None, row.pk)]
    if subscription is not None and not wanted:
        raise BadInput(_("There is no such subscription."), field="subscription", code="does_not_exist")
    with_room = central_seats.longest_first(row for row in wanted if row.seats_free)
    if not with_room:
        raise NoSeatLeft
    [seat] = seats.place(subscription=with_room[0], members=[member], by=by, at=at)
    return seat


def _has_seat(member: Membership, product: Product) -> bool:
    held = Seat.objects.open().filter(member=member, subscription__plan__product=product).with_access()
    # A trial ends by itself: a seat that the organisation has is better.
    return held.exclude(subscription__state=SubscriptionState.TRIAL).exists()
