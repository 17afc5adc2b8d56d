"""Queries of purchases that somebody is sent as a file: every day, week or month, at 07:00 of the tenant's time."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import Every, ExportSchedule, FileFormat
from commerce.models.export_schedule import OF_COLUMNS, ExportScheduleQuerySet
from commerce.operations.procurement import columns as all_columns
from commerce.operations.procurement import found
from commerce.operations.procurement.saved_filters import LONGEST_NAME
from tenants.access import Actor, Right
from tenants.delivery import jobs
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope
from tenants.text import checked

MOST = 20
SENT_AT = clock_time(7)
JOB = "commerce.deliver_export"
BATCH = 500


class ScheduleExists(Refused):
    message = _("A file of this name is sent to you already.")


class TooManySchedules(Refused):
    message = _("You are sent 20 files already. Remove one that you no longer need first.")


def own(by: Actor) -> ExportScheduleQuerySet:
    """What somebody is sent where they act, by name. It stays theirs to remove, whatever they may read by now."""
    if by.tenant is None or by.user is None:
        return ExportSchedule.objects.none()
    return ExportSchedule.objects.of(by.tenant).filter(user=by.user).order_by("name", "pk")


@transaction.atomic
def add(
    *,
    name: str,
    query: Mapping[str, str],
    columns: Collection[str] = (),
    format: str,
    every: str,
    by: Actor,
    at: datetime,
) -> ExportSchedule:
    """
    Be sent what a query finds, from the next such day on, with the columns of the list that are named; none: all. Its
    rights are asked each time that it is sent.

    :raises NotAllowed: somebody who may not take purchases away as a file, or an operator, who acts in no tenant
    :raises BadInput: no name, an unknown format, interval or column, or a query that nothing can be
    :raises ScheduleExists: the person has one of this name
    :raises TooManySchedules: the person has 20
    """
    tenant = _tenant_of(by)
    name = checked(name, field="name", longest=LONGEST_NAME)
    if not name:
        raise BadInput(_("Type a name."), field="name", code="required")
    for field, value, known in (("format", format, FileFormat.values), ("every", every, Every.values)):
        if value not in known:
            raise BadInput(_("Choose one of these."), field=field, code="invalid_choice")
    found.purchases(by=by, query=query, at=at)
    all_columns.require_listed(columns)
    # Row lock: how many there are is counted by one after another.
    organisations.lock(tenant)
    if own(by).count() >= MOST:
        raise TooManySchedules
    narrowed = all_columns.narrowed(columns)
    schedule = ExportSchedule(
        tenant=tenant,
        user=by.user,
        name=name,
        query={**found.asked(query), **({OF_COLUMNS: narrowed} if narrowed else {})},
        format=format,
        every=every,
        next_at=next_time(Every(every), after=at, zone=tenant.zone),
        created_at=at,
    )
    try:
        with transaction.atomic():
            schedule.save(force_insert=True)
    except IntegrityError:
        raise ScheduleExists(field="name") from None
    told = {"format": format, "every": every, "filters": sorted(schedule.filters)}
    events.record("export_schedule.added", tenant=tenant, by=by, at=at, subject=schedule.pk, **told)
    return schedule


@transaction.atomic
def remove(*, schedule: UUID, by: Actor, at: datetime) -> None:
    """
    Be sent one's own file no more. Gone already: nothing happens.

    :raises NotAllowed: somebody who acts in no tenant
    """
    row = own(by).select_for_update(of=("self",)).filter(pk=schedule).first()
    if row is None:
        return
    row.delete()
    events.record("export_schedule.removed", tenant=by.organisation, by=by, at=at, subject=schedule)


def send_due(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """Have each that is due sent, once, however many times it has been due meanwhile. How many that were."""
    sent = 0
    while some := _send_some(at=at, among=among):
        sent += some
    return sent


@transaction.atomic
def _send_some(*, at: datetime, among: Scope) -> int:
    # Row locks: of two sweeps one sends a file; its next time and the job that sends it are written together.
    due = among.of(ExportSchedule.objects.filter(next_at__lte=at)).order_by("next_at", "pk")
    rows = list(due.select_related("tenant").select_for_update(of=("self",), skip_locked=True)[:BATCH])
    jobs.enqueue_each(JOB, [{"schedule_id": str(row.pk), "due_at": row.next_at.isoformat()} for row in rows])
    for row in rows:
        row.next_at = next_time(Every(row.every), after=at, zone=row.tenant.zone)
    ExportSchedule.objects.bulk_update(rows, ["next_at"])
    return len(rows)


def next_time(every: Every, *, after: datetime, zone: ZoneInfo) -> datetime:
    """The first such day's 07:00 after a moment, by the tenant's calendar."""
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=later) for later in range(33))
    return next(
        moment
        for moment in (datetime.combine(day, SENT_AT, zone) for day in days if _is_day_of(every, day))
        if moment > after
    )


def _is_day_of(every: Every, day: date) -> bool:
    if every == Every.WEEK:
        return day.weekday() == 0
    return day.day == 1 if every == Every.MONTH else True


def _tenant_of(by: Actor) -> Tenant:
    if by.tenant is None or by.user is None:
        raise NotAllowed(_("This is for the people of an organisation; an operator belongs to none."))
    by.require(Right.EXPORT_PURCHASES)
    return by.tenant
