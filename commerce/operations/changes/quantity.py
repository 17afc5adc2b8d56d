"""Another number of seats: now or from the renewal on, with or without money."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import Order
from commerce.operations.buying import ordering, quoted_orders
from commerce.operations.changes import adding, quotes, reducing, scheduled
from commerce.operations.changes.quotes import Direction, Position, Quote, Why
from commerce.operations.changes.scheduled import NothingScheduled
from commerce.operations.paying import open_orders, orders
from commerce.operations.pricing.prices import renewal_price
from commerce.operations.renewing import ahead
from commerce.proration import Part
from licensing.calendar import next_term_end
from licensing.models import Subscription, SubscriptionState
from licensing.operations.subscriptions import SubscriptionInactive
from policies.operations.acknowledgements import NOTHING_READ, Read
from tenants.access import Actor
from tenants.refusal import Refused


class When(models.TextChoices):
    NOW = "now", _("Now")
    RENEWAL = "renewal", _("At the renewal")


class RenewalIsOff(Refused):
    message = _("Automatic renewal is off, so nothing follows this term. Turn it on first.")


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What was done, and the order where one was placed."""

    quote: Quote
    order: Order | None = None


def preview(
    *,
    subscription: Subscription,
    quantity: int,
    when: str = When.NOW,
    as_of: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Quote:
    """
    What `change` would do; changes nothing.

    :raises NotAllowed: `by` may not spend on it
    :raises: as `change`, but for what only a card can raise
    """
    ordering.require_payer(subscription, by)
    open_orders.require_nothing_pending(subscription)
    moment = quotes.moment(as_of, at=at)
    if when == When.RENEWAL:
        return _at_renewal(subscription, quantity, by=by, at=moment)
    if quantity > subscription.quantity:
        # First, so that nobody multiplies by a number that nobody may ask for.
        ordering.require_rules(subscription, quantity, keep=False, by=by, at=at)
        told = adding.quote(subscription=subscription, quantity=quantity, at=moment)
        ordering.require_room(told, by=by, at=at)
        return told
    if quantity < subscription.quantity:
        orders.require_bounds(subscription.plan, quantity)
        return reducing.quote(subscription=subscription, quantity=quantity, at=moment)
    return _as_it_is(subscription, at=moment)


def change(
    *,
    subscription: Subscription,
    quantity: int,
    when: str = When.NOW,
    payment_method: str = "",
    as_of: datetime | None = None,
    expecting: Decimal | None = None,
    return_url: str,
    order_id: UUID | None = None,
    acknowledge: Read = NOTHING_READ,
    keep: Callable[[Quote], object] = lambda told: None,
    by: Actor,
    at: datetime,
) -> Changed:
    """
    Have another number of seats. More now: charged for the rest of the term. Fewer now: the newest go back inside their
    window, the rest at the renewal. The number that it has already: what waited for the renewal is withdrawn.
    `as_of`: the moment of a preview, to be charged exactly what it showed; `expecting`: the total that it showed.
    `acknowledge` names the data policies that were read before more seats are paid for.
    An order that is placed has the id `order_id`; where none is, `keep` is told what was done, in its transaction.

    :raises NotAllowed: `by` may not spend on it
    :raises NotPriced: nothing was ever charged for it
    :raises BadInput: the plan is not sold in this quantity; or the preview is too old; or a data policy was not read
    :raises SubscriptionInactive: no term runs
    :raises ChangedSincePreview: what was shown holds no longer
    :raises PaymentInProgress: an order of it waits for its payment
    :raises QuantityBelowAssigned: more people hold seats than would be left now
    :raises NextTermPaid: fewer, or at the renewal, and the next term is paid already
    :raises RenewalIsOff: more seats from a renewal that will not come
    :raises NothingToCharge: the rest of the term is worth less than the smallest coin
    :raises PurchaseRefused: a rule of eligibility forbids more seats
    :raises PaymentMethodNotAccepted: no card that can be charged, or none is known
    :raises CardDeclined: declined, nothing changed. :raises PaymentCanceled: called off, nothing changed
    :raises TooManyDeclines: the person or the tenant had too many
    """
    ordering.require_payer(subscription, by)
    moment, shown = quotes.moment(as_of, at=at), as_of is not None
    if when == When.NOW and quantity > subscription.quantity:
        told, order = adding.add(
            subscription=subscription,
            quantity=quantity,
            payment_method=payment_method,
            as_of=moment,
            shown=shown,
            expecting=expecting,
            return_url=return_url,
            order_id=order_id,
            acknowledge=acknowledge,
            by=by,
            at=at,
        )
        return Changed(quote=told, order=order)
    if when == When.NOW and quantity < subscription.quantity:
        told = reducing.reduce(
            subscription=subscription,
            quantity=quantity,
            as_of=moment,
            shown=shown,
            expecting=expecting,
            keep=keep,
            by=by,
            at=at,
        )
        return Changed(quote=told)
    placed = ordering.past_order(subscription, order_id, by=by) if order_id and when == When.NOW else None
    if placed:  # by the first click, which has brought that number
        return Changed(quote=quoted_orders.quote_of(placed, subscription), order=placed)
    return Changed(quote=_schedule(subscription, quantity, when, keep=keep, by=by, at=at))


@transaction.atomic
def withdraw(*, subscription: Subscription, by: Actor, at: datetime) -> None:
    """
    Let the change that waits for the renewal go.

    :raises NotAllowed: `by` may not spend on it
    :raises NothingScheduled: none waits
    """
    ordering.require_payer(subscription, by)
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if scheduled.withdraw(subscription=subscription, by=by, at=at) is None:
        raise NothingScheduled


@transaction.atomic
def _schedule(
    subscription: Subscription,
    quantity: int,
    when: str,
    *,
    keep: Callable[[Quote], object],
    by: Actor,
    at: datetime,
) -> Quote:
    subscription = Subscription.objects.locked().with_people().get(pk=subscription.pk)
    open_orders.require_nothing_pending(subscription)
    if quantity == subscription.quantity:
        told = _as_it_is(subscription, at=at)
        scheduled.withdraw(subscription=subscription, by=by, at=at)
        keep(told)
        return told
    if when != When.RENEWAL:
        raise quotes.ChangedSincePreview
    told = _at_renewal(subscription, quantity, by=by, at=at)
    scheduled.schedule(subscription=subscription, quantity=quantity, by=by, at=at)
    keep(told)
    return told


def _as_it_is(subscription: Subscription, *, at: datetime) -> Quote:
    """Nothing but that what waited does no longer."""
    if not subscription.gives_access:
        raise SubscriptionInactive
    replaced = scheduled.waiting(subscription)
    return _without_money(subscription, (), replaced=replaced.quantity if replaced else None, at=at)


def _at_renewal(subscription: Subscription, quantity: int, *, by: Actor, at: datetime) -> Quote:
    if quantity == subscription.quantity:
        return _as_it_is(subscription, at=at)
    if subscription.state != SubscriptionState.ACTIVE or subscription.term_end <= at:
        raise SubscriptionInactive
    ahead.require_not_paid(subscription)
    if quantity > subscription.quantity:
        if not subscription.auto_renew:
            raise RenewalIsOff
        ordering.require_rules(subscription, quantity, keep=False, by=by, at=at)
    orders.require_bounds(subscription.plan, quantity)
    replaced = scheduled.waiting(subscription)
    line = _line_of_next_term(subscription, abs(quantity - subscription.quantity))
    withdraws = replaced.quantity if replaced and replaced.quantity != quantity else None
    return _without_money(subscription, (line,), scheduled_=quantity, replaced=withdraws, at=at)


def _line_of_next_term(subscription: Subscription, count: int) -> Position:
    unit_price, currency = renewal_price(subscription)
    starts_at = subscription.term_end
    ends_at = next_term_end(subscription.anchor_at, subscription.zone, subscription.plan.term, starts_at)
    return Position(
        plan=subscription.plan,
        quantity=count,
        unit_price=unit_price,
        currency=currency,
        starts_at=starts_at,
        ends_at=ends_at,
        part=Part.whole(start=starts_at, end=ends_at),
        why=Why.AT_RENEWAL,
    )


def _without_money(
    subscription: Subscription,
    lines: tuple[Position, ...],
    *,
    scheduled_: int | None = None,
    replaced: int | None,
    at: datetime,
) -> Quote:
    return Quote(
        subscription=subscription,
        direction=Direction.NONE,
        lines=lines,
        currency=quotes.currency_of(subscription),
        before=subscription.quantity,
        after=subscription.quantity,
        scheduled=scheduled_,
        withdraws=replaced,
        takes_effect_at=subscription.term_end if scheduled_ is not None else at,
        as_of=at,
    )
