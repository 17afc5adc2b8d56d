"""Jobs and sweeps of this app. What is due is in the tables; a lost message costs seconds, never money."""

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from commerce.operations import checkouts, invoice_letters, price_notices, receipts, settlement
from licensing.operations import lifecycle
from tenants.delivery.jobs import job


@job("commerce.deliver_receipt")
def deliver_receipt(order_id: str) -> None:
    receipts.deliver_receipt(order_id=UUID(order_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


@job("commerce.deliver_price_notice")
def deliver_price_notice(notice_id: str) -> None:
    price_notices.deliver(notice_id=UUID(notice_id), site=settings.BASE_URL, sender=settings.DEFAULT_FROM_EMAIL)


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
    return len(settlement.reconcile(at=timezone.now()))


@shared_task(name="commerce.expire_checkouts")
def expire_checkouts() -> int:
    return checkouts.expire_overdue(at=timezone.now())


@shared_task(name="commerce.expire_subscriptions")
def expire_subscriptions() -> int:
    return lifecycle.advance_due(at=timezone.now())
