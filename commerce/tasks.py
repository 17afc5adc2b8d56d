"""Jobs and sweeps of this app. What is due is in the tables; a lost message costs seconds, never money."""

import logging
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from commerce import gateways
from commerce.gateways.sandbox import SandboxGateway, news, wire
from commerce.models import Checkout
from commerce.operations.accounts import catching_up, reconciliation
from commerce.operations.billing import invoice_payments
from commerce.operations.buying import approvals, checkouts
from commerce.operations.changes import policy_endings, scheduled
from commerce.operations.letters import (
    approval_letters,
    card_notices,
    change_letters,
    dispute_letters,
    invoice_letters,
    policy_letters,
    price_letters,
    receipts,
    support_letters,
    trial_letters,
)
from commerce.operations.paying import card_setups, incoming, kept_cards, open_orders, refunds, settlement
from commerce.operations.pricing import price_notices
from tenants.delivery.jobs import job

log = logging.getLogger(__name__)


@job("commerce.deliver_receipt")
def deliver_receipt(order_id: str) -> None:
    receipts.deliver_receipt(order_id=UUID(order_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@job("commerce.deliver_trial")
def deliver_trial(subscription_id: str) -> None:
    trial_letters.deliver(
        subscription_id=UUID(subscription_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("commerce.deliver_price_notice")
def deliver_price_notice(notice_id: str) -> None:
    price_letters.deliver(
        notice_id=UUID(notice_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL, at=timezone.now()
    )


@job("commerce.deliver_support_answer")
def deliver_support_answer(case_id: str) -> None:
    support_letters.deliver_answer(case_id=UUID(case_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@shared_task(name="commerce.announce_prices")
def announce_prices() -> int:
    return price_notices.announce_due(at=timezone.now())


@job("commerce.deliver_invoice")
def deliver_invoice(order_id: str) -> None:
    invoice_letters.deliver_invoice(order_id=UUID(order_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@job("commerce.deliver_credit_note")
def deliver_credit_note(invoice_id: str) -> None:
    invoice_letters.deliver_credit_note(
        invoice_id=UUID(invoice_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@shared_task(name="commerce.reconcile_payments")
def reconcile_payments() -> int:
    return len(settlement.reconcile_payments(at=timezone.now()))


# By itself: however many payments wait for an answer, money that is owed to people goes back.
@shared_task(name="commerce.retry_refunds")
def retry_refunds() -> int:
    return refunds.retry_unsettled(at=timezone.now())


# Longer than others: a day of a provider's books has many pages. Still below the time after which it would run twice.
@shared_task(name="commerce.compare_books", soft_time_limit=100, time_limit=110)
def compare_books() -> int:
    now = timezone.now()
    catching_up.catch_up(since=catching_up.begins_at(now), at=now)
    try:
        return reconciliation.compare_books(at=now).standing
    except reconciliation.ProviderSilent:
        log.warning("the payment provider does not answer: its books are compared at the next run")
        return 0


@shared_task(name="commerce.reconcile_cards")
def reconcile_cards() -> int:
    now = timezone.now()
    return len(card_setups.reconcile(at=now)) + kept_cards.forget_removed(at=now)


@job("commerce.deliver_card_notice")
def deliver_card_notice(payment_method_id: str) -> None:
    card_notices.deliver(
        payment_method_id=UUID(payment_method_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@shared_task(name="commerce.tell_expiring_cards")
def tell_expiring_cards() -> int:
    return card_notices.tell_expiring(at=timezone.now())


# With what the jobs left of the charges that follow an approval.
@shared_task(name="commerce.expire_checkouts")
def expire_checkouts() -> int:
    now = timezone.now()
    return approvals.charge_due(return_to=_back_to, at=now) + checkouts.expire_overdue(at=now)


@job("commerce.charge_approved")
def charge_approved(checkout_id: str) -> None:
    checkout = Checkout.objects.get(pk=UUID(checkout_id))
    approvals.charge(checkout=checkout, return_url=_back_to(checkout), at=timezone.now())


@job("commerce.tell_approvers")
def tell_approvers(approval_id: str) -> None:
    approval_letters.deliver_request(
        approval_id=UUID(approval_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("commerce.tell_approval")
def tell_approval(approval_id: str) -> None:
    approval_letters.deliver_outcome(
        approval_id=UUID(approval_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("commerce.tell_refused_approval")
def tell_refused_approval(approval_id: str, reasons: list[str]) -> None:
    approval_letters.deliver_refusal(
        approval_id=UUID(approval_id), reasons=reasons, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("commerce.ask_to_pay")
def ask_to_pay(checkout_id: str, why: str) -> None:
    approval_letters.deliver_payment_request(
        checkout_id=UUID(checkout_id), why=why, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


def _back_to(checkout: Checkout) -> str:
    return settings.BASE_URL + reverse("checkout-return", kwargs={"checkout_id": checkout.pk})


@shared_task(name="commerce.expire_subscriptions")
def expire_subscriptions() -> int:
    return scheduled.advance_due(at=timezone.now())


@job("commerce.apply_policy_change")
def apply_policy_change(tenant_id: str) -> None:
    policy_endings.apply_due(tenant_id=UUID(tenant_id), at=timezone.now())


@shared_task(name="commerce.apply_policy_changes")
def apply_policy_changes() -> int:
    return policy_endings.apply_due(at=timezone.now())


@job("commerce.tell_policy_ending")
def tell_policy_ending(ending_id: str) -> None:
    policy_letters.deliver_ending(ending_id=UUID(ending_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@shared_task(name="commerce.expire_orders")
def expire_orders() -> int:
    return open_orders.cancel_overdue(at=timezone.now()) + invoice_payments.release_overdue(at=timezone.now())


@job("commerce.deliver_dropped_change")
def deliver_dropped_change(change_id: str) -> None:
    change_letters.deliver_dropped_change(
        change_id=UUID(change_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@job("commerce.deliver_lost_seats")
def deliver_lost_seats(seat_ids: list[str]) -> None:
    change_letters.deliver_lost_seats(seat_ids=seat_ids, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@job("commerce.handle_incoming_event")
def handle_incoming_event(event_id: str) -> None:
    incoming.handle(event_id=UUID(event_id), at=timezone.now())


@shared_task(name="commerce.handle_incoming")
def handle_incoming() -> int:
    return incoming.resume(at=timezone.now())


@shared_task(name="commerce.prune")
def prune() -> int:
    return incoming.forget(before=timezone.now() - incoming.KEPT)


@job("commerce.tell_dispute")
def tell_dispute(dispute_id: str, state: str) -> None:
    dispute_letters.deliver(
        dispute_id=UUID(dispute_id), state=state, site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL
    )


@shared_task(name="commerce.send_sandbox_events")
def send_sandbox_events() -> int:
    """The sandbox's part: a real provider does this itself."""
    if not isinstance(gateways.current(), SandboxGateway):
        return 0
    url = settings.BASE_URL + reverse("payment-events", kwargs={"gateway": SandboxGateway.name})
    return news.deliver(post=wire.poster(url), at=timezone.now())
