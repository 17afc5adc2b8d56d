"""Jobs, called by name: a row in the caller's transaction, a message after the commit, a sweep for what was lost."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from tenants.access import Actor
from tenants.delivery.models import Job
from tenants.delivery.queues import Queue, line_up, names_in
from tenants.delivery.trouble import Noted
from tenants.journal import events
from tenants.refusal import Refused

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=90)  # above the worker's hard time limit of 60 s
POISONOUS = 3  # attempts after which a job is set aside for the operator
RESEND_AFTER = timedelta(seconds=15)
RESENT_AT_ONCE = 500  # of each queue
SENT_AGAIN_AFTER = timedelta(minutes=2)  # a message waits in its line as long as the jobs before it take
KEPT = timedelta(days=7)

_kept_back: ContextVar[deque[Job] | None] = ContextVar("kept_back", default=None)


class UnknownJob(LookupError):
    """No task of that name is registered: a defect of the caller."""


class NotSetAside(Refused):
    message = _("This job does not wait for an operator any more.")


def enqueue(name: str, /, **arguments: Any) -> Job:
    """
    Have `name` done after the commit. Arguments are ids and plain values.

    :raises UnknownJob: no such task; celery itself would only notice in the worker
    """
    if name not in current_app.tasks:
        raise UnknownJob(name)
    job = Job.objects.create(name=name, arguments=arguments)
    if not _keep_back(job):
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
    if _keep_back(*jobs):
        return jobs

    def send_all() -> None:
        # Without a broker the sweep does it: asked for each, it would hold the caller up for a second each.
        all(send(job.pk, name) for job in jobs)

    transaction.on_commit(send_all)
    return jobs


@contextmanager
def kept_back() -> Iterator[deque[Job]]:
    """
    The jobs that are asked for meanwhile, here and in threads that were begun with a copy of this context: no worker is
    told of them, because the caller does them, as far as their transactions were committed. Where it dies, the sweep
    finds them.
    """
    asked: deque[Job] = deque()
    token = _kept_back.set(asked)
    try:
        yield asked
    finally:
        _kept_back.reset(token)


def _keep_back(*jobs: Job) -> bool:
    asked = _kept_back.get()
    if asked is None:
        return False
    asked.extend(jobs)
    return True


def send(job_id: UUID, name: str) -> bool:
    """Tell a worker now. Without a broker the row waits for the sweep."""
    try:
        current_app.send_task(name, kwargs={"job_id": str(job_id)}, retry=False)
    except OperationalError:
        log.warning("no broker: job %s waits for the sweep", job_id)
        return False
    return True


def job(name: str, *, queue: Queue) -> Callable[[Callable[..., None]], Any]:
    """Make a function the task of a job: it is claimed by a lease, counted, and marked done once."""
    line_up(name, queue)

    def register(work: Callable[..., None]) -> Any:
        @shared_task(name=name)
        @wraps(work)
        def run(job_id: str) -> None:
            claimed = claim(UUID(job_id), at=timezone.now())
            if claimed is None:
                return
            row = Job.objects.filter(pk=claimed.pk)
            with Noted(lambda error: row.update(last_error=error)):
                work(**claimed.arguments)
            # Set aside meanwhile, when its lease was over: it is done after all.
            row.update(done_at=timezone.now(), leased_until=None, set_aside_at=None)

        return run

    return register


def claim(job_id: UUID, *, at: datetime) -> Job | None:
    """Take a job for this process, or None when it is done, taken or set aside."""
    to_do = Job.objects.free(at).filter(pk=job_id)
    if to_do.filter(attempts__gte=POISONOUS).update(set_aside_at=at):
        log.error("job %s set aside after %s attempts", job_id, POISONOUS)
        return None
    if not to_do.update(attempts=F("attempts") + 1, leased_until=at + LEASE):
        return None
    return Job.objects.get(pk=job_id)


def resend_waiting(*, at: datetime) -> int:
    """
    Tell the workers again of each job that nobody holds: the oldest of each queue, so that however many letters wait,
    a lost message about money is found. Stops at the first sign that the broker is away.
    """
    sent = []
    for job_id, name in _waiting(at):
        if not send(job_id, name):
            break
        sent.append(job_id)
    Job.objects.filter(pk__in=sent).update(sent_at=at)
    return len(sent)


def _waiting(at: datetime) -> Iterator[tuple[UUID, str]]:
    untold = Q(sent_at=None) | Q(sent_at__lte=at - SENT_AGAIN_AFTER)
    free = Job.objects.free(at).filter(untold, created_at__lt=at - RESEND_AFTER)
    for queue in Queue:
        of_queue = free.filter(name__in=names_in(queue)).order_by("created_at")
        yield from of_queue.values_list("pk", "name")[:RESENT_AT_ONCE]


@transaction.atomic
def retry(*, job: Job, by: Actor, at: datetime) -> None:
    """
    Have a job that was set aside done after all, with three attempts as if it had just been asked for.

    :raises NotAllowed: neither operator nor system
    :raises NotSetAside: somebody has done that, or removed it
    """
    job = _set_aside(job, by)
    job.attempts, job.set_aside_at, job.leased_until = 0, None, None
    job.save(update_fields=["attempts", "set_aside_at", "leased_until"])
    events.record("job.retried", tenant=None, by=by, at=at, subject=job.pk, job=job.name)
    transaction.on_commit(lambda: send(job.pk, job.name))


@transaction.atomic
def forget(*, job: Job, by: Actor, at: datetime) -> None:
    """
    Remove a job that was set aside: it is never done. What it was about stays in the journal.

    :raises NotAllowed: neither operator nor system
    :raises NotSetAside: somebody has done that, or has it tried again
    """
    job = _set_aside(job, by)
    events.record("job.forgotten", tenant=None, by=by, at=at, subject=job.pk, job=job.name, arguments=job.arguments)
    job.delete()


def _set_aside(job: Job, by: Actor) -> Job:
    by.require_operator()
    found = Job.objects.locked().set_aside().filter(pk=job.pk).first()
    if found is None:
        raise NotSetAside
    return found


def forget_done(*, before: datetime) -> int:
    """Remove the rows of jobs that were done long ago; those set aside stay."""
    removed, _ = Job.objects.filter(done_at__lt=before).delete()
    return removed
