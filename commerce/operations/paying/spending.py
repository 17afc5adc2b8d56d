"""
What orders take of spend limits. It is weighed and counted before a card is tried, or when an approval is asked for;
charged once it is granted; and let go when nobody pays. Who weighs holds the lock of the limits.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commerce.models import Checkout, Order, OrderKind, Refund
from commerce.money import ZERO
from commerce.operations.changes.quotes import Quote
from commerce.tax import TaxTerms
from licensing.calendar import days_later, term_end
from licensing.models import Channel, Plan, Subscription
from policies.models import Counted
from policies.operations import commitments
from policies.spending import Proposal
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id


def of_plan(
    plan: Plan,
    quantity: int,
    *,
    unit_price: Decimal,
    currency: str,
    total: Decimal,
    terms: TaxTerms,
    tenant: Tenant,
    channel: str = Channel.SELF_SERVICE,
    subject: UUID | None = None,
    at: datetime,
) -> Proposal:
    """Of a new subscription."""
    begins = term_end(at, tenant.zone, plan.term)
    return Proposal(
        subject=subject or new_id(),
        counts_as=commitments.counted_as(channel),
        amount=total,
        currency=currency,
        renewals=commitments.renewals(
            plan, begins=begins, per_seat=_gross(unit_price, terms), quantity=quantity, tenant=tenant
        ),
    )


def of_checkout(checkout: Checkout, *, at: datetime) -> Proposal:
    """As it was quoted; with a trial before it, nothing at once."""
    proposal = _of_quote(checkout, at=at)
    return after_trial(proposal, checkout.plan, tenant=checkout.tenant, at=at) if checkout.with_trial else proposal


def after_trial(proposal: Proposal, plan: Plan, *, tenant: Tenant, at: datetime) -> Proposal:
    """Nothing now, and the first term when the trial ends, as the renewals after it."""
    again = proposal.renewals
    if again is not None:
        ends = days_later(at, tenant.zone, plan.product.trial_days or 0)
        again = commitments.renewals(plan, begins=ends, per_seat=again.per_seat, quantity=again.quantity, tenant=tenant)
    return replace(proposal, counts_as=Counted.TRIAL, amount=ZERO, renewals=again)


def _of_quote(checkout: Checkout, *, at: datetime) -> Proposal:
    return of_plan(
        checkout.plan,
        checkout.quantity,
        unit_price=checkout.unit_price,
        currency=checkout.currency,
        total=checkout.total,
        terms=TaxTerms.of(checkout),
        tenant=checkout.tenant,
        subject=checkout.pk,
        at=at,
    )


def of_change(quote: Quote, *, order_id: UUID) -> Proposal:
    """Of more seats or another term for a subscription that is there: at the renewals after it, too."""
    subscription, line = quote.subscription, quote.lines[-1]
    again = commitments.renewals(
        line.plan,
        begins=line.ends_at,
        per_seat=_gross(line.unit_price, quote.terms),
        quantity=line.quantity,
        tenant=subscription.tenant,
    )
    # Another term turns renewal on. A longer one renews as it did.
    renews = (subscription.auto_renew or quote.after == quote.before) and quote.anchor_at is None
    return Proposal(
        subject=order_id,
        counts_as=commitments.counted_as(subscription.channel),
        amount=quote.total,
        currency=quote.currency,
        renewals=again if renews else None,
    )


def weigh(*, proposal: Proposal, member: Membership, plan: Plan, at: datetime) -> None:
    """
    Count what a tenant buys itself.

    :raises SpendLimitExceeded: a limit that counts it, and that refuses, has no room
    """
    commitments.lock_limits(member=member, product=plan.product)
    commitments.require_room(proposal=proposal, member=member, product=plan.product, at=at)
    commitments.commit_spend(proposal=proposal, member=member, product=plan.product, at=at)


def charged(order: Order, subscription: Subscription, *, at: datetime) -> None:
    """It was granted, whoever had let it go before. In the caller's transaction."""
    # Of seats for two terms at once, the later one says what renews.
    line = max(order.bought, key=lambda line: line.ends_at or order.created_at)
    member = order.buyer
    proposal = of_plan(
        line.plan,
        line.quantity,
        unit_price=line.unit_price,
        currency=order.currency,
        total=order.total,
        terms=TaxTerms.of(order),
        tenant=member.tenant,
        channel=order.channel,
        subject=subject_of(order),
        at=order.created_at,
    )
    commitments.settle(
        proposal=proposal,
        member=member,
        product=line.plan.product,
        subscription=subscription,
        is_new=order.kind == OrderKind.PURCHASE,
        was_weighed=order.kind != OrderKind.RENEWAL,
        at=at,
    )


def let_go(order: Order) -> None:
    """Nobody paid it."""
    commitments.release(tenant=order.tenant, subject=subject_of(order))


def given_back(refund: Refund, *, at: datetime) -> None:
    """Money of an order goes back. Promised once, it is counted once, also where a card does not take it."""
    commitments.give_back(subject=refund.pk, of=subject_of(refund.order), amount=refund.amount, at=at)


def subject_of(order: Order) -> UUID:
    """What it is counted under: its checkout, which comes before it, or itself."""
    return order.checkout_id or order.pk


def _gross(unit_price: Decimal, terms: TaxTerms) -> Decimal:
    return unit_price if terms.inclusive else unit_price * (1 + terms.rate)
