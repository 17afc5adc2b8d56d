"""Which subscriptions could end on one day, as far as their rows tell; what stands against it is told by a preview."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from commerce.models import PaymentSource
from licensing.models import Subscription, SubscriptionState
from licensing.models.subscription import SubscriptionQuerySet

# What subscriptions that end together have in common, besides the tenant.
ALIKE = ("plan_id", "channel", "owner_id", "payer_id", "time_zone")


def alike(subscription: Subscription, *, at: datetime) -> SubscriptionQuerySet:
    """It, and those that could end with it or it with them; the last to end first. One thing can pay for all."""
    same = _going_on(Subscription.objects.of(subscription.tenant), at=at).filter(
        plan=subscription.plan_id,
        channel=subscription.channel,
        owner=subscription.owner_id,
        payer=subscription.payer_id,
        time_zone=subscription.time_zone,
    )
    billed = PaymentSource.objects.filter(subscription=OuterRef("pk"), by_invoice=True)
    source = PaymentSource.objects.filter(subscription=subscription).first()
    if source is not None and source.by_invoice:
        same = same.filter(Exists(billed.filter(agreement=source.agreement_id)))
    else:
        same = same.exclude(Exists(billed))
    return same.with_people().order_by("-term_end", "-pk")


def has_others(subscription: Subscription, *, at: datetime) -> bool:
    """Whether it renews, and others like it on another day."""
    if not subscription.auto_renew or subscription.renewed_until is not None:
        return False
    return alike(subscription, at=at).exclude(term_end=subscription.term_end).exists()


def behind_others(owned: SubscriptionQuerySet, *, at: datetime) -> SubscriptionQuerySet:
    """One of each kind that somebody owns of which another one ends later."""
    same = {name: OuterRef(name) for name in ("tenant_id", *ALIKE)}
    later = _going_on(Subscription.objects.filter(**same, term_end__gt=OuterRef("term_end")), at=at)
    return _going_on(owned, at=at).filter(Exists(later)).order_by(*ALIKE, "term_end").distinct(*ALIKE)


def _going_on(found: SubscriptionQuerySet, *, at: datetime) -> SubscriptionQuerySet:
    return found.filter(state=SubscriptionState.ACTIVE, auto_renew=True, renewed_until=None, term_end__gt=at)
