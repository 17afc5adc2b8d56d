"""
The next term of a subscription, charged: a first transaction that asks the rules and commits the try, the provider's
call outside any, and the settlement that every payment has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.urls import reverse

from commerce import gateways, money
from commerce.models import (
    Agreement,
    Order,
    OrderKind,
    OrderLine,
    OrderState,
    Payment,
    PaymentMethod,
    PaymentSource,
    PaymentState,
    Purchase,
    Renewal,
    RenewalState,
    TakeOver,
)
from commerce.models.renewal import TRIED
from commerce.operations.changes import scheduled
from commerce.operations.leaving import decisions
from commerce.operations.paying import cards, charging, fulfilment, orders, settlement
from commerce.operations.pricing.taxes import terms_for
from commerce.operations.renewing import dunning, outcomes
from commerce.operations.renewing.claims import Claim
from commerce.tax import split
from licensing.models import Channel, Subscription
from licensing.operations import next_terms, subscriptions
from policies import eligibility
from policies.models import Ending
from tenants.access import SYSTEM
from tenants.directory.models import Membership
from tenants.journal import events

# While another order of the subscription waits for its payment.
ASKED_AGAIN = timedelta(minutes=5)
RENEWAL_STOPPED = "renewal_stopped"


class Result(StrEnum):
    """What a try came to."""

    CHARGED = "charged"
    INVOICED = "invoiced"
    DECLINED = "declined"
    REFUSED = "refused"
    LAPSED = "lapsed"
    # Not known yet, or something else comes first.
    WAITING = "waiting"


_OF_PAYMENT = {
    PaymentState.SUCCEEDED: Result.CHARGED,
    PaymentState.FAILED: Result.DECLINED,
    PaymentState.REQUIRES_ACTION: Result.DECLINED,
}


@dataclass(frozen=True, kw_only=True)
class Provider:
    """How the provider is asked: at which pace, and on which site its cardholders come back."""

    site: str
    pace: Callable[[], object] = lambda: None


def renew(claim: Claim, *, provider: Provider, at: datetime) -> Result:
    """
    Charge the term that follows, once, however often it is called. A try that nobody has heard of since is sent again
    by its own key.
    """
    if claim.tried:
        _call_off_step(claim, at=at)
    # Before anything is committed: what waits its turn after that is taken for lost by reconciliation.
    provider.pace()
    started = _start(claim, at=at)
    if isinstance(started, Result):
        return started
    back = reverse("my-subscription-return", args=[started.order.subscription_id])
    payment = charging.attempt(payment=started, return_url=provider.site + back, at=at, off_session=True)
    return _OF_PAYMENT.get(PaymentState(payment.state), Result.WAITING)


def _call_off_step(claim: Claim, *, at: datetime) -> None:
    """The cardholder did not come. Outside any transaction; done after all: then it is paid."""
    waiting = Payment.objects.filter(
        order__renewals=claim.renewal, state=PaymentState.REQUIRES_ACTION, gateway=gateways.current().name
    ).first()
    if waiting is not None:
        try:
            settlement.call_off(waiting, at=at)
        except settlement.PaymentInProgress:
            return


@transaction.atomic
def _start(claim: Claim, *, at: datetime) -> Payment | Result:
    subscription = _held(claim)
    renewal = Renewal.objects.locked().get(pk=claim.renewal)
    renewal.tenant = subscription.tenant
    if renewal.state not in TRIED or renewal.next_try_at is None or renewal.next_try_at > at:
        return Result.WAITING
    pending = Order.objects.filter(subscription=subscription, state=OrderState.PENDING).first()
    if pending is not None:
        return _behind(renewal, pending, at=at)
    if cast(Any, subscription).is_being_taken_over:
        outcomes.put_off(renewal, until=at + ASKED_AGAIN)
        return Result.WAITING
    planned_end_at: datetime | None = cast(Any, subscription).planned_end_at
    if planned_end_at is not None:
        # A change of policy ends it before the next term begins: a sweep does that first, and no card is tried for it.
        outcomes.put_off(renewal, until=max(planned_end_at, at + ASKED_AGAIN))
        return Result.WAITING
    if decisions.decides(subscription):
        # Of a leaver's purchase: it may end here, or the organisation pays from now on, at its own price.
        decisions.before_charge(subscription=subscription, at=at)
        subscription = _held(claim)
    if not _is_wanted(renewal, subscription):
        outcomes.lapse(renewal, subscription, at=at)
        return Result.LAPSED
    codes = _refused_by(subscription, at)
    if codes:
        outcomes.refuse(renewal, subscription, codes, at=at)
        return Result.REFUSED
    return _order(renewal, subscription, at=at)


def _held(claim: Claim) -> Purchase:
    """As it stands under its lock."""
    ending = Ending.objects.filter(subscription=OuterRef("pk"), done_at=None, due_at__lte=OuterRef("term_end"))
    planned = Subquery(ending.order_by("due_at").values("due_at")[:1])
    taken = Exists(TakeOver.objects.open().filter(subscription=OuterRef("pk")))
    found = Purchase.objects.locked().with_renewal_price().annotate(planned_end_at=planned, is_being_taken_over=taken)
    people = found.select_related("tenant", "plan__product", "payer__tenant", "purchaser__tenant", "owner")
    return cast(Purchase, people.get(renewals=claim.renewal))


def _behind(renewal: Renewal, pending: Order, *, at: datetime) -> Payment | Result:
    """An order waits for its payment: its own, of which nothing was heard, or another one, which comes first."""
    if pending.pk == renewal.order_id:
        sent = Payment.objects.filter(order=pending, state=PaymentState.STARTED, gateway=gateways.current().name)
        payment = sent.select_related("tenant", "card").first()
        if payment is not None:
            payment.order = pending
            return payment
    outcomes.put_off(renewal, until=at + ASKED_AGAIN)
    return Result.WAITING


def _is_wanted(renewal: Renewal, subscription: Subscription) -> bool:
    is_next = next_terms.can_be_renewed(subscription) and subscription.term_end == renewal.starts_at
    return is_next and subscription.auto_renew and subscription.channel != Channel.PARTNER


def _refused_by(subscription: Purchase, at: datetime) -> list[str]:
    """The codes of the rules that forbid it."""
    try:
        subscriptions.require_renewable(subscription)
    except subscriptions.RenewalStopped:
        return [RENEWAL_STOPPED]
    if subscription.renewal_price is None:
        return [outcomes.NOT_PRICED]
    self_service = subscription.channel == Channel.SELF_SERVICE
    verdicts = eligibility.renewal_verdicts(subscription.tenant, subscription.plan, at, self_service=self_service)
    return [verdict.code for verdict in verdicts if not verdict.passed]


def _order(renewal: Renewal, subscription: Purchase, *, at: datetime) -> Payment | Result:
    quantity = scheduled.quantity_of_next_term(subscription, at=at)
    means = _means(subscription, at)
    if means is None:
        dunning.failed(renewal=renewal, code=dunning.NO_PAYMENT_METHOD, order=None, at=at)
        return Result.DECLINED
    order = _place(subscription, quantity, at=at)
    renewal.order, renewal.attempts = order, renewal.attempts + 1
    if isinstance(means, Agreement):
        order.agreement = means
        order.save(update_fields=["agreement"])
        renewal.save(update_fields=["order", "attempts"])
        fulfilment.fulfil_on_invoice(order=order, at=at)
        return Result.INVOICED
    renewal.state = RenewalState.CHARGING
    renewal.save(update_fields=["order", "attempts", "state"])
    next_terms.keep_seats_for_next_term(subscription, quantity)
    return charging.start_off_session(order=order, card=means, at=at)


def _means(subscription: Subscription, at: datetime) -> PaymentMethod | Agreement | None:
    """
    The card of its payer, or the agreement that is billed, held until the transaction ends: a card that is replaced or
    removed in this moment is not charged any more. Whether it is still good, its bank says. None: nothing pays.
    """
    cards.hold(subscription.tenant, subscription.payer)
    source = PaymentSource.objects.filter(subscription=subscription).select_related("payment_method").first()
    if source is None:
        return None
    if source.by_invoice:
        return _agreement(source, subscription, at)
    card = source.payment_method
    is_there = card is not None and card.removed_at is None and card.gateway == gateways.current().name
    return card if is_there and card and card.member_id == subscription.payer_id else None


def _agreement(source: PaymentSource, subscription: Subscription, at: datetime) -> Agreement | None:
    agreement = Agreement.objects.locked().get(pk=cast(UUID, source.agreement_id))
    holds = agreement.pay_by_invoice and agreement.is_in_force(subscription.tenant.today(at))
    return agreement if holds and subscription.payer_id is None else None


def _place(subscription: Purchase, quantity: int, *, at: datetime) -> Order:
    starts_at, ends_at = next_terms.following_term(subscription)
    # `_refused_by` has looked that they are there.
    unit_price, currency = cast(Decimal, subscription.renewal_price), cast(str, subscription.currency)
    terms = terms_for(tenant=subscription.tenant, at=at)
    amount, tax = split(unit_price * quantity, terms, currency)
    line = OrderLine(
        plan=subscription.plan,
        quantity=quantity,
        unit_price=unit_price,
        amount=amount,
        tax=tax,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    order = orders.place(
        buyer=payer_of(subscription),
        kind=OrderKind.RENEWAL,
        channel=subscription.channel,
        subscription=subscription,
        currency=currency,
        terms=terms,
        lines=[line],
        at=at,
    )
    events.record(
        "order.placed",
        tenant=subscription.tenant,
        by=SYSTEM,
        at=at,
        subject=order.pk,
        subscription=subscription.pk,
        kind=order.kind,
        quantity=quantity,
        total=money.text(order.total, currency),
        currency=currency,
    )
    return order


def payer_of(subscription: Subscription) -> Membership:
    """Whose name is on the bill; of what the tenant pays itself, who bought it."""
    return subscription.payer or subscription.purchaser
