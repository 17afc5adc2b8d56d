"""Going on with a subscription that was left to end, or has ended."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from commerce.models import BillingPeriod, Order, OrderKind, Payment
from commerce.operations.buying import ordering, quoted_orders
from commerce.operations.changes import quotes
from commerce.operations.changes.quotes import Direction, Position, Quote, Why
from commerce.operations.paying import open_orders
from commerce.operations.pricing.prices import renewal_price
from commerce.operations.pricing.taxes import terms_for
from commerce.proration import Part
from commerce.tax import NO_TAX, TaxTerms, split
from licensing.models import Subscription, SubscriptionState
from licensing.operations import lifecycle, subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.refusal import Refused


class DisputeUndecided(Refused):
    message = _(
        "Its charge is contested at the bank, which has not decided yet. If it finds the charge right, access comes "
        "back without another payment. Reactivate it if it does not."
    )


class PlanNotRenewable(Refused):
    message = _("This plan is no longer sold, so it does not renew.")


class PaidTermNotOver(Refused):
    message = _("A term of it that is paid has not ended yet. It can be reactivated once that is over.")


@dataclass(frozen=True, kw_only=True)
class Reactivation:
    """What was done, and the order where another term was."""

    quote: Quote
    order: Order | None = None


def preview_reactivation(
    *, subscription: Subscription, as_of: datetime | None = None, by: Actor, at: datetime
) -> Quote:
    """
    What `reactivate` would do; changes nothing.

    :raises: as `reactivate`, but for what only a card can raise
    """
    ordering.require_payer(subscription, by)
    told = _quote(subscription, at=quotes.moment(as_of, at=at))
    if told.lines:
        open_orders.require_nothing_pending(subscription)
        ordering.require_room(told, by=by, at=at)
    return told


def reactivate(
    *,
    subscription: Subscription,
    payment_method: str = "",
    as_of: datetime | None = None,
    expecting: Decimal | None = None,
    return_url: str,
    order_id: UUID | None = None,
    by: Actor,
    at: datetime,
) -> Reactivation:
    """
    Go on. While the term runs: renewal is turned on, nothing is charged. In grace: the term after the last is charged.
    Disabled: a new term from the payment on. For as many seats as it has, at the price of a renewal. `expecting`: the
    total that a preview showed.

    :raises NotAllowed: `by` may not spend on it
    :raises SubscriptionInactive: it was deleted
    :raises RenewalStopped: an admin lets it end. :raises PlanNotRenewable: its plan is no longer sold
    :raises DisputeUndecided: access may come back without another payment
    :raises PaidTermNotOver: disabled, though a term that was paid, and not given back, ends later
    :raises BadInput: the preview is too old
    :raises ChangedSincePreview: what was shown holds no longer
    :raises NotPriced: nothing was ever charged for it
    :raises PaymentInProgress: an order of it waits for its payment
    :raises PurchaseRefused: a rule of eligibility forbids it by now
    :raises PaymentMethodNotAccepted: no card that can be charged, or none is known
    :raises CardDeclined: declined, nothing changed. :raises PaymentCanceled: called off, nothing changed
    :raises TooManyDeclines: the person or the tenant had too many
    """
    ordering.require_payer(subscription, by)
    moment = quotes.moment(as_of, at=at)
    if subscription.state == SubscriptionState.ACTIVE:
        placed = ordering.past_order(subscription, order_id, by=by) if order_id else None
        if placed:  # by the first click, which has reactivated it
            return Reactivation(quote=quoted_orders.quote_of(placed, subscription), order=placed)
        told = quotes.require_shown(_quote(subscription, at=moment), expecting)
        subscriptions.set_auto_renew(subscription=subscription, auto_renew=True, by=by, at=at)
        return Reactivation(quote=told)

    def quoted(locked: Subscription) -> Quote:
        quotes.require_unchanged(locked, since=as_of)
        if not lifecycle.can_be_reactivated(locked):
            raise SubscriptionInactive
        return quotes.require_shown(_quote(locked, at=moment), expecting)

    told, order = ordering.place(
        subscription=subscription,
        kind=OrderKind.REACTIVATION,
        quoted=quoted,
        payment_method=payment_method,
        return_url=return_url,
        order_id=order_id,
        by=by,
        at=at,
    )
    return Reactivation(quote=told, order=order)


def awaits_the_bank(subscription: Subscription) -> bool:
    """A dispute that is not decided keeps access away, which comes back if it is won."""
    return subscription.held_at is not None and not subscription.is_taken_over


def _quote(subscription: Subscription, *, at: datetime) -> Quote:
    if subscription.state == SubscriptionState.DELETED:
        raise SubscriptionInactive
    subscriptions.require_renewable(subscription)
    if not subscription.plan.renewable:
        raise PlanNotRenewable
    if awaits_the_bank(subscription):
        raise DisputeUndecided
    runs = subscription.state == SubscriptionState.ACTIVE
    line, terms = (None, NO_TAX) if runs else _another_term(subscription, at)
    return Quote(
        subscription=subscription,
        direction=Direction.CHARGE if line else Direction.NONE,
        lines=(line,) if line else (),
        currency=line.currency if line else quotes.currency_of(subscription),
        terms=terms,
        before=subscription.quantity,
        after=subscription.quantity,
        takes_effect_at=at,
        as_of=at,
    )


def _another_term(subscription: Subscription, at: datetime) -> tuple[Position, TaxTerms]:
    starts_at, ends_at = lifecycle.next_term(subscription, at)
    _require_free(subscription, starts_at)
    unit_price, currency = renewal_price(subscription, starts_at)
    tenant = subscription.tenant
    terms = terms_for(tenant=tenant, at=at)
    amount, tax = split(unit_price * subscription.quantity, terms, currency)
    return Position(
        plan=subscription.plan,
        quantity=subscription.quantity,
        unit_price=unit_price,
        currency=currency,
        starts_at=starts_at,
        ends_at=ends_at,
        part=Part.whole(start=starts_at, end=ends_at),
        amount=amount,
        tax=tax,
        tax_inclusive=terms.inclusive,
        why=Why.NEXT_TERM if subscription.state == SubscriptionState.EXPIRED else Why.NEW_TERM,
    ), terms


def _require_free(subscription: Subscription, starts_at: datetime) -> None:
    """
    Periods never overlap: whoever renewed it at a time ahead of the clock has paid for what is still to come.

    :raises PaidTermNotOver: a term ends later that was neither given back nor contested
    """
    later = BillingPeriod.objects.filter(
        subscription=subscription, ends_at__gt=starts_at, line__returned__lt=F("line__quantity")
    )
    contested = Payment.objects.filter(order__subscription=subscription, disputed__gt=0)
    if later.exists() and not contested.exists():
        raise PaidTermNotOver
