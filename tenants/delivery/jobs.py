"""Jobs, called by name: a row in the caller's transaction, a message after the commit, a sweep for what was lost."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from tenants.delivery.models import Job

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)  # above the worker's hard time limit of 60 s
POISONOUS = 3  # attempts after which a job is set aside for the operator
RESEND_AFTER = timedelta(seconds=15)
KEPT = timedelta(days=7)


class UnknownJob(LookupError):
    """No task of that name is registered: a defect of the caller."""


def enqueue(name: str, **arguments: Any) -> Job:
    """
    Have `name` done after the commit. Arguments are ids and plain values.

    :raises UnknownJob: no such task; celery itself would only notice in the worker
    """
    if name not in current_app.tasks:
        raise UnknownJob(name)
    job = Job.objects.create(name=name, arguments=arguments)
    transaction.on_commit(lambda: send(job.pk, name))
    return job


def enqueue_each(name: str, arguments: Iterable[dict[str, Any]]) -> list[Job]:
    """
    Have `name` done once for each set of arguments, with one statement for all.

    :raises UnknownJob: no such task
    """
    if name not in current_app.tasks:
        raise UnknownJob(name)
    jobs = Job.objects.bulk_create(Job(name=name, arguments=each) for each in arguments)

    def send_all() -> None:
        # Without a broker the sweep does it: asked for each, it would hold the caller up for a second each.
        all(send(job.pk, name) for job in jobs)

    transaction.on_commit(send_all)
    return jobs


def send(job_id: UUID, name: str) -> bool:
    """Tell a worker now. Without a broker the row waits for the sweep."""
    try:
        current_app.send_task(name, kwargs={"job_id": str(job_id)}, retry=False)
    except OperationalError:
        log.warning("no broker: job %s waits for the sweep", job_id)
        return False
    return True


def job(name: str) -> Callable[[Callable[..., None]], Any]:
    """Make a function the task of a job: it is claimed by a lease, counted, and marked done once."""

    def register(work: Callable[..., None]) -> Any:
        @shared_task(name=name)
        @wraps(work)
        def run(job_id: str) -> None:
            claimed = claim(UUID(job_id), at=timezone.now())
            if claimed is None:
                return
            work(**claimed.arguments)
            Job.objects.filter(pk=claimed.pk).update(done_at=timezone.now(), leased_until=None)

        return run

    return register


def claim(job_id: UUID, *, at: datetime) -> Job | None:
    """Take a job for this process, or None when it is done, taken or set aside."""
    free = Q(leased_until=None) | Q(leased_until__lt=at)
    to_do = Job.objects.filter(free, pk=job_id, done_at=None, set_aside_at=None)
    if to_do.filter(attempts__gte=POISONOUS).update(set_aside_at=at):
        log.error("job %s set aside after %s attempts", job_id, POISONOUS)
        return None
    if not to_do.update(attempts=F("attempts") + 1, leased_until=at + LEASE):
        return None
    return Job.objects.get(pk=job_id)


def resend_waiting(*, at: datetime) -> int:
    """Tell the workers again of each job that nobody holds. Stops at the first sign that the broker is away."""
    free = Q(leased_until=None) | Q(leased_until__lt=at)
    waiting = Job.objects.filter(free, created_at__lt=at - RESEND_AFTER, done_at=None, set_aside_at=None)
    sent = 0
    for job_id, name in waiting.order_by("created_at").values_list("pk", "name")[:500]:
        if not send(job_id, name):
            break
        sent += 1
    return sent


def forget_done(*, before: datetime) -> int:
    """Remove the rows of jobs that were done long ago; those set aside stay."""
    removed, _ = Job.objects.filter(done_at__lt=before).delete()
    return removed
