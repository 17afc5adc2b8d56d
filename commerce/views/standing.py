"""How a subscription stands: what waits for its renewal, what waits for a payment, and what may be done next."""

from typing import Any

from commerce.models import PaymentState, Renewal
from commerce.operations.changes import alignable, policy_endings, reactivations, scheduled
from commerce.operations.changes.reactivations import DisputeUndecided
from commerce.operations.letters import decline_reasons
from commerce.operations.paying import open_orders
from commerce.operations.pricing.coming_prices import coming
from commerce.views import wording
from licensing.models import Subscription, SubscriptionState
from licensing.operations import lifecycle
from tenants.access import Actor


def of_subscription(subscription: Subscription, by: Actor) -> dict[str, object]:
    waiting = _waiting_order(subscription, by)
    runs = subscription.state == SubscriptionState.ACTIVE
    may_go_on = lifecycle.can_be_reactivated(subscription) and waiting is None
    awaits_bank = reactivations.awaits_the_bank(subscription)
    return {
        "scheduled": scheduled.waiting(subscription),
        "coming_prices": coming(subscription),
        "planned_end": policy_endings.planned_for([subscription], at=by.now()).get(subscription.pk),
        "waiting": waiting,
        "failed": failed_renewal(subscription),
        "may_change_seats": runs and waiting is None,
        "may_align": runs and waiting is None and alignable.has_others(subscription, at=by.now()),
        "may_remove_seats": subscription.quantity > subscription.plan.min_quantity,
        "may_reactivate": may_go_on and not awaits_bank,
        "awaits_bank": DisputeUndecided.message if may_go_on and awaits_bank else "",
    }


def failed_renewal(subscription: Subscription) -> dict[str, Any] | None:
    """Why its renewal was not paid, and what follows by itself; none: nothing failed."""
    if not subscription.gives_access:
        return None
    renewal = Renewal.objects.dunned().filter(tenant=subscription.tenant_id, subscription=subscription).first()
    if renewal is None:
        return None
    return {
        "why": decline_reasons.why(renewal.decline_code),
        "next_try_at": renewal.next_try_at,
        "access_until": lifecycle.access_ends_at(subscription),
    }


def _waiting_order(subscription: Subscription, by: Actor) -> dict[str, object] | None:
    order = open_orders.pending(subscription)
    if order is None:
        return None
    payment = open_orders.live_payment(order)
    needs_step = payment is not None and payment.state == PaymentState.REQUIRES_ACTION
    return {
        "order": order,
        "lines": wording.order_lines(order),
        "step_url": payment.action_url if payment and needs_step else "",
        "since": payment.started_at if payment else order.created_at,
        "is_mine": by.is_member(order.buyer_id),
    }
