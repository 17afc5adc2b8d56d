"""What moves money or seats: charges, refunds, renewals, ends of terms, what follows a change of policy."""

import time
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from commerce import backlogs, moments
from commerce.gateways import pace
from commerce.models import Checkout, Renewal, TakeOver
from commerce.operations.billing import invoice_payments
from commerce.operations.buying import approvals, checkouts
from commerce.operations.changes import policy_endings, scheduled
from commerce.operations.paying import card_setups, charging, kept_cards, open_orders, refunds, settlement
from commerce.operations.renewing import dunning, sweeps
from commerce.operations.renewing.renewals import Provider
from commerce.operations.takeover import settling
from tenants import clock
from tenants.delivery.jobs import job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import run_began, tenant_sweep
from tenants.directory.models import Tenant
from tenants.scope import Scope


@tenant_sweep("commerce.reconcile_payments", queue=Queue.MONEY, backlog=backlogs.payments, coming=moments.payments)
def reconcile_payments(*, at: datetime, among: Scope) -> int:
    return len(settlement.reconcile_payments(at=at, among=among))


# By itself: however many payments wait for an answer, money that is owed to people goes back.
@tenant_sweep("commerce.retry_refunds", queue=Queue.MONEY, backlog=backlogs.refunds, coming=moments.refunds)
def retry_refunds(*, at: datetime, among: Scope) -> int:
    return refunds.retry_unsettled(at=at, among=among)


@tenant_sweep("commerce.reconcile_cards", queue=Queue.MONEY, backlog=backlogs.cards)
def reconcile_cards(*, at: datetime, among: Scope) -> int:
    return len(card_setups.reconcile(at=at, among=among)) + kept_cards.forget_removed(at=at, among=among)


# With what the jobs left of the charges that follow an approval.
@tenant_sweep("commerce.expire_checkouts", queue=Queue.MONEY, backlog=backlogs.checkouts, coming=moments.checkouts)
def expire_checkouts(*, at: datetime, among: Scope) -> int:
    charged = approvals.charge_due(return_to=_back_to, at=at, among=among)
    return charged + checkouts.expire_overdue(at=at, among=among)


@job("commerce.charge_approved", queue=Queue.MONEY)
def charge_approved(checkout_id: str) -> None:
    checkout = Checkout.objects.select_related("tenant").get(pk=UUID(checkout_id))
    approvals.charge(checkout=checkout, return_url=_back_to(checkout), at=clock.now(checkout.tenant))


def _back_to(checkout: Checkout) -> str:
    return settings.BASE_URL + reverse("checkout-return", kwargs={"checkout_id": checkout.pk})


@tenant_sweep(
    "commerce.expire_subscriptions", queue=Queue.MONEY, backlog=backlogs.subscriptions, coming=moments.subscriptions
)
def expire_subscriptions(*, at: datetime, among: Scope) -> int:
    return scheduled.advance_due(at=at, among=among)


@job("commerce.apply_policy_change", queue=Queue.MONEY)
def apply_policy_change(tenant_id: str) -> None:
    tenant = Tenant.objects.get(pk=UUID(tenant_id))
    policy_endings.apply_due(at=clock.now(tenant), among=Scope(only=tenant.pk))


@tenant_sweep(
    "commerce.apply_policy_changes", queue=Queue.MONEY, backlog=backlogs.policy_changes, coming=moments.policy_changes
)
def apply_policy_changes(*, at: datetime, among: Scope) -> int:
    return policy_endings.apply_due(at=at, among=among)


@tenant_sweep("commerce.settle_take_overs", queue=Queue.MONEY, backlog=backlogs.take_overs, coming=moments.take_overs)
def settle_take_overs(*, at: datetime, among: Scope) -> int:
    return settling.settle_due(at=at, among=among)


@job("commerce.settle_take_over", queue=Queue.MONEY)
def settle_take_over(take_over_id: str) -> None:
    with suppress(charging.CardDeclined, charging.PaymentCanceled):  # put off, and told
        settling.settle_one(take_over_id=UUID(take_over_id), at=clock.of(TakeOver, take_over_id))


@tenant_sweep("commerce.expire_orders", queue=Queue.MONEY, backlog=backlogs.orders, coming=moments.orders)
def expire_orders(*, at: datetime, among: Scope) -> int:
    return open_orders.cancel_overdue(at=at, among=among) + invoice_payments.release_overdue(at=at, among=among)


@job("commerce.renew_now", queue=Queue.MONEY)
def renew_now(renewal_id: str) -> None:
    now = clock.of(Renewal, renewal_id)
    dunning.resume(renewal_id=UUID(renewal_id), at=now)
    sweeps.renew_one(renewal_id=UUID(renewal_id), provider=_provider(), at=now, now=timezone.now())


# Below the soft limit: what has begun then still ends in time, and the next one goes on where this one stopped.
RENEWING_FOR = 35.0

# Of that, what is left to those whose clock was moved, and what one of them takes at most.
RENEWING_ALONE_FOR = 10.0


@tenant_sweep("commerce.renew_subscriptions", queue=Queue.MONEY, backlog=backlogs.renewals, coming=moments.renewals)
def renew_subscriptions(*, at: datetime, among: Scope) -> int:
    until = _renewing_until(among)
    done = sweeps.renew_due(
        provider=_provider(),
        at=at,
        limit=10_000,
        goes_on=lambda: time.monotonic() < until,
        now=timezone.now,
        among=among,
    )
    return done.total()


def _renewing_until(among: Scope) -> float:
    """All scopes of a run together take no longer than one run may."""
    end = run_began() + RENEWING_FOR
    if among.only:
        return min(end, time.monotonic() + RENEWING_ALONE_FOR)
    return end - RENEWING_ALONE_FOR if among.but else end


def _provider() -> Provider:
    return Provider(site=settings.BASE_URL, pace=pace.current())
