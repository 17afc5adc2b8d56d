"""How a subscription stands: what waits for its renewal, what waits for a payment, and what may be done next."""

from commerce.models import PaymentState
from commerce.operations.changes import reactivations, scheduled
from commerce.operations.changes.reactivations import DisputeUndecided
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
        "waiting": waiting,
        "may_change_seats": runs and waiting is None,
        "may_remove_seats": subscription.quantity > subscription.plan.min_quantity,
        "may_reactivate": may_go_on and not awaits_bank,
        "awaits_bank": DisputeUndecided.message if may_go_on and awaits_bank else "",
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
