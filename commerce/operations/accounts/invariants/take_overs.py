"""What must always hold of what an organisation takes over."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from commerce.models import OrderState, Refund, RefundReason, TakeOver, TakeOverMode, TakeOverState
from commerce.models.takeover import ENDS_IT
from licensing.models import EndCause, Subscription, SubscriptionState


def open_take_overs_can_be_undone() -> Iterator[str]:
    """What was moved or ended is disabled and kept; what was adopted is the organisation's."""
    opened = TakeOver.objects.open()
    kept = Q(
        subscription__state=SubscriptionState.DISABLED,
        subscription__end_cause=EndCause.TAKEN_OVER,
        subscription__held_at__isnull=False,
    )
    for take_over in opened.filter(mode__in=ENDS_IT).exclude(kept):
        yield f"take-over {take_over.pk}: open, and subscription {take_over.subscription_id} is not kept for it"
    for take_over in opened.filter(mode=TakeOverMode.ADOPT, subscription__owner__isnull=False):
        yield f"take-over {take_over.pk}: open, and subscription {take_over.subscription_id} is somebody's own"


def nothing_is_taken_over_without_saying_so() -> Iterator[str]:
    """What is disabled for that has a take-over that is open; one that is settled has deleted it."""
    opened = TakeOver.objects.open().filter(subscription=OuterRef("pk"))
    for subscription in Subscription.objects.taken_over().exclude(Exists(opened)):
        yield f"subscription {subscription.pk}: taken over, and no take-over of it is open"
    settled = TakeOver.objects.filter(state=TakeOverState.SETTLED, mode__in=ENDS_IT)
    for take_over in settled.exclude(subscription__state=SubscriptionState.DELETED):
        yield f"take-over {take_over.pk}: settled, and subscription {take_over.subscription_id} is not deleted"


def what_the_organisation_takes_on_went_back() -> Iterator[str]:
    """Each paid rest of a term was given back to who had paid it, once that take-over is settled."""
    back = Refund.objects.promises().filter(
        order__subscription=OuterRef("subscription"), reason=RefundReason.TAKEN_OVER, created_at=OuterRef("closed_at")
    )
    paid = TakeOver.objects.filter(state=TakeOverState.SETTLED, order__state__in=(OrderState.PAID, OrderState.INVOICED))
    for take_over in paid.exclude(Exists(back)):
        yield f"take-over {take_over.pk}: the organisation has paid for the rest of a term that did not go back"
