"""What a change of a subscription costs or gives back, line by line. What is shown is what is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import BillingPeriod, Dispute, Order, OrderLine, Payment, Refund
from commerce.proration import Part
from commerce.tax import NO_TAX, ByTerms, TaxTerms
from licensing.models import Plan, Subscription
from tenants.dates import SHOWN_FOR
from tenants.refusal import BadInput, Refused


class ChangedSincePreview(Refused):
    message = _("This subscription was changed after you looked. Look at what it would cost now.")


class Direction(models.TextChoices):
    CHARGE = "charge", _("Charge")
    REFUND = "refund", _("Refund")
    NONE = "none", _("No money moves")


class Why(models.TextChoices):
    """Why a line costs, or gives back, what it does."""

    REST_OF_TERM = "rest_of_term", _("New seats, for the rest of the term.")
    NEXT_TERM = "next_term", _("The term that follows the last one.")
    NEW_TERM = "new_term", _("A new term from the payment on.")
    INSIDE_WINDOW = "inside_window", _("Charged less than 7 days ago: the part that is not used goes back.")
    OUTSIDE_WINDOW = "outside_window", _("Charged 7 days ago or longer: it runs to its end, and nothing goes back.")
    DISPUTED = "disputed", _("The charge was contested at the bank: it runs to its end, and nothing goes back.")
    ALIGNED = "aligned", _("The term is longer, so that it ends with the other: nothing of this part goes back.")
    TAKEN_OVER = "taken_over", _("Taken over: the part that is not used from that moment on goes back.")
    NOT_GIVEN_BACK = "not_given_back", _("Taken over: the organisation has turned off that anything goes back.")
    TAKES_ON = "takes_on", _("The rest of the term, which the organisation pays in place of who paid it.")
    AT_RENEWAL = "at_renewal", _("From the renewal on; nothing is charged before.")


@dataclass(frozen=True, kw_only=True)
class Position:
    """One line: seats of a plan for a time. `amount` is net and never negative; the quote says which way it goes."""

    plan: Plan
    quantity: int
    unit_price: Decimal
    currency: str
    starts_at: datetime
    ends_at: datetime
    part: Part
    amount: Decimal = money.ZERO
    tax: Decimal = money.ZERO
    tax_inclusive: bool = False
    why: Why
    # Of what was charged before: the line, what these seats of it cost with how much tax, and the payment that brought
    # it.
    line: OrderLine | None = None
    charged: Decimal = money.ZERO
    charged_tax: Decimal = money.ZERO
    payment: Payment | None = None

    @property
    def total(self) -> Decimal:
        return self.amount + self.tax

    @property
    def seen(self) -> Decimal:
        """At the prices that people see: with the tax where they include it."""
        return self.total if self.tax_inclusive else self.amount

    @property
    def order(self) -> Order | None:
        return self.line.order if self.line else None


@dataclass(frozen=True, kw_only=True)
class Quote(ByTerms):
    """
    A change as it would be done at `as_of`: from `before` seats to `after` at once, and to `scheduled` from
    `takes_effect_at` on, where that is not at once. `withdraws` is the number that waited and no longer does.
    """

    subscription: Subscription
    direction: Direction
    lines: tuple[Position, ...]
    currency: str
    terms: TaxTerms = NO_TAX
    before: int
    after: int
    scheduled: int | None = None
    withdraws: int | None = None
    takes_effect_at: datetime
    as_of: datetime
    # What terms are counted from afterwards, where that changes.
    anchor_at: datetime | None = None

    @property
    def subtotal(self) -> Decimal:
        return sum((line.amount for line in self.lines), money.ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), money.ZERO)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def moment(as_of: datetime | None, *, at: datetime) -> datetime:
    """
    The moment that a change is computed for: now, or when it was shown.

    :raises BadInput: it was shown more than 15 minutes ago, or not yet
    """
    if as_of is None:
        return at
    if as_of > at:
        raise BadInput(_("This moment is still to come."), field="as_of", code="in_future")
    if at - as_of > SHOWN_FOR:
        raise BadInput(_("A preview holds for 15 minutes. Look again."), field="as_of", code="too_old")
    return as_of


def require_unchanged(subscription: Subscription, *, since: datetime | None) -> None:
    """
    What was shown holds only as long as nothing was bought, given back or contested meanwhile. The caller holds the
    lock.

    :raises ChangedSincePreview: something was
    """
    if since is None:
        return
    orders = Order.objects.filter(tenant=subscription.tenant_id, subscription=subscription)
    moved = (
        orders.filter(granted_at__gt=since),
        Refund.objects.filter(order__in=orders, created_at__gt=since),
        Dispute.objects.filter(Q(opened_at__gt=since) | Q(closed_at__gt=since), payment__order__in=orders),
    )
    if any(rows.exists() for rows in moved):
        raise ChangedSincePreview


def require_shown(told: Quote, expecting: Decimal | None) -> Quote:
    """
    Nobody is charged another total than they saw: taxes, seller and price may have changed since.

    :raises ChangedSincePreview: it is another one
    """
    if expecting is not None and told.total != expecting:
        raise ChangedSincePreview
    return told


def newest_period(subscription: Subscription) -> BillingPeriod | None:
    """The present term, or the last, with its price version."""
    return BillingPeriod.objects.of_terms_till_now().filter(subscription=subscription).first()


def currency_of(subscription: Subscription) -> str:
    """It never changes; empty where nothing was ever charged."""
    period = newest_period(subscription)
    return period.currency if period else ""


def terms_of(lines: Sequence[Position]) -> TaxTerms:
    """How lines that were charged before were taxed; by no name where that was not the same for all."""
    terms = {TaxTerms.of(line.order) for line in lines if line.order}
    if len(terms) == 1:
        return terms.pop()
    return TaxTerms(inclusive=any(line.tax_inclusive for line in lines))
