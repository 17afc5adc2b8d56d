"""What must always hold of subscriptions and seats; each check returns the offending rows as sentences."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum, Value

from licensing.models import GIVES_ACCESS, Seat, SeatTally, Subscription, SubscriptionState


def seats_match_quantities() -> Iterator[str]:
    """seats_assigned is the number of open seats, and never above the quantity."""
    counted = Subscription.objects.annotate(open_seats=Count("seats", filter=Q(seats__released_at=None)))
    wrong = counted.exclude(seats_assigned=F("open_seats")) | counted.filter(seats_assigned__gt=F("quantity"))
    for row in wrong:
        yield f"subscription {row.pk}: {row.seats_assigned} seats assigned of {row.quantity}, {row.open_seats} rows"


def nobody_sits_in_a_deleted_subscription() -> Iterator[str]:
    for seat in Seat.objects.open().filter(subscription__state=SubscriptionState.DELETED):
        yield f"seat {seat.pk}: open in the deleted subscription {seat.subscription_id}"


def seats_are_tallied() -> Iterator[str]:
    """What is kept as the number of purchases and seats, by product, channel and department, is what they are."""
    kept = _sums(SeatTally.objects.all(), "product", "department", sums=("purchases", "seats", "used"))
    access = Subscription.objects.filter(state__in=GIVES_ACCESS).annotate(one=Value(1))
    there = _sums(access, "plan__product", "purchaser__department", sums=("one", "quantity", "seats_assigned"))
    nothing = (0, 0, 0)
    for scope in sorted(kept.keys() | there.keys(), key=str):
        if kept.get(scope, nothing) != there.get(scope, nothing):
            tenant, product, department, channel = scope
            yield (
                f"tenant {tenant}, product {product}, department {department}, channel {channel}: "
                f"{kept.get(scope, nothing)} tallied, {there.get(scope, nothing)} there (purchases, seats, used)"
            )


def _sums(rows: QuerySet[Any], product: str, department: str, *, sums: tuple[str, ...]) -> dict[Any, tuple[int, ...]]:
    scopes = rows.order_by().values_list("tenant", product, department, "channel")
    summed = scopes.annotate(**{f"all_{name}": Sum(name) for name in sums})
    return {tuple(row[:4]): tuple(row[4:]) for row in summed}


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (
    seats_match_quantities,
    nobody_sits_in_a_deleted_subscription,
    seats_are_tallied,
)
