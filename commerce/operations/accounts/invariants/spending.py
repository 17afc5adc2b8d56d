"""What must always hold of spend limits: what counts towards them is what was ordered, paid and given back."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from commerce.models import Checkout, Order, OrderState, PaymentState, Refund
from commerce.models.checkout import CLOSED
from licensing.models import Channel, Subscription
from policies.models import Commitment


def what_was_bought_counts_towards_limits() -> Iterator[str]:
    """Each granted order is counted once with its total, each refund of one with what it gave back."""
    counted = Commitment.objects.filter(tenant=OuterRef("tenant"), step=0, settled=True)
    of_order = counted.filter(subject=Coalesce(OuterRef("checkout"), OuterRef("pk")), amount=OuterRef("total"))
    for order in Order.objects.granted().exclude(Exists(of_order)):
        yield f"order {order.pk}: its total does not count towards spend limits"
    paid = Q(payment=None) | Q(payment__state=PaymentState.SUCCEEDED)
    of_refund = counted.filter(subject=OuterRef("pk"), amount=-OuterRef("amount"))
    for refund in Refund.objects.promises().filter(paid).exclude(Exists(of_refund)):
        yield f"refund {refund.pk}: what it gave back still counts towards spend limits"


def renewals_count_towards_limits() -> Iterator[str]:
    """Each subscription that was paid for says what its renewals cost; a trial has none."""
    renewing = Commitment.objects.filter(tenant=OuterRef("tenant"), subscription=OuterRef("pk"), step__gt=0)
    for subscription in Subscription.objects.bought().exclude(channel=Channel.PARTNER).exclude(Exists(renewing)):
        yield f"subscription {subscription.pk}: its renewals do not count towards spend limits"


def nothing_counts_that_nobody_will_pay() -> Iterator[str]:
    """What is counted and not charged waits for its payment or an approval."""
    checkout = Checkout.objects.filter(pk=OuterRef("subject"), tenant=OuterRef("tenant")).exclude(state__in=CLOSED)
    order = Order.objects.filter(pk=OuterRef("subject"), tenant=OuterRef("tenant"), state=OrderState.PENDING)
    waiting = Commitment.objects.filter(settled=False, subscription=None)
    for row in waiting.exclude(Exists(checkout) | Exists(order)).filter(step=0):
        yield f"commitment of {row.subject}: counts towards spend limits, and nothing waits to be paid"
