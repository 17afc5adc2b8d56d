"""More seats now, charged for the rest of the term."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commerce.models import Order, OrderKind
from commerce.operations.buying import ordering
from commerce.operations.buying.ordering import NothingToCharge
from commerce.operations.changes import scheduled
from commerce.operations.changes.quotes import (
    ChangedSincePreview,
    Direction,
    Position,
    Quote,
    Why,
    newest_period,
    require_shown,
    require_unchanged,
)
from commerce.operations.pricing.prices import NotPriced
from commerce.operations.pricing.taxes import terms_for
from commerce.operations.renewing import ahead as paid_ahead
from commerce.proration import Part, charge_for
from commerce.tax import TaxTerms, split
from licensing.models import Subscription
from licensing.operations import prolonging
from licensing.operations.subscriptions import SubscriptionInactive
from policies.operations.acknowledgements import NOTHING_READ, Read
from tenants.access import Actor


def quote(*, subscription: Subscription, quantity: int, at: datetime) -> Quote:
    """
    What more seats cost for the rest of the term, to the second, at the price of the subscription; and for the next
    one, where that is paid already.

    :raises SubscriptionInactive: no term runs
    :raises NotPriced: nothing was ever charged for it
    :raises NothingToCharge: what is left of the term is worth less than the smallest coin
    """
    if not subscription.runs_at(at):
        raise SubscriptionInactive
    period = newest_period(subscription)
    if period is None:
        raise NotPriced
    count = quantity - subscription.quantity
    part = Part.after(at, start=prolonging.counted_from(subscription), end=subscription.term_end)
    tenant, currency = subscription.tenant, period.currency
    terms = terms_for(tenant=tenant, at=at)
    amount, tax = split(charge_for(period.unit_price, count, part, currency), terms, currency)
    ahead = _of_next_term(subscription, count, terms)
    if not amount + tax and not ahead:
        raise NothingToCharge
    line = Position(
        plan=subscription.plan,
        quantity=count,
        unit_price=period.unit_price,
        currency=currency,
        starts_at=at,
        ends_at=subscription.term_end,
        part=part,
        amount=amount,
        tax=tax,
        tax_inclusive=terms.inclusive,
        why=Why.REST_OF_TERM,
    )
    replaced = scheduled.waiting(subscription)
    return Quote(
        subscription=subscription,
        direction=Direction.CHARGE,
        lines=(line, *ahead),
        currency=currency,
        terms=terms,
        before=subscription.quantity,
        after=quantity,
        withdraws=replaced.quantity if replaced else None,
        takes_effect_at=at,
        as_of=at,
    )


def _of_next_term(subscription: Subscription, count: int, terms: TaxTerms) -> tuple[Position, ...]:
    """The same seats for the whole of the term that follows, where that is paid already."""
    period = paid_ahead.period_of(subscription) if subscription.renewed_until else None
    if period is None:
        return ()
    amount, tax = split(period.unit_price * count, terms, period.currency)
    line = Position(
        plan=subscription.plan,
        quantity=count,
        unit_price=period.unit_price,
        currency=period.currency,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        part=Part.whole(start=period.starts_at, end=period.ends_at),
        amount=amount,
        tax=tax,
        tax_inclusive=terms.inclusive,
        why=Why.NEXT_TERM,
    )
    return (line,)


def add(
    *,
    subscription: Subscription,
    quantity: int,
    payment_method: str,
    as_of: datetime,
    shown: bool,
    expecting: Decimal | None = None,
    return_url: str,
    order_id: UUID | None = None,
    acknowledge: Read = NOTHING_READ,
    by: Actor,
    at: datetime,
) -> tuple[Quote, Order]:
    """
    Order the seats that are missing to `quantity`, and charge them. `shown`: somebody looked at what they cost, which
    was `expecting`.

    :raises SubscriptionInactive: its term is over by now
    :raises ChangedSincePreview: it has that many by now, or was changed after somebody looked
    :raises: as `quote` and `ordering.place`
    """

    def quoted(locked: Subscription) -> Quote:
        require_unchanged(locked, since=as_of if shown else None)
        if locked.term_end <= at:
            raise SubscriptionInactive  # also where somebody looked while it still ran
        if quantity <= locked.quantity:
            raise ChangedSincePreview
        return require_shown(quote(subscription=locked, quantity=quantity, at=as_of), expecting)

    return ordering.place(
        subscription=subscription,
        kind=OrderKind.SEATS,
        quoted=quoted,
        payment_method=payment_method,
        return_url=return_url,
        order_id=order_id,
        acknowledge=acknowledge,
        by=by,
        at=at,
    )
