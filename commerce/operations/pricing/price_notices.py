"""Telling people of a new price before it applies to them, each once; and who pays which price."""

from datetime import UTC, date, datetime, time
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from commerce import money
from commerce.models import BillingPeriod, Price, PriceNotice, Purchase
from commerce.models.price import NOTICE
from commerce.models.purchase import PurchaseQuerySet
from commerce.operations.letters import post
from licensing.calendar import next_term_end
from licensing.models import Subscription, SubscriptionState
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.journal import events


def announce_due(*, at: datetime, limit: int = 500) -> int:
    """
    Tell the owners of subscriptions at another price of each new version, with the renewal from which it applies to
    them. Returns how many were told. What is left waits for the next sweep.
    """
    told = 0
    for price in Price.objects.to_announce():
        batch = list(_to_be_told(price)[: limit - told])
        for subscription in batch:
            told += _tell(subscription, price, at=at)
        if told >= limit:
            break
        Price.objects.filter(pk=price.pk, announced_at=price.announced_at).update(told_at=at)
    return told


def applies_from(subscription: Subscription, price: Price) -> datetime:
    """The first renewal that takes a version: not before its own day, nor within 30 days of its announcement."""
    begins = _begin_of(price.valid_from, subscription)
    after = begins if price.announced_at is None else max(begins, price.announced_at + NOTICE)
    if subscription.term_end >= after:
        return subscription.term_end
    end = next_term_end(subscription.anchor_at, subscription.zone, subscription.plan.term, after)
    # A renewal at that very moment takes it.
    before = next_term_end(subscription.anchor_at, subscription.zone, subscription.plan.term, _just_before(after))
    return min(before, end)


def with_payers(prices: QuerySet[Price]) -> QuerySet[Price]:
    """`payers`: how many subscriptions that give access pay a version's amount now."""
    newest = BillingPeriod.objects.filter(subscription=OuterRef("subscription")).order_by("-starts_at").values("pk")[:1]
    paying = (
        BillingPeriod.objects.filter(
            pk=Subquery(newest),
            line__plan=OuterRef("plan"),
            subscription__channel=OuterRef("channel"),
            subscription__state__in=(SubscriptionState.ACTIVE, SubscriptionState.EXPIRED),
            currency=OuterRef("currency"),
            unit_price=OuterRef("amount"),
        )
        .order_by()
        .values("currency")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return prices.annotate(payers=Subquery(paying))


def deliver(*, notice_id: UUID, site: str, sender: str) -> None:
    """Send one notice to whoever owns the subscription by then."""
    notice = PriceNotice.objects.select_related("price", "subscription__plan__product").get(pk=notice_id)
    subscription = Purchase.objects.with_people().with_money().get(pk=notice.subscription_id)
    if subscription.owner is None:
        return
    post.send(
        "price_notice",
        to=subscription.owner,
        subscription=subscription,
        context={"notice": notice, "currency": notice.price.currency},
        message_id=f"price-{notice.pk}",
        site=site,
        sender=sender,
    )


def _to_be_told(price: Price) -> PurchaseQuerySet:
    already = PriceNotice.objects.filter(subscription=OuterRef("pk"), price=price, amount=price.amount)
    return (
        Purchase.objects.filter(
            ~Exists(already),
            plan=price.plan_id,
            channel=price.channel,
            state=SubscriptionState.ACTIVE,
            auto_renew=True,
            owner__isnull=False,
            created_at__lt=price.announced_at,
        )
        .with_people()
        .with_money()
        .filter(Q(currency=price.currency) & ~Q(unit_price=price.amount))
        .order_by("pk")
    )


@transaction.atomic
def _tell(subscription: Subscription, price: Price, *, at: datetime) -> int:
    notice, is_new = PriceNotice.objects.get_or_create(
        tenant=subscription.tenant,
        subscription=subscription,
        price=price,
        amount=price.amount,
        defaults={"applies_from": applies_from(subscription, price), "created_at": at},
    )
    if is_new:
        events.record(
            "price.announced",
            tenant=subscription.tenant,
            by=SYSTEM,
            at=at,
            subject=subscription.pk,
            unit_price=money.text(price.amount, price.currency),
            currency=price.currency,
            applies_from=notice.applies_from,
        )
        jobs.enqueue("commerce.deliver_price_notice", notice_id=str(notice.pk))
    return int(is_new)


def _begin_of(day: date, subscription: Subscription) -> datetime:
    return datetime.combine(day, time(), subscription.zone).astimezone(UTC)


def _just_before(moment: datetime) -> datetime:
    return moment - datetime.resolution
