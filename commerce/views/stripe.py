"""
Where a cardholder begins the step that their bank asked for while nobody was there to take it. Only with Stripe: the
page is the link that a purchaser is sent when a later charge of their card needs them.
"""

from contextlib import suppress
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce import gateways
from commerce.gateways.protocol import GatewayUnavailable, Outcome
from commerce.gateways.stripe import StripeGateway
from commerce.models import Payment, PaymentState, StripeIntent
from commerce.operations.paying import charging
from commerce.views.people import for_members
from tenants.access import Actor


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def stripe_step(request: HttpRequest, by: Actor, key: UUID) -> HttpResponse:
    gateway = gateways.current()
    if not isinstance(gateway, StripeGateway):
        raise Http404
    payment = get_object_or_404(Payment.objects.filter(payer=by.home), pk=key)
    if request.method == "POST":
        # The page that follows tells.
        with suppress(charging.CardDeclined, charging.PaymentCanceled, *charging.CAME_TO_NOTHING):
            charging.learn(payment=payment, ask=gateway.with_holder, at=by.now())
        return redirect("stripe-step", key=key)
    if payment.state != PaymentState.REQUIRES_ACTION:
        return _onward(key)
    return render(request, "commerce/stripe_step.html", {"payment": payment, "bank_url": _bank_url(gateway, key)})


def _bank_url(gateway: StripeGateway, key: UUID) -> str:
    """The bank's own page, once the step has begun; empty before that, and while Stripe does not answer."""
    try:
        charge = gateway.find(key)
    except GatewayUnavailable:
        return ""
    begun = charge is not None and charge.outcome == Outcome.REQUIRES_ACTION and "://" in charge.action_url
    return charge.action_url if charge and begun else ""


def _onward(key: UUID) -> HttpResponse:
    """Where the bank was told to lead the cardholder back to: the page of what they pay for."""
    told = StripeIntent.objects.filter(key=key).values_list("return_url", flat=True).first()
    return redirect(told or reverse("my-subscriptions"))
