"""Which terms are due: each becomes a row, once, on the day on which the term before it ends."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from commerce.models import Renewal, RenewalState
from commerce.operations.renewing import dunning, notices, outcomes
from licensing.calendar import day_begins
from licensing.models import Channel, Subscription, SubscriptionState
from licensing.models.subscription import SubscriptionQuerySet
from tenants.scope import EVERYBODY, Scope

RUNS = (SubscriptionState.ACTIVE, SubscriptionState.TRIAL)
# Longer than the longest day, with both changes of a clock.
LONGEST_DAY = timedelta(hours=27)
# How often the rules are asked about what they refused.
ASKED_AGAIN = timedelta(hours=1)
PLAN = "subscription__plan__product"

# A UUIDv7 as Python makes them: the milliseconds, then chance. PostgreSQL has none of its own before 18.
NEW_ID = """
    encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6
    ), 52, 1), 53, 1), 'hex')::uuid
"""
# One that nobody wanted any more is wanted again. Nothing is done twice where a row is there.
OPEN = f"""
    INSERT INTO commerce_renewal (
        id, tenant_id, subscription_id, starts_at, state, next_try_at, attempts, faults, step, decline_code,
        refused_by, created_at
    )
    SELECT {NEW_ID}, s.tenant_id, s.id, s.term_end, 'due', least(s.term_end, %(at)s), 0, 0, 0, '', '[]', %(at)s
    FROM licensing_subscription AS s
    JOIN unnest(%(zones)s::text[], %(ends)s::timestamptz[]) AS today (zone, ends_at) ON today.zone = s.time_zone
    WHERE s.auto_renew AND s.renewed_until IS NULL AND s.channel <> %(partner)s AND ({{which}})
    AND s.term_end < today.ends_at
    AND NOT EXISTS (
        SELECT FROM commerce_renewal AS r
        WHERE r.subscription_id = s.id AND r.starts_at = s.term_end AND r.state <> 'lapsed'
    )
    ON CONFLICT (subscription_id, starts_at) DO UPDATE
    SET state = 'due', next_try_at = EXCLUDED.next_try_at, settled_at = NULL
    WHERE commerce_renewal.state = 'lapsed'
"""  # noqa: S608 (only texts of this module)
# While it is active, or a trial, a subscription's state runs out with its term: that has an index. Of trials those with
# a card renew: they become purchases.
RUNNING = (
    "s.state IN ('active', 'trial') AND s.state_ends_at < %(latest)s"
    " AND (%(only)s::uuid IS NULL OR s.tenant_id = %(only)s) AND s.tenant_id <> ALL(%(but)s::uuid[])"
)
THIS_ONE = "s.state IN ('active', 'expired') AND s.id = %(subscription)s"


def open_due(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    A row for each term that is due: from 00:00 of the day on which the one before it ends, in the subscription's zone.
    Two statements, however many there are. Returns how many came to be due.
    """
    latest = at + LONGEST_DAY
    zones = _running(latest).order_by().values_list("time_zone", flat=True).distinct()
    return _open(RUNNING, list(zones), at=at, latest=latest, only=among.only, but=list(among.but))


def coming_due(*, at: datetime, among: Scope = EVERYBODY) -> list[Subscription]:
    """What `open_due` would open; changes nothing."""
    no_row = ~Exists(
        Renewal.objects.filter(subscription=OuterRef("pk"), starts_at=OuterRef("term_end")).exclude(
            state=RenewalState.LAPSED
        )
    )
    found = among.of(_running(at + LONGEST_DAY)).filter(no_row).select_related("tenant").order_by("term_end", "pk")
    return [
        subscription
        for subscription in found
        if (end := _end_of_day(subscription.time_zone, at)) and subscription.term_end < end
    ]


def open_one(subscription: Subscription, *, at: datetime) -> int:
    """As `open_due`, for one that something kept from it, also where it is in grace by now."""
    return _open(THIS_ONE, [subscription.time_zone], at=at, subscription=subscription.pk)


def _open(which: str, zones: list[str], *, at: datetime, **names: Any) -> int:
    known = [(zone, _end_of_day(zone, at)) for zone in zones]
    told = [(zone, end) for zone, end in known if end]
    if not told:
        return 0
    given: dict[str, Any] = {
        "at": at,
        "zones": [zone for zone, _end in told],
        "ends": [end for _zone, end in told],
        "partner": Channel.PARTNER,
        **names,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPEN.format(which=which), given)
        return int(cursor.rowcount)


def _running(latest: datetime) -> SubscriptionQuerySet:
    running = Subscription.objects.filter(state__in=RUNS, state_ends_at__lt=latest, auto_renew=True, renewed_until=None)
    return running.exclude(channel=Channel.PARTNER)


def _end_of_day(zone: str, at: datetime) -> datetime | None:
    """The end of the present day there. None: no such zone; those who are in it hold up nobody else."""
    try:
        there = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
    return day_begins(at.astimezone(there).date() + timedelta(days=1), there)


def reopen_refused(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    Have those tried after all that a rule refused and none refuses any more, as where an exclusion was a mistake, while
    the term before still runs. Each is asked about once an hour. Returns how many.
    """
    refused = among.of(Renewal.objects.refused_of_running_terms(at)).filter(
        Q(leased_until=None) | Q(leased_until__lte=at),
        subscription__state_ends_at__lt=at + LONGEST_DAY,
        settled_at__lte=at - ASKED_AGAIN,
    )
    rows = list(
        refused.exclude(refused_by__contains=[outcomes.NOT_PRICED]).select_related("subscription__tenant", PLAN)
    )
    if not rows:
        return 0
    # Nobody works on these: that they were asked about is all that a lease of them says.
    Renewal.objects.filter(pk__in=[row.pk for row in rows]).update(leased_until=at + ASKED_AGAIN)
    against = notices.reasons_against([row.subscription for row in rows])
    passing = [row.pk for row, reasons in zip(rows, against, strict=True) if not reasons]
    return sum(_reopen(pk, at=at) for pk in passing)


@transaction.atomic
def _reopen(pk: UUID, *, at: datetime) -> bool:
    Subscription.objects.locked().get(renewals=pk)
    held = Renewal.objects.locked().refused_of_running_terms(at).select_related("tenant").filter(pk=pk).first()
    if held is not None:
        dunning.reopen(held, at=at)
    return held is not None


def withdraw_unwanted(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    Let the renewals go that nobody wants any more: renewal was turned off or stopped, the subscription has ended, or
    another order brought the term. What is being charged is left to its outcome. Returns how many.
    """
    renews = Q(
        subscription__state__in=(*RUNS, SubscriptionState.EXPIRED),
        subscription__auto_renew=True,
        subscription__term_end=F("starts_at"),
    )
    unwanted = among.of(Renewal.objects.open().not_held()).exclude(state=RenewalState.CHARGING).exclude(renews)
    withdrawn = 0
    for pk in list(unwanted.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            subscription = Subscription.objects.locked().select_related("tenant").get(renewals=pk)
            renewal = unwanted.filter(pk=pk).select_for_update(of=("self",), no_key=True).first()
            if renewal is not None:
                outcomes.lapse(renewal, subscription, at=at)
                withdrawn += 1
    return withdrawn
