"""A term that is made longer, so that it ends together with another one."""

from datetime import datetime

from django.db import transaction

from licensing.calendar import whole_term_start
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.journal import events


def can_be_prolonged(subscription: Subscription, at: datetime) -> bool:
    """Its term runs, and the next one is not paid yet."""
    return subscription.runs_at(at) and subscription.renewed_until is None


@transaction.atomic
def prolong(
    *, subscription: Subscription, until: datetime, anchor_at: datetime, by: Actor, at: datetime
) -> Subscription:
    """
    Let the present term run until a later moment. From then on terms are counted from another anchor.

    :raises SubscriptionInactive: no term runs, the next one is paid already, or this one ends no earlier
    """
    subscription = Subscription.objects.locked().get(pk=subscription.pk)
    if not can_be_prolonged(subscription, at) or until <= subscription.term_end:
        raise SubscriptionInactive
    since = subscription.term_end
    subscription.term_end = subscription.state_ends_at = until
    subscription.anchor_at = anchor_at
    subscription.save(update_fields=["term_end", "state_ends_at", "anchor_at"])
    events.record(
        "subscription.prolonged",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        since=since,
        term_end=until,
    )
    return subscription


def counted_from(subscription: Subscription) -> datetime:
    """
    Where a whole term begins that ends with the present one: what is sold for the rest of the term is a part of that.
    It is the start of the term, unless that was prolonged.
    """
    whole = whole_term_start(subscription.anchor_at, subscription.zone, subscription.plan.term, subscription.term_end)
    return max(whole, subscription.term_start)
