"""From the journal to notices: each tenant's new positions are walked once, and whoever wishes it is told."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from datetime import time as clock_time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

from commerce.models import Notice, NoticeLetter, NoticePace, NoticesWritten
from commerce.operations.notices import letters_sent, matters, readers
from commerce.operations.notices.matters import Matter
from commerce.operations.notices.readers import Reader, Wish
from tenants.delivery import jobs
from tenants.delivery.sweeps import run_began
from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.journal import events
from tenants.journal.models import Event, EventPosition, UnsequencedEvent
from tenants.scope import EVERYBODY, Scope

POSITIONS_AT_ONCE = 1000
# A run of the sweep leaves the rest to the next one.
SECONDS = 30.0
DIGEST_AT = clock_time(9)
MONDAY = 0
KEPT = timedelta(days=366)

JOB = "commerce.deliver_notices"


def write(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    Write the notices of what happened since the last time, and have those letters sent that go at once. How many
    notices that were.
    """
    for tenant_id in list(_unsequenced(among)):
        events.sequence(tenant_id)
    written = 0
    for tenant in list(_with_news(among)):
        more = True
        while more and time.monotonic() - run_began() < SECONDS:
            made, more = _write_some(tenant, at=at)
            written += made
    return written


def _unsequenced(among: Scope) -> Iterable[UUID]:
    """Of a clock that is moved, nobody else gives positions in time."""
    if among.only is None:
        return []
    return UnsequencedEvent.objects.filter(tenant=among.only).values_list("tenant", flat=True).distinct()


def _with_news(among: Scope) -> Iterable[Tenant]:
    done = NoticesWritten.objects.filter(tenant=OuterRef("tenant")).values("position")
    news = EventPosition.objects.filter(tenant=OuterRef("pk"), position__gt=Coalesce(Subquery(done), 0))
    return among.of(Tenant.objects.filter(Exists(news)), tenant="pk").order_by("pk")


@transaction.atomic
def _write_some(tenant: Tenant, *, at: datetime) -> tuple[int, bool]:
    """The next positions of a tenant, their notices and how far that is: all or none. Whether there may be more."""
    NoticesWritten.objects.bulk_create([NoticesWritten(tenant=tenant)], ignore_conflicts=True)
    # Row lock: of two sweeps one walks a tenant's journal; the constraint on notices is the second wall.
    done = NoticesWritten.objects.select_for_update(skip_locked=True).filter(tenant=tenant).first()
    if done is None:
        return 0, False
    begins = done.position
    some = EventPosition.objects.filter(tenant=tenant, position__range=(begins + 1, begins + POSITIONS_AT_ONCE))
    done.position = some.aggregate(last=Max("position"))["last"] or begins
    notices = _notices(tenant, begins, done.position, at=at)
    Notice.objects.bulk_create(notices, batch_size=500)
    done.save(update_fields=["position"])
    return len(notices), done.position == begins + POSITIONS_AT_ONCE


def _notices(tenant: Tenant, begins: int, reached: int, *, at: datetime) -> list[Notice]:
    rows = Event.objects.of(tenant).filter(type__in=matters.TYPES)
    rows = rows.filter(place__position__gt=begins, place__position__lte=reached).oldest_first()
    found = matters.among(rows, tenant)
    people = readers.of_tenant(tenant, at=at) if found else []
    notices: list[Notice] = []
    at_once: dict[UUID, list[Notice]] = defaultdict(list)
    for matter in found:
        for notice, pace in _of_matter(matter, people, tenant):
            notices.append(notice)
            if pace == NoticePace.AT_ONCE:
                at_once[notice.user_id].append(notice)
            elif pace != NoticePace.OFF:
                notice.due_at = next_digest(pace, after=at, zone=tenant.zone)
    send(tenant, at_once, is_digest=False, at=at)
    return notices


def _of_matter(matter: Matter, people: Sequence[Reader], tenant: Tenant) -> Iterable[tuple[Notice, NoticePace]]:
    told = [(person, dict(person.wishes_of(matter))) for person in people]
    told = [(person, wishes) for person, wishes in told if wishes]
    by_mail = any(wish.mail != NoticePace.OFF for _person, wishes in told for wish in wishes.values())
    has_letter = letters_sent.readers(matter.event) if by_mail else frozenset()
    for person, wishes in told:
        pace = NoticePace.OFF if person.user_id in has_letter else _soonest(wishes.values())
        in_app = any(wish.in_app for wish in wishes.values())
        if not in_app and pace == NoticePace.OFF:
            continue
        notice = Notice(
            id=new_id(),
            tenant=tenant,
            user_id=person.user_id,
            event=matter.event,
            at=matter.event.at,
            topics=[topic.value for topic in wishes],
            right=matter.right.value,
            in_app=in_app,
        )
        yield notice, pace


_SOONEST_FIRST: Sequence[NoticePace] = (NoticePace.AT_ONCE, NoticePace.DAILY, NoticePace.WEEKLY, NoticePace.OFF)


def _soonest(wishes: Iterable[Wish]) -> NoticePace:
    """Of one event there is one e-mail, however many topics it belongs to."""
    return min((wish.mail for wish in wishes), key=_SOONEST_FIRST.index)


def send(tenant: Tenant, people: dict[UUID, list[Notice]], *, is_digest: bool, at: datetime) -> list[NoticeLetter]:
    """A letter to each of these people about their notices, by a job; within the caller's transaction."""
    letters = []
    for user_id, notices in people.items():
        letter = NoticeLetter(tenant=tenant, user_id=user_id, is_digest=is_digest, created_at=at)
        letters.append(letter)
        for notice in notices:
            notice.letter = letter
    NoticeLetter.objects.bulk_create(letters)
    jobs.enqueue_each(JOB, [{"letter_id": str(letter.pk)} for letter in letters])
    return letters


def next_digest(pace: NoticePace, *, after: datetime, zone: ZoneInfo) -> datetime:
    """The next 09:00 of the tenant's own time, or that of the next Monday."""
    day = after.astimezone(zone).date()
    for later in range(9):
        on = day + timedelta(days=later)
        moment = datetime.combine(on, DIGEST_AT, zone)
        if moment > after and (pace == NoticePace.DAILY or on.weekday() == MONDAY):
            return moment
    raise ValueError(pace)


@transaction.atomic
def forget(*, before: datetime, limit: int = 5000) -> int:
    """Remove notices that are older than anybody reads, with the letters that told of nothing else."""
    old = list(Notice.objects.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:limit])
    Notice.objects.filter(pk__in=old).delete()
    done = NoticeLetter.objects.filter(created_at__lt=before, notices=None)
    NoticeLetter.objects.filter(pk__in=done.values("pk")[:limit]).delete()
    return len(old)
