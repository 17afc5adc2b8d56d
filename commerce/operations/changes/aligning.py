"""
Several subscriptions of one plan that end on one day: the terms of the others are prolonged to the end of one, and the
part that comes with it is charged at the price of their next term. No term gets shorter, and nothing goes back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import Order, OrderKind
from commerce.operations.buying import ordering
from commerce.operations.changes import aligned_terms, quotes
from commerce.operations.changes.quotes import ChangedSincePreview, Quote
from commerce.operations.paying import cards, charging, declines
from commerce.tax import NO_TAX, ByTerms, TaxTerms
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.refusal import BadInput, Refused

# Each is charged by itself while somebody waits.
MOST_AT_ONCE = 20


class NotTried(Refused):
    message = _("It was not tried, because the card was refused for another one.")


# What the next one would meet, too.
STOPS = (
    charging.CardDeclined,
    cards.PaymentMethodNotAccepted,
    cards.ProviderUnavailable,
    declines.TooManyDeclines,
    declines.TooManyCardsAtOnce,
)


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """One subscription: what its longer term costs, with the order that was placed; or why it stays as it is."""

    subscription: Subscription
    quote: Quote | None = None
    order: Order | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, kw_only=True)
class Alignment(ByTerms):
    """All of them, each done or not by itself. They end with `target`."""

    target: Subscription
    each: tuple[Aligned, ...]
    as_of: datetime
    terms: TaxTerms = NO_TAX

    @property
    def quotes(self) -> list[Quote]:
        return [one.quote for one in self.each if one.quote is not None and one.refusal is None]

    @property
    def currency(self) -> str:
        return next((quote.currency for quote in self.quotes), "")

    @property
    def subtotal(self) -> Decimal:
        return sum((quote.subtotal for quote in self.quotes), money.ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((quote.tax for quote in self.quotes), money.ZERO)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def preview(
    *,
    target: Subscription,
    others: Sequence[Subscription],
    as_of: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Alignment:
    """
    What `align` would do; changes nothing.

    :raises: as `align`, for the target and for who asks; what is wrong with another one is told with it
    """
    moment = quotes.moment(as_of, at=at)
    _require_all(target, others, by=by, at=at)
    return _told(target, [_previewed(target, one, moment, by=by, at=at) for one in others], moment)


def align(
    *,
    target: Subscription,
    others: Sequence[Subscription],
    payment_method: str = "",
    as_of: datetime | None = None,
    expecting: Decimal | None = None,
    return_url: Callable[[Subscription], str],
    key: UUID,
    by: Actor,
    at: datetime,
) -> Alignment:
    """
    Prolong the terms of `others` to the end of `target`. Each is ordered and charged by itself, and done or not; after
    a card was refused the rest is not tried. `as_of`: the moment of a preview, to be charged exactly what it showed;
    `expecting`: its total. The same `key` again finds what was ordered the first time.

    :raises NotAllowed: `by` may not spend on one of them
    :raises BadInput: one is named twice, or too many are; or the preview is too old
    :raises SubscriptionInactive: the target's term does not run
    :raises NextTermPaid: :raises RenewalIsOff: :raises RenewalStopped: :raises PaymentInProgress: of the target
    :raises ChangedSincePreview: all together would cost another total than was shown
    """
    moment = quotes.moment(as_of, at=at)
    _require_all(target, others, by=by, at=at)
    if expecting is not None and _sum(target, others, moment, key=key, by=by) != expecting:
        raise ChangedSincePreview
    done: list[Aligned] = []
    for one in others:
        if any(isinstance(before.refusal, (*STOPS, NotTried)) for before in done):
            done.append(Aligned(subscription=one, refusal=NotTried()))
            continue
        try:
            quote, order = ordering.place(
                subscription=one,
                kind=OrderKind.ALIGNMENT,
                quoted=_quoting(target, moment, shown=as_of is not None, at=at),
                payment_method=payment_method,
                return_url=return_url(one),
                order_id=order_id(key, one),
                by=by,
                at=at,
            )
        except Refused as refusal:
            done.append(Aligned(subscription=one, refusal=refusal))
        else:
            done.append(Aligned(subscription=one, quote=quote, order=order))
    return _told(target, done, moment)


def order_id(key: UUID, subscription: Subscription) -> UUID:
    """Of what is ordered for one of them: the same each time the same key comes."""
    return uuid5(key, str(subscription.pk))


def _told(target: Subscription, each: Sequence[Aligned], moment: datetime) -> Alignment:
    """They are of one tenant and computed for one moment, so that all are taxed alike."""
    terms = next((one.quote.terms for one in each if one.quote is not None), NO_TAX)
    return Alignment(target=target, each=tuple(each), as_of=moment, terms=terms)


def _require_all(target: Subscription, others: Sequence[Subscription], *, by: Actor, at: datetime) -> None:
    """That there is something to align, and with what; each other one is asked about by itself."""
    for one in (target, *others):
        ordering.require_payer(one, by)
    named = {one.pk for one in others}
    if not others or len(named) != len(others) or target.pk in named:
        raise BadInput(_("Name other subscriptions, each once."), field="with", code="invalid")
    if len(others) > MOST_AT_ONCE:
        message = _("At most %(most)s can be aligned at once.") % {"most": MOST_AT_ONCE}
        raise BadInput(message, field="with", code="too_many")
    aligned_terms.require_goes_on(target, at=at)


def _previewed(target: Subscription, one: Subscription, moment: datetime, *, by: Actor, at: datetime) -> Aligned:
    try:
        told = aligned_terms.quote(target, one, at=moment)
        ordering.require_room(told, by=by, at=at)
    except Refused as refusal:
        return Aligned(subscription=one, refusal=refusal)
    return Aligned(subscription=one, quote=told)


def _sum(target: Subscription, others: Sequence[Subscription], moment: datetime, *, key: UUID, by: Actor) -> Decimal:
    """What the preview would show now, with what a call that died has ordered already."""
    found = money.ZERO
    for one in others:
        placed = Order.objects.by_buyer(by.home).filter(subscription=one, pk=order_id(key, one)).first()
        if placed is not None:
            found += placed.total
            continue
        told = _previewed(target, one, moment, by=by, at=moment)
        found += told.quote.total if told.quote else money.ZERO
    return found


def _quoting(target: Subscription, moment: datetime, *, shown: bool, at: datetime) -> Callable[[Subscription], Quote]:
    def quoted(locked: Subscription) -> Quote:
        quotes.require_unchanged(locked, since=moment if shown else None)
        if locked.term_end <= at:
            raise SubscriptionInactive  # also where somebody looked while it still ran
        # Not locked: what was shown is its end as it was, and two who align each other's wait for nobody.
        there = Subscription.objects.get(pk=target.pk)
        if (there.term_end, there.anchor_at) != (target.term_end, target.anchor_at):
            raise ChangedSincePreview
        return aligned_terms.quote(target, locked, at=moment)

    return quoted
