"""Telling a new price to whoever manages a subscription."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from commerce.models import PriceNotice, Purchase
from commerce.operations.letters import post
from commerce.operations.pricing.price_notices import applies_from
from licensing.models import Subscription, SubscriptionState
from tenants.directory.models import Membership, Role

# Who is told for the organisation itself.
TOLD = (Role.GLOBAL_ADMIN, Role.BILLING_ADMIN)


def deliver(*, notice_id: UUID, site: str, sender: str, at: datetime) -> None:
    """
    Send one notice: to the owner, else to all who answer for the organisation's spending. From then on the 30 days
    count. Rewritten since, sent before, or deleted: to nobody.
    """
    notice = PriceNotice.objects.current().filter(pk=notice_id, sent_at=None).select_related("price").first()
    if notice is None:
        return
    subscription = Purchase.objects.with_people().with_price().get(pk=notice.subscription_id)
    people = list(_told(subscription))
    if subscription.state == SubscriptionState.DELETED or not people:
        return
    # A letter that waited for long names the renewal that is 30 days from now.
    notice.applies_from = applies_from(subscription, notice.price, told_at=at)
    managed = reverse("admin:commerce_purchase_change", args=[subscription.pk])
    for person in people:
        # Its own page is for its owner alone.
        page = post.page_of(subscription) if person.pk == subscription.owner_id else managed
        post.send(
            "price_notice",
            to=person,
            subscription=subscription,
            context={"notice": notice, "currency": notice.price.currency, "url": site + page},
            message_id=f"price-{notice.pk}-{person.pk}-{notice.created_at:%Y%m%d%H%M%S}",
            site=site,
            sender=sender,
        )
    # Not of one that was announced anew meanwhile: that has a letter of its own.
    same = PriceNotice.objects.filter(pk=notice.pk, created_at=notice.created_at, sent_at=None)
    same.update(sent_at=at, applies_from=notice.applies_from)


def _told(subscription: Subscription) -> Iterable[Membership]:
    people = Membership.objects.of(subscription.tenant).active().select_related("user", "tenant").order_by("pk")
    owner = people.filter(pk=subscription.owner_id) if subscription.owner_id else people.none()
    return owner or people.filter(role_grants__role__in=TOLD).distinct()
