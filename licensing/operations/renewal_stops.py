"""An admin lets a subscription end with its term, whatever its owner wants, or leaves it to them again."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Subscription, SubscriptionState
from licensing.operations import subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor, Right
from tenants.journal import events
from tenants.refusal import Refused


class RenewalNotStopped(Refused):
    message = _("Its renewal is not stopped. Its owner decides about it.")


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


def require_stopped(subscription: Subscription) -> None:
    """
    :raises RenewalNotStopped: nobody has stopped it
    :raises SubscriptionInactive: it was deleted
    """
    if subscription.renewal_stopped_at is None:
        raise RenewalNotStopped
    if subscription.state == SubscriptionState.DELETED:
        raise SubscriptionInactive


@transaction.atomic
def lift(*, subscription: Subscription, reason: str, by: Actor, at: datetime) -> Subscription:
    """
    Leave its renewal to its owner again. It stays off until they turn it on: that spends their money.

    :raises NotAllowed: `by` may not change what the tenant allows
    :raises RenewalNotStopped: nobody has stopped it, or somebody was faster
    :raises SubscriptionInactive: it was deleted
    """
    subscriptions.require_in_own_tenant(subscription, by, Right.CHANGE_POLICY)
    subscription = Subscription.objects.locked().select_related("tenant").get(pk=subscription.pk)
    require_stopped(subscription)
    before, subscription.renewal_stopped_at = subscription.renewal_stopped_at, None
    subscription.save(update_fields=["renewal_stopped_at"])
    events.record(
        "subscription.renewal_allowed",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        stopped_at=before,
        reason=reason,
    )
    return subscription
