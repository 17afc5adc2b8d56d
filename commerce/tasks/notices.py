"""What admins are told of, and the files that they are sent, each at the time that they chose."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.dateparse import parse_datetime

from commerce import moments
from commerce.models import ExportSchedule, NoticeLetter
from commerce.operations.letters import export_letters, notice_letters
from commerce.operations.notices import digests, writing
from commerce.operations.procurement import schedules
from tenants import clock
from tenants.delivery.jobs import job
from tenants.delivery.queues import Queue
from tenants.delivery.sweeps import tenant_sweep
from tenants.scope import Scope


@tenant_sweep("commerce.write_notices", queue=Queue.NOTICES)
def write_notices(*, at: datetime, among: Scope) -> int:
    return writing.write(at=at, among=among)


@tenant_sweep("commerce.send_digests", queue=Queue.NOTICES, coming=moments.digests)
def send_digests(*, at: datetime, among: Scope) -> int:
    return digests.send_due(at=at, among=among)


@job(writing.JOB, queue=Queue.NOTICES)
def deliver_notices(letter_id: str) -> None:
    notice_letters.deliver(
        letter_id=UUID(letter_id),
        site=settings.BASE_URL,
        sender=settings.DEFAULT_FROM_EMAIL,
        at=clock.of(NoticeLetter, letter_id),
    )


@tenant_sweep("commerce.send_exports", queue=Queue.NOTICES, coming=moments.exports)
def send_exports(*, at: datetime, among: Scope) -> int:
    return schedules.send_due(at=at, among=among)


@job(schedules.JOB, queue=Queue.NOTICES)
def deliver_export(schedule_id: str, due_at: str) -> None:
    due = parse_datetime(due_at)
    assert due is not None  # noqa: S101 (written by the sweep)
    export_letters.deliver(
        schedule_id=UUID(schedule_id),
        due_at=due,
        site=settings.BASE_URL,
        sender=settings.DEFAULT_FROM_EMAIL,
        at=clock.of(ExportSchedule, schedule_id),
    )
