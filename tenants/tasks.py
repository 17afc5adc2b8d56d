"""The sweeps of this app. What is due is in the tables; a lost message costs seconds, never work."""

import time
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Q
from django.utils import timezone

from tenants import clock
from tenants.api import idempotency
from tenants.api.webhook_way import by_http
from tenants.delivery import jobs, walks
from tenants.delivery.heartbeats import heartbeat
from tenants.delivery.jobs import job
from tenants.delivery.models import Job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import Backlog, counted, sweep, tenant_sweep
from tenants.delivery.webhooks import outcomes, sending, upkeep
from tenants.directory.delegations import Delegation
from tenants.directory.moves import ClockMove
from tenants.directory.operations import delegation_letters
from tenants.journal import events
from tenants.journal.models import UnsequencedEvent
from tenants.runs import work
from tenants.runs.models import Run
from tenants.scope import Scope
from tenants.signin import tokens

__all__ = [
    "continue_run",
    "continue_runs",
    "deliver_webhooks",
    "follow_clocks",
    "heartbeat",
    "prune",
    "resend_jobs",
    "sequence_events",
    "tell_delegation",
    "tell_disabled_webhook",
    "tell_ending_delegations",
]


def _unsequenced(at: datetime) -> Backlog:
    return counted(UnsequencedEvent.objects.all(), since="event__at")


def _to_resend(at: datetime) -> Backlog:
    return counted(Job.objects.free(at).filter(created_at__lt=at - jobs.RESEND_AFTER), since="created_at")


def _moves(at: datetime) -> Backlog:
    return counted(ClockMove.objects.under_way(), since="asked_at", running=Q(leased_until__gt=at))


def _runs(at: datetime) -> Backlog:
    return counted(Run.objects.under_way(), since="created_at", running=Q(leased_until__gt=at))


# Below the soft limit: the step that has begun then still ends in time.
FOLLOWING_FOR = 20.0


@sweep("tenants.follow_clocks", queue=Queue.UPKEEP, backlog=_moves)
def follow_clocks() -> int:
    return walks.go_on_with_all(seconds=FOLLOWING_FOR) if clock.is_simulated() else 0


@job(work.JOB, queue=Queue.UPKEEP)
def continue_run(run: str) -> None:
    work.continue_run(UUID(run))


@sweep("tenants.continue_runs", queue=Queue.UPKEEP, backlog=_runs)
def continue_runs() -> int:
    return work.go_on_with_all(seconds=FOLLOWING_FOR)


@sweep("tenants.deliver_webhooks", queue=Queue.WEBHOOKS, backlog=upkeep.backlog)
def deliver_webhooks() -> int:
    until = time.monotonic() + FOLLOWING_FOR
    return sending.deliver(way=by_http(), goes_on=lambda: time.monotonic() < until).total()


@job(outcomes.TELL, queue=Queue.NOTICES)
def tell_disabled_webhook(endpoint: str) -> None:
    upkeep.tell_disabled(UUID(endpoint), sender=settings.DEFAULT_FROM_EMAIL)


@job("tenants.tell_delegation", queue=Queue.NOTICES)
def tell_delegation(delegation_id: str, what: str) -> None:
    delegation_letters.deliver(
        delegation_id=UUID(delegation_id),
        what=what,
        site=settings.BASE_URL,
        sender=settings.DEFAULT_FROM_EMAIL,
        at=clock.of(Delegation, delegation_id),
    )


@tenant_sweep("tenants.tell_ending_delegations", queue=Queue.NOTICES)
def tell_ending_delegations(*, at: datetime, among: Scope) -> int:
    return delegation_letters.tell_due(at=at, among=among)


@sweep("tenants.sequence_events", queue=Queue.UPKEEP, backlog=_unsequenced)
def sequence_events() -> int:
    return events.sequence_waiting()


@sweep("tenants.resend_jobs", queue=Queue.UPKEEP, backlog=_to_resend)
def resend_jobs() -> int:
    return jobs.resend_waiting(at=timezone.now())


@sweep("tenants.prune", queue=Queue.UPKEEP)
def prune() -> None:
    now = timezone.now()
    jobs.forget_done(before=now - jobs.KEPT)
    idempotency.forget(before=now - idempotency.KEPT)
    upkeep.forget(before=now - upkeep.KEPT)
    tokens.forget_expired(at=now)
    SessionStore.clear_expired()
