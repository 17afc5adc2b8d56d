"""What must always hold of orders, and of the subscriptions and terms that they brought."""

from collections.abc import Iterator

from django.db.models import CharField, Count, DecimalField, F, Q, Sum, Value
from django.db.models.functions import Cast, Coalesce

from commerce import money
from commerce.models import BillingPeriod, Order, OrderKind, OrderState, Payment, PaymentState
from commerce.models.order import GRANTED
from licensing.models import Subscription
from tenants.journal.models import Event

_NOTHING = Value(money.ZERO, output_field=DecimalField())


def paid_orders_have_one_payment() -> Iterator[str]:
    """An order is paid by exactly one succeeded payment of what was due for it, and no other order has one."""
    counted = Order.objects.annotate(payments_succeeded=Count("payments", filter=Q(payments__state="succeeded")))
    wrong = counted.filter(state=OrderState.PAID).exclude(payments_succeeded=1) | counted.exclude(
        state=OrderState.PAID
    ).filter(payments_succeeded__gt=0)
    for order in wrong:
        yield f"order {order.pk}: {order.state} with {order.payments_succeeded} succeeded payments"
    mismatched = Payment.objects.filter(state=PaymentState.SUCCEEDED).exclude(
        amount=F("order__total") - F("order__credited"), currency=F("order__currency")
    )
    for payment in mismatched:
        yield f"payment {payment.pk}: its amount is not what was due for order {payment.order_id}"


def lines_add_up_to_orders() -> Iterator[str]:
    summed = Order.objects.annotate(lines_total=Coalesce(Sum(F("lines__amount") + F("lines__tax")), _NOTHING))
    for order in summed.exclude(total=F("lines_total")):
        yield f"order {order.pk}: its lines do not add up to its total"


def every_subscription_has_its_order() -> Iterator[str]:
    """
    Each was granted by one order, paid or billed, the one that its order_ref names; the others came later. A trial has
    none, but for the term that follows it and what was ordered after that.
    """
    named = Q(orders__state__in=GRANTED, orders__kind=OrderKind.PURCHASE, order_ref=Cast("orders__id", CharField()))
    for trial in Subscription.objects.trials().filter(converts=False, orders__isnull=False).distinct():
        yield f"subscription {trial.pk}: a trial that was ordered"
    # One that converted from a trial was granted without an order.
    granted = Subscription.objects.bought().annotate(granting=Count("orders", filter=named))
    for subscription in granted.exclude(granting=1, converts=False).exclude(granting=0, converts=True):
        yield f"subscription {subscription.pk}: {subscription.granting} orders granted it"
    purchases = Q(orders__state__in=GRANTED, orders__kind=OrderKind.PURCHASE)
    for again in Subscription.objects.annotate(bought=Count("orders", filter=purchases)).filter(bought__gt=1):
        yield f"subscription {again.pk}: bought {again.bought} times"


def periods_follow_one_another() -> Iterator[str]:
    """
    The periods of a subscription neither overlap nor leave a gap, and cover its term. A gap lies only before a
    reactivation in `disabled`, which may also begin inside a term that was given back or is contested.
    """
    before: BillingPeriod | None = None
    for period in BillingPeriod.objects.order_by("subscription", "starts_at").iterator():
        if before and before.subscription_id == period.subscription_id and not _may_follow(before, period):
            kind = "overlap" if before.ends_at > period.starts_at else "leave a gap"
            yield f"subscription {period.subscription_id}: periods {kind} at {period.starts_at.isoformat()}"
        before = period
    covered = Subscription.objects.bought().annotate(
        covering=Count("billing_periods", filter=Q(billing_periods__ends_at=F("term_end")))
    )
    for subscription in covered.exclude(covering=1):
        yield f"subscription {subscription.pk}: no period ends with its term"


def _may_follow(before: BillingPeriod, period: BillingPeriod) -> bool:
    if before.ends_at == period.starts_at:
        return True
    if period.line.order.kind != OrderKind.REACTIVATION:
        return False
    if before.ends_at < period.starts_at:
        return _was_disabled(before, period)  # in grace the next term begins where the last one ended
    contested = Payment.objects.filter(order__subscription=period.subscription_id, disputed__gt=0)
    return before.line.seats_left == 0 or contested.exists()


def _was_disabled(before: BillingPeriod, period: BillingPeriod) -> bool:
    """Between the beginning of one and the payment of the next."""
    told = Event.objects.filter(tenant=period.tenant_id, type="subscription.disabled", at__gte=before.starts_at)
    return told.about(period.subscription_id).filter(at__lte=period.line.order.granted_at or period.starts_at).exists()
