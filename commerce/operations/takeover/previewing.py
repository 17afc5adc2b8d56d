"""What a take-over does, to whom, and what it moves of whose money: the same when it is shown and when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import TakeOverMode
from commerce.models.takeover import ENDS_IT
from commerce.operations.buying import ordering
from commerce.operations.changes import quotes
from commerce.operations.changes.quotes import Position
from commerce.operations.handover import offers
from commerce.operations.leaving import adoption
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying import open_orders
from commerce.operations.pricing.next_charge import NextCharge
from commerce.operations.takeover import people, returning, standing, terms
from commerce.operations.takeover.people import People
from commerce.tax import ByTerms, TaxTerms
from licensing.calendar import days_later
from licensing.models import Channel, EndCause, Subscription
from licensing.operations import seats
from licensing.operations.lifecycle_days import days_of
from licensing.operations.seats import NoSeatLeft
from licensing.operations.subscriptions import SubscriptionInactive
from policies.operations import take_overs
from tenants.access import Actor, Right
from tenants.directory.models import Membership
from tenants.refusal import BadInput, Refused
from tenants.text import checked_reason


class NotSelfService(Refused):
    message = _("Only what one of your people bought can be taken over.")


class OwnedAlready(Refused):
    message = _("It is the organisation's own already.")


class TrialNotTakenOver(SubscriptionInactive):
    message = _("This is a trial, which costs nothing. Cancel it instead.")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How something is to be taken over. `members`: those who are moved; none: all. `payer`: of what is adopted."""

    mode: str
    target: Subscription | None = None
    members: Sequence[Membership] | None = None
    payer: Payer | None = None
    reimburse: bool = False
    reason: str = ""
    # For a preview: a card of the organisation is to pay that is kept only when it is done.
    new_card: bool = False


@dataclass(frozen=True, kw_only=True)
class Preview(ByTerms):
    """
    At once: people are moved or lose access, or the organisation owns it. When it is settled: `lines` give back what is
    not used of them from `as_of` on, and `charged` is what the organisation pays in its place.
    """

    subscription: Subscription
    wish: Wish
    people: People
    lines: tuple[Position, ...]
    charged: tuple[Position, ...] = ()
    # Of the organisation's own from then on: what it renews at. None: nothing follows.
    next_term: NextCharge | None = None
    # Whether what is not used goes back at all, as the organisation's setting is.
    refunds: bool
    currency: str
    terms: TaxTerms
    settles_at: datetime
    as_of: datetime

    @property
    def subtotal(self) -> Decimal:
        return sum((line.amount for line in self.lines), money.ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), money.ZERO)

    @property
    def total(self) -> Decimal:
        """What goes back."""
        return self.subtotal + self.tax

    @property
    def charge(self) -> Decimal:
        """What the organisation pays for the rest of the term."""
        return sum((line.total for line in self.charged), money.ZERO)


@transaction.atomic
def preview(
    *, subscription: Subscription, wish: Wish, as_of: datetime | None = None, by: Actor, at: datetime
) -> Preview:
    """
    What `starting.start` would do, and what its settlement would; changes nothing.

    :raises: as `starting.start`
    """
    wish = checked(subscription, wish, by)
    return told(subscription, wish, at=quotes.moment(as_of, at=at))


def checked(subscription: Subscription, wish: Wish, by: Actor) -> Wish:
    """
    :raises NotAllowed: somebody who may not take over what others bought in this tenant, or, to adopt, a partner
    :raises BadInput: as `checked_wish`
    """
    require_taker(subscription, by)
    wish = checked_wish(wish)
    if wish.mode == TakeOverMode.ADOPT:
        ordering.require_own_money(by)
    return wish


def require_taker(subscription: Subscription, by: Actor) -> None:
    """:raises NotAllowed: somebody who may not take over what others bought in this tenant"""
    by.require_in(subscription.tenant, Right.END_PURCHASES_OF_OTHERS)


def checked_wish(wish: Wish) -> Wish:
    """:raises BadInput: an unknown mode, something that does not go with it, or a reason that cannot be kept"""
    if wish.mode not in TakeOverMode.values:
        known = ", ".join(TakeOverMode.values)
        raise BadInput(_("Use one of these: %(known)s.") % {"known": known}, field="mode", code="invalid_choice")
    reason = checked_reason(wish.reason, optional=True)
    odd = {
        "target_subscription": wish.target is not None and wish.mode != TakeOverMode.MOVE,
        "members": wish.members is not None and wish.mode != TakeOverMode.MOVE,
        "payment_method": wish.payer is not None and wish.mode != TakeOverMode.ADOPT,
        "reimburse": wish.reimburse and wish.mode != TakeOverMode.ADOPT,
    }
    for field, is_odd in odd.items():
        if is_odd:
            raise BadInput(_("This does not go with that mode."), field=field, code="not_with_mode")
    if wish.payer is not None and wish.payer.agreement is not None and (wish.payer.card or wish.new_card):
        raise BadInput(_("Name an agreement or a card, not both."), field="payment_method", code="not_both")
    if wish.members is not None and not wish.members:
        raise BadInput(_("Name at least one person, or leave it out for all."), field="members", code="empty")
    return replace(wish, reason=reason)


def told(subscription: Subscription, wish: Wish, *, at: datetime) -> Preview:
    """:raises: as `starting.start`, of the subscription as it stands"""
    _require_possible(subscription, wish, at=at)
    moved = _people(subscription, wish)
    pays_back = take_overs.refunds(subscription.tenant)
    ends = wish.mode in ENDS_IT
    gives_back = ends or wish.reimburse
    back = tuple(returning.since(subscription, at, refunds=pays_back or not ends)) if gives_back else ()
    currency = quotes.currency_of(subscription)
    return Preview(
        subscription=subscription,
        wish=wish,
        people=moved,
        lines=back,
        charged=terms.taken_on(subscription, back, at=at) if wish.reimburse else (),
        next_term=None if ends else terms.next_term(subscription, wish.payer, at=at),
        refunds=pays_back,
        currency=currency,
        terms=quotes.terms_of(back),
        settles_at=days_later(at, subscription.zone, days_of(subscription, EndCause.TAKEN_OVER).disabled),
        as_of=at,
    )


def _require_possible(subscription: Subscription, wish: Wish, *, at: datetime) -> None:
    if subscription.channel != Channel.SELF_SERVICE:
        raise NotSelfService
    standing.require_none(subscription)
    if wish.mode == TakeOverMode.ADOPT:
        if subscription.owner_id is None:
            raise OwnedAlready
        offers.require_transferable(subscription)
        if not wish.new_card:
            adoption.usable(subscription, wish.payer or Payer(), at=at)
    elif subscription.is_trial:
        raise TrialNotTakenOver
    elif not subscription.gives_access:
        raise SubscriptionInactive
    open_orders.require_nothing_pending(subscription)


def _people(subscription: Subscription, wish: Wish) -> People:
    if wish.mode == TakeOverMode.ADOPT:
        return People()
    if wish.mode == TakeOverMode.CANCEL:
        return people.of_end(subscription)
    target = people.require_target(subscription, wish.target)
    found = people.of_move(subscription, wish.members)
    if len(found.given) > target.seats_free:
        raise NoSeatLeft(seats.too_few_free(target.seats_free, len(found.given)))
    return found
