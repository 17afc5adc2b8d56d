"""
Sweeps: tasks that the schedule calls again and again, and that find their work in the tables.

    @sweep("commerce.retry_refunds", queue=Queue.MONEY, backlog=backlogs.refunds)
    def retry_refunds() -> int:

How often each runs stands in config.celery; what waits for it is counted by its `backlog`, for the operator's page.
What works on rows of tenants is a `tenant_sweep`: of those whose clock was moved it is called once for each, at the
time that it has there.

    @tenant_sweep("commerce.retry_refunds", queue=Queue.MONEY, backlog=backlogs.refunds)
    def retry_refunds(*, at: datetime, among: Scope) -> int:
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any, Protocol
from uuid import UUID

from celery import shared_task
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from tenants import clock
from tenants.delivery.models import SweepRun
from tenants.delivery.queues import Queue, line_up
from tenants.delivery.trouble import Noted, RaisedAtTheEnd
from tenants.scope import Scope

NOTHING = Q(pk__in=())


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The rows that a sweep is there for: how many are due, in a process' hands or set aside, the oldest due since."""

    due: int
    running: int = 0
    failed: int = 0
    oldest: datetime | None = None

    def __add__(self, other: "Backlog") -> "Backlog":
        return Backlog(
            due=self.due + other.due,
            running=self.running + other.running,
            failed=self.failed + other.failed,
            oldest=min(filter(None, (self.oldest, other.oldest)), default=None),
        )


def counted(
    rows: QuerySet[Any], *, since: str, due: Q | None = None, running: Q = NOTHING, failed: Q = NOTHING
) -> Backlog:
    """In one query. Without `due` it is each row that is neither running nor failed."""
    due = ~(running | failed) if due is None else due
    return Backlog(
        **rows.order_by().aggregate(
            due=Count("pk", filter=due),
            running=Count("pk", filter=running),
            failed=Count("pk", filter=failed),
            oldest=Min(since, filter=due),
        )
    )


class Work(Protocol):
    def __call__(self, *, at: datetime, among: Scope) -> int:
        """Do what is due at a moment of the rows in scope; how much that was."""


# For a tenant, the first moment after one at which something of its becomes due. None: nothing is planned.
Coming = Callable[[UUID, datetime], datetime | None]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    name: str
    queue: Queue
    backlog: Callable[[datetime], Backlog] | None
    work: Work | None = None
    coming: Coming | None = None


SWEEPS: dict[str, Sweep] = {}

_run_began: ContextVar[float | None] = ContextVar("run_began", default=None)


def sweep(
    name: str, *, queue: Queue, backlog: Callable[[datetime], Backlog] | None = None, seconds: int = 50
) -> Callable[[Callable[[], Any]], Any]:
    """Make a function the task of a sweep, whose latest run is written down; it is stopped after so many seconds."""
    line_up(name, queue)
    SWEEPS[name] = Sweep(name=name, queue=queue, backlog=backlog)

    def register(work: Callable[[], Any]) -> Any:
        @shared_task(name=name, soft_time_limit=seconds, time_limit=seconds + 10)
        @wraps(work)
        def run() -> Any:
            begun = [SweepRun(name=name, started_at=timezone.now())]
            SweepRun.objects.bulk_create(
                begun, update_conflicts=True, unique_fields=["name"], update_fields=["started_at"]
            )
            latest = SweepRun.objects.filter(name=name)
            with Noted(lambda error: latest.update(failed_at=timezone.now(), last_error=error)):
                result = work()
            latest.update(ended_at=timezone.now())
            return result

        return run

    return register


def tenant_sweep(
    name: str,
    *,
    queue: Queue,
    backlog: Callable[[datetime], Backlog] | None = None,
    coming: Coming | None = None,
) -> Callable[[Work], Any]:
    """
    Make a function the task of a sweep over tenants' rows. `coming` says when it will have something to do: whoever
    moves a clock stops there.
    """

    def register(work: Work) -> Any:
        @wraps(work)
        def for_each_clock() -> int:
            return _for_each_clock(work)

        task = sweep(name, queue=queue, backlog=backlog)(for_each_clock)
        SWEEPS[name] = replace(SWEEPS[name], work=work, coming=coming)
        return task

    return register


def _for_each_clock(work: Work) -> int:
    """What fails for one of them is raised when the others have had their turn."""
    done, later = 0, RaisedAtTheEnd()
    token = _run_began.set(time.monotonic())
    try:
        for scope, at in clock.scopes(timezone.now()):
            with later:
                done += work(at=at, among=scope)
    finally:
        _run_began.reset(token)
    later.raise_first()
    return done


def run_began() -> float:
    """By the monotonic clock: when the present run of a sweep began, at whichever tenant it is. Outside one: now."""
    return _run_began.get() or time.monotonic()
