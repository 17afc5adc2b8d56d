"""What must always hold of subscriptions and seats; each check returns the offending rows as sentences."""

from collections.abc import Callable, Iterator

from django.db.models import Count, F, Q

from licensing.models import Seat, Subscription, SubscriptionState


def seats_match_quantities() -> Iterator[str]:
    """seats_assigned is the number of open seats, and never above the quantity."""
    counted = Subscription.objects.annotate(open_seats=Count("seats", filter=Q(seats__released_at=None)))
    wrong = counted.exclude(seats_assigned=F("open_seats")) | counted.filter(seats_assigned__gt=F("quantity"))
    for row in wrong:
        yield f"subscription {row.pk}: {row.seats_assigned} seats assigned of {row.quantity}, {row.open_seats} rows"


def nobody_sits_in_a_deleted_subscription() -> Iterator[str]:
    for seat in Seat.objects.open().filter(subscription__state=SubscriptionState.DELETED):
        yield f"seat {seat.pk}: open in the deleted subscription {seat.subscription_id}"


CHECKS: tuple[Callable[[], Iterator[str]], ...] = (seats_match_quantities, nobody_sits_in_a_deleted_subscription)
