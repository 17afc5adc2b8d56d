"""Ending a subscription early, with the money that goes back for it."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from commerce import money
from commerce.models import Order, OrderState, Payment, RefundReason
from commerce.operations.changes import lines, quotes, scheduled
from commerce.operations.changes.quotes import Position
from commerce.operations.paying import orders as order_operations
from commerce.operations.paying import settlement
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.renewing import ahead
from commerce.operations.takeover import standing
from commerce.tax import ByTerms, TaxTerms
from licensing.models import EndCause, Seat, Subscription, SubscriptionState
from licensing.operations import lifecycle, seats, subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.text import require_plain

# People that one letter-writing job is for.
TOLD_AT_ONCE = 50
# People whom a cancellation names.
NAMED = 100


@dataclass(frozen=True, kw_only=True)
class Cancellation(ByTerms):
    """
    What canceling does. `ending` are the lines inside their windows: their seats end at once, and what they leave
    unused goes back, as does all of `ahead`, the lines of a next term that is paid already. `running` are the others:
    as long as there are any, the subscription runs with their seats until `ends_at`; else it ends now. `losing` people
    lose their seats: those that were given last, of whom `people` are the first.
    """

    subscription: Subscription
    ending: tuple[Position, ...]
    ahead: tuple[Position, ...] = ()
    running: tuple[Position, ...]
    currency: str
    terms: TaxTerms
    losing: int
    people: tuple[Seat, ...]
    ends_at: datetime
    as_of: datetime

    @property
    def refunds(self) -> tuple[Position, ...]:
        return (*self.ending, *self.ahead)

    @property
    def lines(self) -> tuple[Position, ...]:
        return (*self.refunds, *self.running)

    @property
    def ends_now(self) -> bool:
        return self.subscription.is_trial or (bool(self.ending) and not self.running)

    @property
    def seats_left(self) -> int:
        """Those that go on."""
        if self.ends_now:
            return 0
        if not self.ending:
            return self.subscription.quantity
        return sum(line.quantity for line in self.running)

    @property
    def subtotal(self) -> Decimal:
        return sum((line.amount for line in self.refunds), money.ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.refunds), money.ZERO)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax

    @property
    def given_back(self) -> dict[str, str]:
        """As the journal keeps it; nothing where nothing goes back."""
        if not self.refunds:
            return {}
        return {"refund": money.text(self.total, self.currency), "currency": self.currency}


def preview_cancellation(
    *, subscription: Subscription, as_of: datetime | None = None, by: Actor, at: datetime
) -> Cancellation:
    """
    What `cancel_subscription` would do; changes nothing.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: it has ended already
    :raises BadInput: the preview is too old
    """
    subscriptions.require_ender(subscription, by)
    standing.require_none(subscription)
    return _cancellation(subscription, at=quotes.moment(as_of, at=at))


def preview_end(*, subscription: Subscription, at: datetime) -> Cancellation:
    """What `end` would do, for a caller who has asked who may. :raises SubscriptionInactive: it has ended already"""
    return _cancellation(subscription, at=at)


def cancel_subscription(
    *,
    subscription: Subscription,
    reason: str,
    as_of: datetime | None = None,
    keep: Callable[[Cancellation], object] = lambda told: None,
    by: Actor,
    at: datetime,
) -> Cancellation:
    """
    Cancel. Each line that is still inside its refund window (7 times 24 h from its charge) ends now, and its unused
    part goes back to the card, or off the invoice; the others run to the end of the term. Where none does, access ends
    now; else renewal is turned off and the subscription shrinks to what runs: the people above that, those who came
    last, lose their seats and are told. What waited for the renewal, or for a payment, is withdrawn. Nothing to give
    back and renewal off already: nothing changes. `keep` is told what was done, in its transaction.

    :raises NotAllowed: not its owner, nor an admin who may end it
    :raises SubscriptionInactive: it has ended already. :raises TakenOver: it may yet be given back
    :raises ChangedSincePreview: what was shown holds no longer
    :raises PaymentInProgress: an invoice of it is being paid in this moment
    :raises BadInput: control characters in the reason; or the preview is too old
    """
    require_plain(reason, field="reason")
    subscriptions.require_ender(subscription, by)
    quotes.moment(as_of, at=at)  # refused before any card is released
    release_cards(subscription, at=at)
    with transaction.atomic():
        cancellation = end(subscription=subscription, reason=reason, as_of=as_of, by=by, at=at)
        keep(cancellation)
    lines.send_refunds(cancellation.refunds, at=at)
    return cancellation


@transaction.atomic
def end(
    *, subscription: Subscription, reason: str, as_of: datetime | None = None, by: Actor, at: datetime
) -> Cancellation:
    """
    What `cancel_subscription` does in the database, for a caller who has asked who may: cards that wait are released
    before it, and refunds are sent after it.

    :raises: as `cancel_subscription`
    """
    moment = quotes.moment(as_of, at=at)
    subscription, orders = lines.lock(subscription)
    standing.require_none(subscription)
    quotes.require_unchanged(subscription, since=as_of)
    cancellation = _cancellation(subscription, at=moment)
    if not (cancellation.ends_now or cancellation.refunds or subscription.auto_renew):
        return cancellation  # it ends at that moment already
    _withdraw_what_waits(subscription, orders, by=by, at=at)
    ahead.drop(subscription, at=at)
    if cancellation.ends_now:
        tell_lost(Seat.objects.open().filter(subscription=subscription), by=by)
        cause = EndCause.TRIAL_ENDED if subscription.is_trial else EndCause.CANCELED
        lifecycle.end(subscription=subscription, cause=cause, by=by, at=at)
    else:
        _shrink(cancellation, by=by, at=at)
        subscriptions.turn_renewal(subscription, auto_renew=False, by=by, at=at)
    events.record(
        "subscription.canceled",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        reason=reason,
        ends_at=cancellation.ends_at,
        **cancellation.given_back,
    )
    lines.give_back(cancellation.refunds, reason=RefundReason.CANCELED, by=by, at=at)
    return cancellation


def _cancellation(subscription: Subscription, *, at: datetime) -> Cancellation:
    # In grace the term is over: nothing of it is left to cancel.
    if not subscription.runs_at(at) and not _tries_at(subscription, at):
        raise SubscriptionInactive
    held = lines.of_term(subscription, at=at)
    next_term = [line for line in lines.of_next_term(subscription, at=at) if line.is_open]
    back = tuple(line.giving_back(line.line.seats_left, at=at) for line in held if line.is_open)
    running = tuple(line.giving_back(line.line.seats_left, at=at) for line in held if not line.is_open)
    left = sum(line.quantity for line in running) if back else subscription.quantity
    losing = subscription.seats_assigned if subscription.is_trial else max(subscription.seats_assigned - left, 0)
    return Cancellation(
        subscription=subscription,
        ending=back,
        ahead=tuple(line.giving_back(line.line.seats_left, at=at) for line in next_term),
        running=running,
        currency=quotes.currency_of(subscription),
        terms=quotes.terms_of(back),
        losing=losing,
        people=tuple(seats.newest(subscription, min(losing, NAMED))) if losing else (),
        ends_at=at if (back and not running) or subscription.is_trial else subscription.term_end,
        as_of=at,
    )


def _tries_at(subscription: Subscription, at: datetime) -> bool:
    return subscription.state == SubscriptionState.TRIAL and subscription.term_end > at


def release_cards(subscription: Subscription, *, at: datetime) -> None:
    """Of orders that wait for their cardholder, so that nobody pays any more for what ends now."""
    orders = Order.objects.filter(subscription=subscription, state=OrderState.PENDING)
    for payment in Payment.objects.live().filter(order__in=orders):
        with suppress(PaymentInProgress):  # should it be captured after all, it goes back in full
            settlement.call_off(payment, at=at)


def _withdraw_what_waits(subscription: Subscription, orders: list[Order], *, by: Actor, at: datetime) -> None:
    scheduled.withdraw(subscription=subscription, by=by, at=at)
    for order in orders:
        if order.state == OrderState.PENDING:
            order_operations.cancel(order, by=by, at=at)


def _shrink(cancellation: Cancellation, *, by: Actor, at: datetime) -> None:
    """To the seats that run on. The locked row is changed, not only what the database holds."""
    subscription = cancellation.subscription
    count = subscription.quantity - cancellation.seats_left
    if not count:
        return
    tell_lost(seats.release_newest(subscription=subscription, count=cancellation.losing, by=by, at=at), by=by)
    subscriptions.remove_seats(subscription=subscription, count=count, by=by, at=at)


def tell_lost(lost: Iterable[Seat], *, by: Actor) -> None:
    """The people who lost their seats, or access by them, but for who took them."""
    told = [str(seat.pk) for seat in lost if not by.is_member(seat.member_id)]
    for start in range(0, len(told), TOLD_AT_ONCE):
        jobs.enqueue("commerce.deliver_lost_seats", seat_ids=told[start : start + TOLD_AT_ONCE])
