"""
Charges that their cardholders contest at the bank. The money is gone from the moment when that is opened, and comes
back if it is won; access goes and comes with it.
"""

import logging
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from commerce import gateways, money
from commerce.gateways.protocol import DisputeOutcome, DisputeReport
from commerce.models import Dispute, DisputeState, Order, Payment, PaymentState
from commerce.operations.accounts import ledger
from commerce.operations.paying import bringing, orders, refunds, settlement
from commerce.operations.renewing import ahead, due
from licensing.models import EndCause, Subscription, SubscriptionState
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events

log = logging.getLogger(__name__)


class NotCapturedYet(Exception):
    """The bank contests a charge of ours that cannot be read as captured: its own news is still on the way."""


def settle_dispute(*, report: DisputeReport, at: datetime) -> Dispute | None:
    """
    Write down how a dispute stands, with what follows. Once, however often it is called and in whatever order the
    news comes: one that is closed before it was heard of is opened and closed at once. Outside any transaction.

    None: it is about no charge of ours.

    :raises NotCapturedYet: about one that is not captured, as far as can be read by now
    :raises GatewayUnavailable: the provider does not say how charge and refunds stand, on which all of it depends
    """
    payment = _captured(report, at)
    if payment is None:
        return None
    # What went back before cannot be lost again; what did not must not go back any more.
    refunds.ask_about_waiting(payment, at=at)
    with transaction.atomic():
        payment = _locked(payment)
        dispute = Dispute.objects.filter(gateway_ref=report.reference).first()
        is_new, before = dispute is None, dispute and dispute.state
        dispute = dispute or _open(payment, report, at)
        dispute.payment = payment
        if report.outcome != DisputeOutcome.OPEN:
            _close(dispute, report, at)
        # What was won before anybody here heard of it has changed nothing for anybody.
        if is_new and dispute.state != DisputeState.WON:
            _take_access(dispute, at)
        if dispute.state != before and not (is_new and dispute.state == DisputeState.WON):
            jobs.enqueue("commerce.tell_dispute", dispute_id=str(dispute.pk), state=str(dispute.state))
    refunds.send_waiting(payment, at=at)
    return dispute


def _captured(report: DisputeReport, at: datetime) -> Payment | None:
    """The payment of a contested charge; settled first, where its own news is still on the way."""
    gateway = gateways.current()
    payment = Payment.objects.filter(pk=report.charge_key, gateway=gateway.name).first()
    if payment is None:
        return None
    if not payment.captured:
        charge = gateway.find(payment.pk)
        if charge is not None:
            payment = settlement.settle_payment(payment=payment, charge=charge, at=at)
    if not payment.captured:
        raise NotCapturedYet(str(payment.pk))
    return payment


def _locked(payment: Payment) -> Payment:
    """As it stands under the lock of its order, and of those whose money goes back when access ends."""
    order = orders.lock_with_next_term(payment.order_id)
    payment = Payment.objects.select_related("tenant").get(pk=payment.pk)
    payment.order = order
    return payment


def _open(payment: Payment, report: DisputeReport, at: datetime) -> Dispute:
    dispute = Dispute(
        tenant=payment.tenant,
        payment=payment,
        gateway_ref=report.reference,
        amount=_left_of(payment, report),
        opened_at=report.opened_at,
    )
    dispute.save(force_insert=True)
    _count(dispute, dispute.amount)
    ledger.dispute_opened(dispute=dispute, at=at)
    _record("dispute.opened", dispute, at)
    return dispute


def _close(dispute: Dispute, report: DisputeReport, at: datetime) -> None:
    if dispute.state != DisputeState.OPEN:
        if dispute.state != report.outcome.value:
            log.error("dispute %s was %s and is said to be %s now", dispute.pk, dispute.state, report.outcome)
        return
    if report.outcome == DisputeOutcome.WON:
        _won(dispute, at)
    else:
        _lost(dispute, report, at)
    dispute.closed_at = at
    dispute.save(update_fields=["state", "amount", "ended_subscription", "closed_at"])
    _record(f"dispute.{dispute.state}", dispute, at)


def _won(dispute: Dispute, at: datetime) -> None:
    dispute.state = DisputeState.WON
    _count(dispute, -dispute.amount)
    ledger.dispute_won(dispute=dispute, at=at)
    _give_access_back(dispute, at)


def _lost(dispute: Dispute, report: DisputeReport, at: datetime) -> None:
    """The bank keeps what it took, and with it what was promised to the card and never sent."""
    dispute.state = DisputeState.LOST
    _count(dispute, -dispute.amount)
    refunds.call_off(dispute.payment, at=at)
    dispute.payment.refresh_from_db(fields=["refunded", "disputed"])
    before, dispute.amount = dispute.amount, max(_left_of(dispute.payment, report), dispute.amount)
    _count(dispute, dispute.amount)
    ledger.dispute_lost(dispute=dispute, promised=dispute.amount - before, at=at)
    if dispute.ended_subscription:
        _hold_while_undecided(_paid_for_by(dispute), at, but=dispute)


def _left_of(payment: Payment, report: DisputeReport) -> Decimal:
    """What is claimed, and never more than is left of the charge. A claim in other money is one to all of it."""
    left = payment.captured - payment.refunded - payment.disputed
    is_ours = report.currency == ledger.currency_of(payment)
    return min(report.amount, left) if is_ours else left


def _count(dispute: Dispute, amount: Decimal) -> None:
    Payment.objects.filter(pk=dispute.payment_id).update(disputed=F("disputed") + amount)


def _take_access(dispute: Dispute, at: datetime) -> None:
    order = dispute.payment.order
    # A charge that was not needed, or not what was agreed, brought no access.
    if dispute.payment.state != PaymentState.SUCCEEDED or order.subscription_id is None:
        return
    subscription = Subscription.objects.locked().get(pk=order.subscription_id)
    if subscription.gives_access:
        # Those before took away what has been paid for anew since.
        Dispute.objects.keeping_ended(subscription.pk).update(ended_subscription=False)
        # A sweep sends what goes back.
        ahead.give_back(subscription, by=SYSTEM, at=at)
        subscription = lifecycle.end(subscription=subscription, cause=EndCause.CHARGEBACK, by=SYSTEM, at=at)
    dispute.ended_subscription = _is_ended_by_disputes(subscription)
    dispute.save(update_fields=["ended_subscription"])
    _hold_while_undecided(subscription, at)


def _give_access_back(dispute: Dispute, at: datetime) -> None:
    if not dispute.ended_subscription:
        return
    subscription = _paid_for_by(dispute)
    dispute.ended_subscription = False
    others = Dispute.objects.keeping_ended(subscription.pk).exclude(pk=dispute.pk)
    if _is_ended_by_disputes(subscription) and not others.exists():
        restored = lifecycle.restore(subscription=subscription, by=SYSTEM, at=at)
        if not bringing.bring_back(dispute.payment.order, restored, at=at):
            due.open_one(restored, at=at)
    else:
        _hold_while_undecided(subscription, at, but=dispute)


def _paid_for_by(dispute: Dispute) -> Subscription:
    return Subscription.objects.locked().get(orders=dispute.payment.order)


def _hold_while_undecided(subscription: Subscription, at: datetime, *, but: Dispute | None = None) -> None:
    """As long as the bank may give the money back, what it paid for is kept. `but`: one that is decided just now."""
    if not _is_ended_by_disputes(subscription):
        return
    undecided = Dispute.objects.keeping_ended(subscription.pk).filter(state=DisputeState.OPEN)
    if but is not None:
        undecided = undecided.exclude(pk=but.pk)
    if undecided.exists():
        lifecycle.hold(subscription=subscription, by=SYSTEM, at=at)
    else:
        lifecycle.release(subscription=subscription, by=SYSTEM, at=at)


def _is_ended_by_disputes(subscription: Subscription) -> bool:
    return subscription.state == SubscriptionState.DISABLED and subscription.end_cause == EndCause.CHARGEBACK


def _record(type: str, dispute: Dispute, at: datetime) -> None:
    order: Order = dispute.payment.order
    currency = ledger.currency_of(dispute.payment)
    events.record(
        type,
        tenant=dispute.tenant,
        by=SYSTEM,
        at=at,
        subject=order.pk,
        dispute=dispute.pk,
        payment=dispute.payment_id,
        subscription=order.subscription_id,
        amount=money.text(dispute.amount, currency),
        currency=currency,
    )
