"""When something of a tenant's falls due next, for whoever moves its clock: each in a query or two."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from commerce.models import (
    CancellationRequest,
    Checkout,
    ExportSchedule,
    Leaving,
    Notice,
    Order,
    OrderState,
    Payment,
    Refund,
    RefundState,
    Renewal,
    ScheduledChange,
    TakeOver,
    TransferOffer,
)
from commerce.operations.letters import card_trial_letters
from commerce.operations.paying import asking, open_orders
from commerce.operations.renewing import due
from commerce.operations.renewing import notices as coming
from licensing.calendar import day_begins
from licensing.models import Subscription, SubscriptionState
from policies.models import Ending

# What is asked about after a time is asked just after it.
JUST_AFTER = asking.ASK_AFTER + timedelta(seconds=1)

# Terms that end first: those of the day that has begun are among them.
SOME = 50


def payments(tenant: UUID, after: datetime) -> datetime | None:
    """The first question about each; what the provider does not answer then is asked with everything else."""
    return _first(Payment.objects.live().filter(tenant=tenant, asked_at=None), "started_at", after, later=JUST_AFTER)


def refunds(tenant: UUID, after: datetime) -> datetime | None:
    unasked = Refund.objects.filter(tenant=tenant, state=RefundState.STARTED, asked_at=None)
    return _first(unasked, "created_at", after, later=JUST_AFTER)


def checkouts(tenant: UUID, after: datetime) -> datetime | None:
    return _first(Checkout.objects.filter(tenant=tenant), "expires_at", after)


def subscriptions(tenant: UUID, after: datetime) -> datetime | None:
    ends = _first(Subscription.objects.filter(tenant=tenant, held_at=None), "state_ends_at", after)
    changes = _first(ScheduledChange.objects.waiting().filter(tenant=tenant), "takes_effect_at", after)
    return _earliest(ends, changes)


def policy_changes(tenant: UUID, after: datetime) -> datetime | None:
    return _first(Ending.objects.waiting().filter(tenant=tenant), "due_at", after)


def orders(tenant: UUID, after: datetime) -> datetime | None:
    pending = Order.objects.filter(tenant=tenant, state=OrderState.PENDING, checkout=None)
    return _first(pending, "created_at", after, later=open_orders.WAITS_AT_MOST)


def renewals(tenant: UUID, after: datetime) -> datetime | None:
    """The next try of each, and the day on which the next term ends, where its subscription is."""
    tries = _first(Renewal.objects.open().filter(tenant=tenant), "next_try_at", after)
    running = Subscription.objects.filter(tenant=tenant, state__in=due.RUNS, auto_renew=True, renewed_until=None)
    ends = running.filter(term_end__gt=after).order_by("term_end")[:SOME]
    days = [day_begins(each.term_end.astimezone(each.zone).date(), each.zone) for each in ends]
    return _earliest(tries, *(day for day in days if day > after))


def notices(tenant: UUID, after: datetime) -> datetime | None:
    """A month and a week before a term ends."""
    running = Subscription.objects.filter(tenant=tenant, state=SubscriptionState.ACTIVE, renewed_until=None)
    before = (timedelta(days=days) for days in (coming.MONTH_BEFORE, coming.WEEK_BEFORE))
    return _earliest(*(_first(running, "term_end", after, later=-each) for each in before))


def trials(tenant: UUID, after: datetime) -> datetime | None:
    """A week and a day before one ends."""
    running = Subscription.objects.filter(tenant=tenant, state=SubscriptionState.TRIAL)
    before = (timedelta(days=days) for days in card_trial_letters.DAYS)
    return _earliest(*(_first(running, "state_ends_at", after, later=-each) for each in before))


def failed_renewals(tenant: UUID, after: datetime) -> datetime | None:
    return _first(Renewal.objects.open().filter(tenant=tenant), "next_letter_at", after)


def take_overs(tenant: UUID, after: datetime) -> datetime | None:
    return _first(TakeOver.objects.open().filter(tenant=tenant), "next_try_at", after)


def leavers(tenant: UUID, after: datetime) -> datetime | None:
    seats = _first(Leaving.objects.standing().filter(tenant=tenant, seats_released_at=None), "seats_due_at", after)
    return _earliest(seats, _first(TransferOffer.objects.open().filter(tenant=tenant), "lapses_at", after))


def cancellation_requests(tenant: UUID, after: datetime) -> datetime | None:
    return _first(CancellationRequest.objects.waiting().filter(tenant=tenant), "remind_at", after)


def digests(tenant: UUID, after: datetime) -> datetime | None:
    return _first(Notice.objects.undelivered().filter(tenant=tenant), "due_at", after)


def exports(tenant: UUID, after: datetime) -> datetime | None:
    return _first(ExportSchedule.objects.filter(tenant=tenant), "next_at", after)


def _first(rows: QuerySet[Any], field: str, after: datetime, *, later: timedelta = timedelta()) -> datetime | None:
    found = rows.filter(**{f"{field}__gt": after - later}).order_by().aggregate(first=Min(field))["first"]
    return None if found is None else found + later


def _earliest(*moments: datetime | None) -> datetime | None:
    return min(filter(None, moments), default=None)
