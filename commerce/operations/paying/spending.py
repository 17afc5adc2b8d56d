"""
What orders take of spend limits. It is weighed and counted before a card is tried, or when an approval is asked for;
charged once it is granted; and let go when nobody pays. Who weighs holds the lock of the limits.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commerce.models import Checkout, Order, OrderKind, Refund
from commerce.operations.changes.quotes import Quote
from commerce.tax import TaxTerms
from licensing.calendar import term_end
from licensing.models import Channel, Plan, Subscription
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
    """As it was quoted."""
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
    subscription, [line] = quote.subscription, quote.lines
    again = commitments.renewals(
        line.plan,
        begins=line.ends_at,
        per_seat=_gross(line.unit_price, quote.terms),
        quantity=line.quantity,
        tenant=subscription.tenant,
    )
    # Another term turns renewal on.
    renews = subscription.auto_renew or quote.after == quote.before
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
    [line] = order.lines.select_related("plan__product")
    member = Membership.objects.select_related("tenant").get(pk=order.buyer_id)
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
    is_new = order.kind == OrderKind.PURCHASE
    commitments.settle(
        proposal=proposal, member=member, product=line.plan.product, subscription=subscription, is_new=is_new, at=at
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
