"""What subscriptions will cost, as their managers were told; and how many pay which version."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast

from django.db.models import Count, DateField, Exists, F, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce

from commerce.models import AgreementPrice, BillingPeriod, PaymentSource, Price, PriceNotice, Purchase
from commerce.models.payment_method import price_channel
from commerce.operations.pricing.price_notices import applies_from
from licensing.models import GIVES_ACCESS, Subscription


@dataclass(frozen=True, kw_only=True)
class ComingPrice:
    """From which renewal on a seat costs what, and when that was told."""

    applies_from: datetime
    amount: Decimal
    currency: str
    told_at: datetime


def coming(subscription: Subscription) -> list[ComingPrice]:
    """The prices that its next renewals take, in order; none: nothing was announced, or an agreement's price holds."""
    if not subscription.gives_access:
        return []
    notices = {
        notice.pk: notice
        for notice in PriceNotice.objects.binding().filter(subscription=subscription).select_related("price")
    }
    moments = {_renewal(subscription, notice) for notice in notices.values()}
    found: dict[object, ComingPrice] = {}
    for moment in sorted(moments):
        # Asked of each renewal as the renewal will ask, so that nothing else is shown than is charged.
        taken = cast(Purchase, Purchase.objects.with_renewal_price(moment).get(pk=subscription.pk)).renewal_notice
        if taken is not None:
            found.setdefault(taken, _coming(notices[taken], moment))
    return list(found.values())


def with_payers(prices: QuerySet[Price]) -> QuerySet[Price]:
    """
    `payers`: how many subscriptions that give access pay a version now; `joining`: how many were told of it and take
    it at a renewal to come. Those that have the price of an agreement count for neither.
    """
    return prices.annotate(payers=_count(_paying()), joining=_count(_joining()))


def _newest() -> QuerySet[BillingPeriod]:
    """Below a query of versions: the present periods of what is bought of the same plan in the same currency."""
    later = BillingPeriod.objects.filter(subscription=OuterRef("subscription"), starts_at__gt=OuterRef("starts_at"))
    return BillingPeriod.objects.filter(
        ~Exists(later),
        subscription__plan=OuterRef("plan"),
        subscription__state__in=GIVES_ACCESS,
        currency=OuterRef("currency"),
    )


def _paying() -> QuerySet[BillingPeriod]:
    """A version that came back to an amount is paid by those whose period began since."""
    agreed = AgreementPrice.objects.filter(
        agreement=OuterRef("line__order__agreement"), plan=OuterRef("subscription__plan"), amount=OuterRef("unit_price")
    )
    newer = Price.objects.filter(
        plan=OuterRef("subscription__plan"),
        channel=OuterRef("price_channel"),
        currency=OuterRef("currency"),
        amount=OuterRef("unit_price"),
        valid_from__gt=OuterRef(OuterRef("valid_from")),
        valid_from__lte=OuterRef("began_on"),
    )
    # What was paid before it was adopted was paid at the price of its own channel.
    adopted = PaymentSource.objects.adopted("subscription").filter(adopted_at__lt=OuterRef("line__order__granted_at"))
    return (
        _newest()
        .annotate(
            began_on=_local_day(F("subscription__time_zone"), F("starts_at")),
            price_channel=price_channel(adopted, "subscription__channel"),
        )
        .filter(
            ~Exists(agreed),
            ~Exists(newer),
            price_channel=OuterRef("channel"),
            unit_price=OuterRef("amount"),
            began_on__gte=OuterRef("valid_from"),
        )
    )


def _joining() -> QuerySet[BillingPeriod]:
    newer = PriceNotice.objects.binding().filter(
        subscription=OuterRef("subscription"),
        price__channel=OuterRef("price__channel"),
        price__valid_from__gt=OuterRef("price__valid_from"),
        applies_from__lte=OuterRef("applies_from"),
    )
    agreed = AgreementPrice.objects.holding(
        tenant=OuterRef("tenant"),
        subscription=OuterRef("subscription"),
        plan=OuterRef("price__plan"),
        currency=OuterRef("price__currency"),
        day=_local_day(OuterRef("subscription__time_zone"), OuterRef("applies_from")),
    )
    told = PriceNotice.objects.binding().filter(
        ~Exists(newer),
        ~Exists(agreed),
        subscription=OuterRef("subscription"),
        price=OuterRef(OuterRef("pk")),
        applies_from__gt=OuterRef("starts_at"),
    )
    adopted = PaymentSource.objects.adopted("subscription")
    return (
        _newest()
        .annotate(price_channel=price_channel(adopted, "subscription__channel"))
        .filter(Exists(told), price_channel=OuterRef("channel"))
    )


def _count(periods: QuerySet[BillingPeriod]) -> Coalesce:
    counted = periods.order_by().values("currency").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), Value(0))


def _local_day(zone: F, moment: F) -> Cast:
    return Cast(Func(zone, moment, function="timezone"), DateField())


def _renewal(subscription: Subscription, notice: PriceNotice) -> datetime:
    # By what was really sent, and by the terms as they are: a reactivation may have moved them since.
    return applies_from(subscription, notice.price, told_at=notice.sent_at or notice.created_at)


def _coming(notice: PriceNotice, moment: datetime) -> ComingPrice:
    told_at = notice.sent_at or notice.created_at
    return ComingPrice(applies_from=moment, amount=notice.amount, currency=notice.price.currency, told_at=told_at)
