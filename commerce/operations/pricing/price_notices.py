"""Telling people of a new price before it applies to them, each once."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, cast

from django.db import connection, transaction
from django.db.models import DateField, DateTimeField, Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Greatest

from commerce import money
from commerce.models import AgreementPrice, BillingPeriod, PaymentSource, Price, PriceNotice
from commerce.models.payment_method import price_channel
from commerce.models.price import NOTICE
from licensing.calendar import next_term_end
from licensing.models import GIVES_ACCESS, Subscription, SubscriptionState
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope

# Nowhere on earth is it a later day than at this offset from UTC.
FIRST_ZONE = timedelta(hours=14)
# The first key of the advisory lock that one sweep holds.
SWEEP_LOCK = 7_342
# Before any price was announced.
BEFORE_ANY = datetime(2000, 1, 1, tzinfo=UTC)


@transaction.atomic
def announce_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    Tell whoever manages a subscription of each version that its renewals would take and that they were not told of:
    also who bought, went on or lost the price of an agreement after others had been told. Returns how many were told.
    What is left waits for the next sweep.
    """
    if not _is_alone():
        return 0
    periods = list(among.of(_to_be_told(at)).order_by("subscription_id")[:limit])
    if periods:
        _write(periods, at=at)
    elif among.only is None:
        # A version is told everybody of: one tenant's clock does not end that.
        Price.objects.to_announce().filter(announced_at__lte=at).update(told_at=at)
    return len(periods)


def applies_from(subscription: Subscription, price: Price, *, told_at: datetime) -> datetime:
    """The first renewal that takes a version: not before its own day, nor within 30 days of its letter."""
    begins = datetime.combine(price.valid_from, time(), subscription.zone).astimezone(UTC)
    after = max(begins, told_at + NOTICE)
    if subscription.term_end >= after:
        return subscription.term_end
    # A renewal at that very moment takes it.
    just_before = after - datetime.resolution
    return next_term_end(subscription.anchor_at, subscription.zone, subscription.plan.term, just_before)


def _is_alone() -> bool:
    # Of two sweeps at once the second would tell the same people; the constraint is the second wall.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [SWEEP_LOCK])
        return bool(cursor.fetchone()[0])


def _to_be_told(at: datetime) -> QuerySet[BillingPeriod]:
    """The newest periods of the subscriptions that renew, or are in grace, with `untold`: the version to tell of."""
    later = BillingPeriod.objects.filter(subscription=OuterRef("subscription"), starts_at__gt=OuterRef("starts_at"))
    renews = Q(subscription__auto_renew=True) | Q(subscription__state=SubscriptionState.EXPIRED)
    earliest = Greatest(F("subscription__term_end"), Value(at + NOTICE, output_field=DateTimeField()))
    agreed = AgreementPrice.objects.holding(
        tenant=OuterRef("tenant"),
        subscription=OuterRef("subscription"),
        plan=OuterRef("subscription__plan"),
        currency=OuterRef("currency"),
        day=OuterRef("decided_on"),
    )
    adopted = PaymentSource.objects.adopted("subscription")
    return (
        BillingPeriod.objects.filter(renews, ~Exists(later), subscription__state__in=GIVES_ACCESS)
        .annotate(
            decided_on=Cast(Func(F("subscription__time_zone"), earliest, function="timezone"), DateField()),
            price_channel=price_channel(adopted, "subscription__channel"),
            # The central price as it was known when it was adopted was told then.
            known_until=Coalesce(Subquery(adopted.values("adopted_at")[:1]), Value(BEFORE_ANY)),
            untold=Subquery(_untold(at).values("pk")[:1]),
        )
        .filter(~Exists(agreed), untold__isnull=False)
        .select_related("tenant", "subscription__plan")
    )


def _untold(at: datetime) -> QuerySet[Price]:
    """Below a query of periods: the versions that a renewal after each would take, of which nobody was told yet."""
    told = PriceNotice.objects.current().filter(
        # Told, but kept from it by the terms of an agreement that hold no longer: told anew.
        Q(sent_at=None) | Q(applies_from__gt=OuterRef(OuterRef("starts_at"))),
        subscription=OuterRef(OuterRef("subscription")),
        price=OuterRef("pk"),
    )
    # Whoever was told of a higher price is told, too, that the one they have comes back.
    outdone = PriceNotice.objects.current().filter(
        ~Q(amount=OuterRef("amount")),
        applies_from__gt=OuterRef(OuterRef("starts_at")),
        subscription=OuterRef(OuterRef("subscription")),
        price__valid_from__lt=OuterRef("valid_from"),
    )
    return Price.objects.filter(
        ~Q(amount=OuterRef("unit_price")) | Exists(outdone),
        ~Exists(Price.objects.replaced((at + FIRST_ZONE).date())),
        ~Exists(told),
        plan=OuterRef("subscription__plan"),
        channel=OuterRef("price_channel"),
        currency=OuterRef("currency"),
        announced_at__lte=at,
        announced_at__gt=OuterRef("known_until"),
    ).order_by("valid_from")


def _write(periods: list[BillingPeriod], *, at: datetime) -> None:
    prices = Price.objects.in_bulk({cast(Any, period).untold for period in periods})
    made = [_notice(period, prices[cast(Any, period).untold], at=at) for period in periods]
    PriceNotice.objects.bulk_create(
        made,
        # Told before, of a version that was rewritten since and is again what it was; or that terms kept them from.
        update_conflicts=True,
        unique_fields=["subscription", "price", "amount"],
        update_fields=["applies_from", "created_at", "sent_at"],
    )
    keys = {(notice.subscription_id, notice.price_id, notice.amount) for notice in made}
    # Read again: a row that was there before kept its id.
    found = PriceNotice.objects.filter(subscription__in=[notice.subscription_id for notice in made], created_at=at)
    written = [
        notice
        for notice in found.select_related("tenant", "price")
        if (notice.subscription_id, notice.price_id, notice.amount) in keys
    ]
    events.record_each("price.announced", [_fact(notice) for notice in written], by=SYSTEM, at=at)
    jobs.enqueue_each("commerce.deliver_price_notice", [{"notice_id": str(notice.pk)} for notice in written])


def _notice(period: BillingPeriod, price: Price, *, at: datetime) -> PriceNotice:
    return PriceNotice(
        tenant=period.tenant,
        subscription=period.subscription,
        price=price,
        amount=price.amount,
        applies_from=applies_from(period.subscription, price, told_at=at),
        created_at=at,
    )


def _fact(notice: PriceNotice) -> events.Fact:
    currency = notice.price.currency
    amount = money.text(notice.amount, currency)
    told = {"unit_price": amount, "currency": currency, "applies_from": notice.applies_from}
    return events.Fact(tenant=notice.tenant, subject=notice.subscription_id, data=told)
