"""
What it costs to prolong the term of one subscription to the end of another one's, at the price of its next term, and
what stands against that.
"""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from commerce.operations.changes import lines, policy_endings, quotes
from commerce.operations.changes.quantity import RenewalIsOff
from commerce.operations.changes.quotes import Direction, Position, Quote, Why
from commerce.operations.paying import open_orders
from commerce.operations.pricing.prices import renewal_price
from commerce.operations.pricing.taxes import terms_for
from commerce.operations.renewing import ahead
from commerce.proration import Part, charge_for
from commerce.tax import split
from licensing.models import Subscription
from licensing.operations import next_terms, subscriptions
from licensing.operations.subscriptions import RenewalStopped, SubscriptionInactive
from tenants.refusal import Refused


class NotAlike(Refused):
    message = _("Only subscriptions of the same plan, bought in the same way for the same owner, can be aligned.")


class OtherTimeZone(Refused):
    message = _("Its terms are counted in another time zone, so that they would not end together for long.")


class EndsLater(Refused):
    message = _("It ends later than the other one. A term never gets shorter: align the other one with this.")


class AlignedAlready(Refused):
    message = _("It ends with the other one already.")


class StillRefundable(Refused):
    message = _("Some of what was paid for it can still be given back. Align it once that time is over.")


class NothingToAlign(Refused):
    message = _("It ends so shortly before the other one that there is nothing to charge.")


def require_goes_on(subscription: Subscription, *, at: datetime) -> None:
    """That its term runs, and that another one will follow, which is not paid yet."""
    if not subscription.runs_at(at):
        raise SubscriptionInactive
    open_orders.require_nothing_pending(subscription)
    ahead.require_not_paid(subscription)
    subscriptions.require_renewable(subscription)
    if policy_endings.planned_for([subscription], at=at):
        raise RenewalStopped
    if not subscription.auto_renew:
        raise RenewalIsOff


def _require_alike(target: Subscription, one: Subscription) -> None:
    same = ("tenant_id", "plan_id", "channel", "owner_id", "payer_id")
    if any(getattr(target, name) != getattr(one, name) for name in same):
        raise NotAlike
    if quotes.currency_of(target) != quotes.currency_of(one):
        raise NotAlike
    if target.time_zone != one.time_zone:
        raise OtherTimeZone
    if one.term_end > target.term_end:
        raise EndsLater
    if one.term_end == target.term_end:
        raise AlignedAlready


def quote(target: Subscription, one: Subscription, *, at: datetime) -> Quote:
    _require_alike(target, one)
    require_goes_on(one, at=at)
    if any(line.is_open for line in lines.of_term(one, at=at)):
        # Given back later it would leave a term that is paid only from its middle on.
        raise StillRefundable
    unit_price, currency = renewal_price(one)
    starts_at, next_end = next_terms.following_term(one)
    seconds, of = (int((end - starts_at).total_seconds()) for end in (target.term_end, next_end))
    part = Part(seconds=min(seconds, of), of=of)
    terms = terms_for(tenant=one.tenant, at=at)
    amount, tax = split(charge_for(unit_price, one.quantity, part, currency), terms, currency)
    if not amount + tax:
        raise NothingToAlign
    line = Position(
        plan=one.plan,
        quantity=one.quantity,
        unit_price=unit_price,
        currency=currency,
        starts_at=starts_at,
        ends_at=target.term_end,
        part=part,
        amount=amount,
        tax=tax,
        tax_inclusive=terms.inclusive,
        why=Why.ALIGNED,
    )
    return Quote(
        subscription=one,
        direction=Direction.CHARGE,
        lines=(line,),
        currency=currency,
        terms=terms,
        before=one.quantity,
        after=one.quantity,
        takes_effect_at=at,
        as_of=at,
        anchor_at=target.anchor_at,
    )
