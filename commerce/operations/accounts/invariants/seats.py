"""Seats against what was ordered."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Sum

from commerce.models import ChangeState, OrderLine, ScheduledChange
from commerce.models.order import GRANTED
from licensing.models import Subscription, SubscriptionState


def seats_of_the_term_were_ordered() -> Iterator[str]:
    """While a term runs there are as many seats as its lines have left; at its end a change may have come between."""
    lines = OrderLine.objects.filter(order__state__in=GRANTED).values("order__subscription", "ends_at")
    left = {
        (row["order__subscription"], row["ends_at"]): row["left"]
        for row in lines.order_by().annotate(left=Sum(F("quantity") - F("returned")))
    }
    changed = ScheduledChange.objects.filter(
        subscription=OuterRef("pk"), takes_effect_at=OuterRef("term_end"), state=ChangeState.APPLIED
    )
    running = Subscription.objects.filter(~Exists(changed), state=SubscriptionState.ACTIVE)
    for pk, end, quantity in running.order_by("pk").values_list("pk", "term_end", "quantity").iterator():
        ordered = left.get((pk, end))
        if ordered is not None and ordered != quantity:
            yield f"subscription {pk}: {quantity} seats, its lines have {ordered} left"
