"""More and fewer seats, and going on: first what it costs or gives back, then the button."""

from contextlib import suppress
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commerce.operations import charging, open_orders
from commerce.operations.open_orders import OrderCanceled
from commerce.operations.payments import NothingToConfirm
from commerce.views import wording
from commerce.views.people import for_members
from commerce.views.subscriptions import own
from tenants.access import Actor


@require_safe
@for_members
def come_back(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    """Where the bank's page leads when the cardholder has answered."""
    subscription = own(by, subscription_id)
    order = open_orders.pending(subscription)
    if order is not None and by.is_member(order.buyer_id):
        try:
            with suppress(NothingToConfirm, OrderCanceled):  # By another way: the subscription's page tells.
                order = open_orders.refresh_order(order=order, by=by, at=timezone.now())
        except charging.CardDeclined as declined:
            messages.error(request, wording.decline(str(declined.extra["decline_code"])))
        except charging.PaymentCanceled as refusal:
            messages.error(request, str(refusal))
        else:
            if order.paid_at:
                messages.success(request, _("Paid. Thank you."))
    return redirect("my-subscription", subscription_id=subscription.pk)
