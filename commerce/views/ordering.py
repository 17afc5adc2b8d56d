"""What is ordered for a subscription that is there: its card, the bank's step, and what the page says meanwhile."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commerce.forms import CardForm
from commerce.models import Order, PaymentState
from commerce.operations.buying.payments import NothingToConfirm
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.letters.post import page_of
from commerce.operations.paying import cards, charging, declines, open_orders
from commerce.operations.paying.open_orders import OrderCanceled, OrderCompleted
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.views import paying, wording
from commerce.views.people import for_members, sent_from
from commerce.views.subscriptions import own
from licensing.models import Subscription
from tenants.access import Actor
from tenants.refusal import Refused

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
                order = open_orders.refresh_order(order=order, by=by, at=timezone.now())
        except (charging.CardDeclined, charging.PaymentCanceled, *charging.CAME_TO_NOTHING) as refusal:
            messages.error(request, why(refusal))
        else:
            if order.paid_at:
                messages.success(request, _("Paid. What you ordered is there."))
    return redirect(page_of(subscription))


@sent_from("my-subscription")
def give_up(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    """The bank's step is given up, and with it the order."""
    subscription = own(by, subscription_id)
    order = open_orders.pending(subscription)
    if order is not None and by.is_member(order.buyer_id):
        try:
            open_orders.cancel_order(order=order, by=by, at=timezone.now())
        except (OrderCompleted, PaymentInProgress) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Given up. Nothing was charged."))
    return redirect("my-subscription", subscription_id=subscription.pk)


def back(request: HttpRequest, subscription: Subscription, refusal: Refused) -> HttpResponse:
    messages.error(request, why(refusal))
    return redirect("my-subscription", subscription_id=subscription.pk)


def why(refusal: Refused) -> str:
    if isinstance(refusal, charging.CardDeclined):
        return wording.decline(str(refusal.extra["decline_code"]))
    return str(refusal)


def onward(order: Order) -> HttpResponse:
    """To the bank's step, where there is one; else to the page that says what is waited for."""
    payment = open_orders.live_payment(order)
    if payment and payment.state == PaymentState.REQUIRES_ACTION:
        return redirect(payment.action_url)
    return redirect("my-subscription", subscription_id=order.subscription_id)


def return_url(request: HttpRequest, subscription: Subscription) -> str:
    path = reverse("my-subscription-return", kwargs={"subscription_id": subscription.pk})
    return request.build_absolute_uri(path)


def card_form(subscription: Subscription, by: Actor, now: datetime, data: Mapping[str, Any] | None = None) -> CardForm:
    """With the card that pays for the subscription chosen already, as long as it can pay."""
    kept = cards.offered(by=by, at=now)
    source = paying.source_of(subscription)
    usual = source.payment_method_id if source else None
    kept.sort(key=lambda card: card.pk != usual)
    return CardForm(data, kept=kept)
