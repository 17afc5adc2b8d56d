"""
What taking over many purchases in one way would come to: for each what its preview says, in a fixed number of queries.
Seats of the target are counted down in the order of the purchases, as a run takes them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from commerce import money
from commerce.models import Agreement, BillingPeriod, Checkout, Order, OrderState, TakeOver, TakeOverMode
from commerce.models.takeover import ENDS_IT
from commerce.operations.changes import lines
from commerce.operations.changes.lines import GIVING_BACK, Held
from commerce.operations.changes.quotes import Position
from commerce.operations.handover import offers
from commerce.operations.leaving import adoption
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.pricing.taxes import terms_for
from commerce.operations.takeover import people, previewing, returning, terms
from commerce.operations.takeover.previewing import NotSelfService, OwnedAlready, TrialNotTakenOver, Wish
from commerce.operations.takeover.standing import TakenOver
from commerce.tax import NO_TAX, TaxTerms
from licensing.models import Channel, Seat, Subscription
from licensing.operations import central_seats, seats
from licensing.operations.seats import NoSeatLeft
from licensing.operations.subscriptions import SubscriptionInactive
from policies.operations import take_overs
from tenants.access import Actor
from tenants.refusal import Refused


@dataclass(frozen=True, kw_only=True)
class Each:
    """`moved` go on with a seat of the organisation's, of whom `given` get one; `losing` people lose access."""

    subscription: Subscription
    moved: int = 0
    given: int = 0
    losing: int = 0
    back: Decimal = money.ZERO
    charge: Decimal = money.ZERO
    currency: str = ""
    refusal: Refused | None = None


@transaction.atomic
def survey(
    *, subscriptions: Sequence[Subscription], wish: Wish, room: bool = True, by: Actor, at: datetime
) -> list[Each]:
    """
    Of one tenant, with their plans. `room`: whether the target must have the seats already. Changes nothing.

    :raises NotAllowed: somebody who may not take over what others bought
    :raises BadInput: as `starting.start`, of the wish itself
    """
    if not subscriptions:
        return []
    wish = previewing.checked(subscriptions[0], wish, by)
    facts = _facts(subscriptions, wish, at=at)
    return [_told(one, wish, facts, room=room, at=at) for one in subscriptions]


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What settling one moves: back to who paid, and from the organisation."""

    back: Decimal = money.ZERO
    charge: Decimal = money.ZERO
    currency: str = ""


def settlements(take_overs: Sequence[TakeOver], *, at: datetime) -> dict[UUID, Settlement]:
    """Of those that are open and move money, in a fixed number of queries."""
    moving = [held for held in take_overs if held.is_open and (held.reimburse or (held.ends_it and held.refunds))]
    if not moving:
        return {}
    found = returning.unused_of_each(moving)
    reimbursed = next((held.tenant for held in moving if held.reimburse), None)
    taxes = terms_for(tenant=reimbursed, at=at) if reimbursed else NO_TAX
    return {held.pk: _settlement(held, found[held.pk], taxes) for held in moving}


def _settlement(held: TakeOver, back: Sequence[Position], taxes: TaxTerms) -> Settlement:
    charged = terms.taxed_anew(back, taxes) if held.reimburse else ()
    return Settlement(
        back=sum((line.total for line in back), money.ZERO),
        charge=held.order.total if held.order else sum((line.total for line in charged), money.ZERO),
        currency=next((line.currency for line in back), ""),
    )


@dataclass(kw_only=True)
class _Facts:
    """What is known of all of them, and whom those that came before have given a seat."""

    taken_over: set[UUID]
    pending: set[UUID]
    held: dict[UUID, list[Seat]]
    # Who has a seat of a product from the organisation, and by which subscriptions.
    served: dict[tuple[UUID, str], set[UUID]]
    lines: dict[UUID, list[Held]]
    currencies: dict[UUID, str]
    terms: TaxTerms
    # Why nothing of a product may go to the target, once that was asked.
    targets: dict[tuple[str, bool], Refused | None] = field(default_factory=dict)
    payer: Refused | Agreement | None = None
    free: int
    given: set[UUID] = field(default_factory=set)


def _facts(rows: Sequence[Subscription], wish: Wish, *, at: datetime) -> _Facts:
    keys, tenant, ends = [row.pk for row in rows], rows[0].tenant, wish.mode in ENDS_IT
    held = _held(keys) if ends else {}
    refunds = take_overs.refunds(tenant) or not ends
    pending = Order.objects.filter(subscription__in=keys, state=OrderState.PENDING)
    quoted = Checkout.objects.filter(trial__in=keys).values_list("trial", "currency")
    charged = BillingPeriod.objects.filter(subscription__in=keys).values_list("subscription", "currency")
    return _Facts(
        taken_over=set(TakeOver.objects.open().filter(subscription__in=keys).values_list("subscription", flat=True)),
        pending=set(pending.values_list("subscription", flat=True)),
        held=held,
        served=_served(held),
        lines=lines.after_each(rows, since=at, refunds=refunds) if ends or wish.reimburse else {},
        currencies={**dict(quoted), **dict(charged)},
        terms=terms_for(tenant=tenant, at=at) if wish.reimburse else NO_TAX,
        payer=_payer(rows[0], wish, at=at) if wish.mode == TakeOverMode.ADOPT else None,
        free=wish.target.seats_free if wish.target else 0,
    )


def _held(keys: Iterable[UUID]) -> dict[UUID, list[Seat]]:
    found: dict[UUID, list[Seat]] = defaultdict(list)
    for seat in Seat.objects.open().filter(subscription__in=list(keys)).select_related("member"):
        found[seat.subscription_id].append(seat)
    return found


def _served(held: dict[UUID, list[Seat]]) -> dict[tuple[UUID, str], set[UUID]]:
    members = {seat.member_id for found in held.values() for seat in found}
    own = central_seats.used_by(members).filter(subscription__owner=None)
    found: dict[tuple[UUID, str], set[UUID]] = defaultdict(set)
    for member, product, by in own.values_list("member", "subscription__plan__product", "subscription"):
        found[member, product].add(by)
    return found


def _payer(one: Subscription, wish: Wish, *, at: datetime) -> Refused | Agreement | None:
    """A card serves all of them or none; an agreement those in its currency."""
    payer = wish.payer or Payer()
    if payer.agreement is not None:
        in_force = Agreement.objects.of(one.tenant).in_force(one.tenant.today(at)).filter(pay_by_invoice=True)
        return in_force.filter(pk=payer.agreement.pk).first() or adoption.agreement_not_accepted()
    try:
        adoption.usable(one, payer, at=at)
    except Refused as refused:
        return refused
    return None


def _told(one: Subscription, wish: Wish, facts: _Facts, *, room: bool, at: datetime) -> Each:
    try:
        _require_possible(one, wish, facts)
        moved, given, losing = _people(one, wish, facts, room=room)
    except Refused as refused:
        return Each(subscription=one, refusal=refused)
    found = [held.giving_back(held.line.seats_left, at=at) for held in facts.lines.get(one.pk, ())]
    back = [line for line in found if line.why in GIVING_BACK]
    charged = terms.taxed_anew(back, facts.terms) if wish.reimburse else ()
    return Each(
        subscription=one,
        moved=moved,
        given=given,
        losing=losing,
        back=sum((line.total for line in back), money.ZERO),
        charge=sum((line.total for line in charged), money.ZERO),
        currency=facts.currencies.get(one.pk, ""),
    )


def _require_possible(one: Subscription, wish: Wish, facts: _Facts) -> None:
    """As a preview of one alone."""
    if one.channel != Channel.SELF_SERVICE:
        raise NotSelfService
    if one.pk in facts.taken_over:
        raise TakenOver
    if wish.mode == TakeOverMode.ADOPT:
        _require_adoptable(one, facts)
    elif one.is_trial:
        raise TrialNotTakenOver
    elif not one.gives_access:
        raise SubscriptionInactive
    if one.pk in facts.pending:
        raise PaymentInProgress


def _require_adoptable(one: Subscription, facts: _Facts) -> None:
    if one.owner_id is None:
        raise OwnedAlready
    offers.require_transferable(one)
    if isinstance(facts.payer, Refused):
        raise facts.payer
    if facts.payer is not None and facts.payer.currency != facts.currencies.get(one.pk):
        raise adoption.agreement_not_accepted()


def _people(one: Subscription, wish: Wish, facts: _Facts, *, room: bool) -> tuple[int, int, int]:
    """How many go on, how many of them are given a seat, and how many lose access."""
    if wish.mode == TakeOverMode.ADOPT:
        return 0, 0, 0
    if wish.mode == TakeOverMode.MOVE:
        _require_target(one, wish, facts)
    here = [seat.member_id for seat in facts.held.get(one.pk, ()) if seat.member.is_active]
    without = {pk for pk in here if not facts.served.get((pk, one.plan.product_id), set()) - {one.pk}} - facts.given
    if wish.mode == TakeOverMode.CANCEL:
        return 0, 0, len(without)
    if room and len(without) > facts.free:
        raise NoSeatLeft(seats.too_few_free(facts.free, len(without)))
    facts.free -= len(without)
    facts.given |= without
    return len(here), len(without), 0


def _require_target(one: Subscription, wish: Wish, facts: _Facts) -> None:
    """Asked once for each product: nothing else of a purchase decides whether the target fits."""
    key = (one.plan.product_id, wish.target is not None and wish.target.pk == one.pk)
    if key not in facts.targets:
        facts.targets[key] = _misfit(one, wish)
    found = facts.targets[key]
    if found is not None:
        raise found


def _misfit(one: Subscription, wish: Wish) -> Refused | None:
    try:
        people.require_target(one, wish.target)
    except Refused as refused:
        return refused
    return None
