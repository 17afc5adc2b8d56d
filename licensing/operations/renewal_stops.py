"""An admin lets a subscription end with its term, whatever its owner wants."""

from datetime import datetime

from licensing.models import Subscription
from licensing.operations import subscriptions
from tenants.access import Actor
from tenants.journal import events


def stop(subscription: Subscription, *, reason: str, by: Actor, at: datetime) -> bool:
    """
    Turn renewal off so that its owner cannot turn it on again, for a caller who holds the lock of a running
    subscription and has asked who may. Returns whether that is new.
    """
    if subscription.renewal_stopped_at is not None:
        return False
    subscription.renewal_stopped_at = at
    subscription.save(update_fields=["renewal_stopped_at"])
    events.record(
        "subscription.renewal_stopped",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        term_end=subscription.term_end,
        reason=reason,
    )
    subscriptions.turn_renewal(subscription, auto_renew=False, by=by, at=at)
    return True
