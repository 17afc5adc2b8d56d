"""What must always hold of renewals, and of terms that are paid before they begin."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from commerce.models import BillingPeriod, Order, OrderKind, OrderState, Renewal, RenewalState, TakeOver
from commerce.models.order import GRANTED
from licensing.models import Subscription


def paid_renewals_have_their_term() -> Iterator[str]:
    """Each was brought by one granted order, which has the period that begins with it; and no order renews twice."""
    period = BillingPeriod.objects.filter(
        subscription=OuterRef("subscription"), starts_at=OuterRef("starts_at"), line__order=OuterRef("order")
    )
    paid = Renewal.objects.filter(state=RenewalState.PAID)
    for renewal in paid.filter(~Exists(period) | ~Q(order__state__in=GRANTED)):
        yield f"renewal {renewal.pk}: paid, and no order brought its term"
    brought = Renewal.objects.filter(order=OuterRef("pk"), state=RenewalState.PAID)
    given_back = Q(lines__returned=F("lines__quantity"))
    orders = Order.objects.granted().filter(kind=OrderKind.RENEWAL)
    # Paid ahead when it was taken over: given up until that is undone.
    taken = TakeOver.objects.filter(renewal_order=OuterRef("pk"))
    for order in orders.exclude(Exists(brought)).exclude(given_back).exclude(Exists(taken)):
        yield f"order {order.pk}: a renewal that no row says is paid"


def terms_paid_ahead_follow() -> Iterator[str]:
    """What is renewed has the period that follows, and nothing else has one that is still to begin."""
    ahead = BillingPeriod.objects.filter(subscription=OuterRef("pk"), starts_at__gte=OuterRef("term_end"))
    next_one = ahead.filter(starts_at=OuterRef("term_end"), ends_at=OuterRef("renewed_until"))
    for subscription in Subscription.objects.filter(~Exists(next_one), renewed_until__isnull=False):
        yield f"subscription {subscription.pk}: renewed, and no period follows its term"
    for subscription in Subscription.objects.filter(Exists(ahead), renewed_until=None):
        yield f"subscription {subscription.pk}: a period follows its term, and it is not renewed"


def charged_renewals_wait_for_an_answer() -> Iterator[str]:
    """One that is being charged has an order that is not settled."""
    charging = Renewal.objects.filter(state=RenewalState.CHARGING).exclude(order__state=OrderState.PENDING)
    for renewal in charging:
        yield f"renewal {renewal.pk}: being charged, and its order is settled"
