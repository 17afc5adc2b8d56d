"""What is ordered for a subscription that is there: the bank's step, the way back from it, and giving it up."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commerce.operations.buying.payments import NothingToConfirm
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.letters.post import page_of
from commerce.operations.paying import cards, charging, declines, open_orders
from commerce.operations.paying.open_orders import OrderCanceled, OrderCompleted
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.views.desks import Desk, own_desk, why
from commerce.views.people import for_members, sent_from
from licensing.models import Subscription
from tenants.access import Actor

# What another card, or a little patience, helps against.
CARD_REFUSED = (
    charging.CardDeclined,
    cards.PaymentMethodNotAccepted,
    declines.TooManyDeclines,
    declines.TooManyCardsAtOnce,
)
# What is done by looking once more and sending it again.
LOOK_AGAIN = (ChangedSincePreview, charging.PaymentCanceled, cards.ProviderUnavailable, OrderCanceled)


@require_safe
@for_members
def come_back(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    """Where the bank's page leads when the cardholder has answered, also of what the organisation buys itself."""
    subscription = get_object_or_404(Subscription.objects.visible_to(by).with_people(), pk=subscription_id)
    order = open_orders.pending(subscription)
    if order is not None and by.is_member(order.buyer_id):
        try:
            with suppress(NothingToConfirm, OrderCanceled):  # By another way: the subscription's page tells.
                order = open_orders.refresh_order(order=order, by=by, at=by.now())
        except (charging.CardDeclined, charging.PaymentCanceled, *charging.CAME_TO_NOTHING) as refusal:
            messages.error(request, why(refusal))
        else:
            if order.paid_at:
                messages.success(request, _("Paid. What you ordered is there."))
    return redirect(page_of(subscription))


@sent_from("my-subscription")
def give_up(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return give_up_order(own_desk(request, by, subscription_id))


def give_up_order(desk: Desk) -> HttpResponse:
    """The bank's step is given up, and with it the order."""
    order = open_orders.pending(desk.subscription)
    if order is not None and desk.by.is_member(order.buyer_id):
        try:
            open_orders.cancel_order(order=order, by=desk.by, at=desk.now)
        except (OrderCompleted, PaymentInProgress) as refusal:
            return desk.back(refusal)
        messages.success(desk.request, _("Given up. Nothing was charged."))
    return desk.leave()
