"""An admin lets one purchase end with its term, whatever its purchaser wants; see `policy_endings.lift_stop` back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Subscription
from licensing.operations import renewal_stops, subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor, Right
from tenants.delivery import jobs
from tenants.refusal import Refused
from tenants.text import checked_reason


class RenewalStoppedAlready(Refused):
    message = _("Its renewal is stopped already.")


class OwnedByTheOrganisation(Refused):
    message = _("The organisation itself renews this. Turn its automatic renewal off instead.")


def require_stoppable(subscription: Subscription) -> None:
    """
    :raises OwnedByTheOrganisation: no member decides about its renewal
    :raises SubscriptionInactive: it has ended
    :raises RenewalStoppedAlready: by an admin or a change of policy
    """
    if subscription.owner_id is None:
        raise OwnedByTheOrganisation
    if not subscription.gives_access:
        raise SubscriptionInactive
    if subscription.renewal_stopped_at is not None:
        raise RenewalStoppedAlready


@transaction.atomic
def stop_renewal(*, subscription: Subscription, reason: str, by: Actor, at: datetime) -> Subscription:
    """
    Let it end with its term: nobody pays for it again, and its owner, who is told why, cannot turn renewal on.

    :raises NotAllowed: `by` may not end what others bought
    :raises BadInput: no reason, or one that cannot be kept
    :raises OwnedByTheOrganisation: no member decides about its renewal
    :raises SubscriptionInactive: it has ended
    :raises RenewalStoppedAlready: by an admin or a change of policy
    """
    subscriptions.require_in_own_tenant(subscription, by, Right.END_PURCHASES_OF_OTHERS)
    reason = checked_reason(reason)
    locked = Subscription.objects.locked().select_related("tenant").get(pk=subscription.pk)
    require_stoppable(locked)
    renewal_stops.stop(locked, reason=reason, by=by, at=at)
    jobs.enqueue(
        "commerce.tell_stopped_renewal", subscription_id=str(locked.pk), stopped_at=at.isoformat(), reason=reason
    )
    return locked
