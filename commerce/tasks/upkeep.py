"""What looks after the rest: the provider's books, pruning, members who left."""

import logging
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from commerce import moments
from commerce.operations.accounts import catching_up, reconciliation, spend
from commerce.operations.centralising import purchasers, requests
from commerce.operations.handover import acceptance, offers
from commerce.operations.leaving import noticing, warnings
from commerce.operations.notices import writing
from commerce.operations.paying import incoming
from licensing.operations import tallies
from tenants import clock
from tenants.delivery.jobs import job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import sweep, tenant_sweep
from tenants.directory.models import Membership
from tenants.scope import Scope

log = logging.getLogger(__name__)


# Longer than others: a day of a provider's books has many pages. Still below the time after which it would run twice.
@sweep("commerce.compare_books", queue=Queue.UPKEEP, seconds=100)
def compare_books() -> int:
    now = timezone.now()
    catching_up.catch_up(since=catching_up.begins_at(now), at=now)
    try:
        return reconciliation.compare_books(at=now).standing
    except reconciliation.ProviderSilent:
        log.warning("the payment provider does not answer: its books are compared at the next run")
        return 0


@job("commerce.after_leaving", queue=Queue.UPKEEP)
def after_leaving(member_id: str) -> None:
    noticing.look_at(member_id=UUID(member_id), at=clock.of(Membership, member_id))


@tenant_sweep("commerce.watch_leavers", queue=Queue.UPKEEP, coming=moments.leavers)
def watch_leavers(*, at: datetime, among: Scope) -> int:
    moved = noticing.watch(at=at, among=among) + warnings.warn(at=at, among=among)
    return moved + acceptance.finish_waiting(at=at, among=among) + offers.lapse_due(at=at, among=among)


@tenant_sweep("commerce.watch_cancellation_requests", queue=Queue.UPKEEP, coming=moments.cancellation_requests)
def watch_cancellation_requests(*, at: datetime, among: Scope) -> int:
    """First what is over, so that nobody is reminded of it."""
    closed = requests.close_due(at=at, among=among)
    return closed + requests.remind_due(at=at, among=among) + purchasers.finish_due(at=at, among=among)


@sweep("commerce.fold_summaries", queue=Queue.UPKEEP)
def fold_summaries() -> int:
    """What the first page of the procurement view sums up stays short."""
    return spend.fold() + tallies.fold()


@sweep("commerce.recount_summaries", queue=Queue.UPKEEP)
def recount_summaries() -> int:
    """Some tenants each hour, each of them once a day: somebody may buy while they are moved to another department."""
    return tallies.recount_some(hour=timezone.now().hour)


@sweep("commerce.prune", queue=Queue.UPKEEP)
def prune() -> int:
    now = timezone.now()
    return incoming.forget(before=now - incoming.KEPT) + writing.forget(before=now - writing.KEPT)
