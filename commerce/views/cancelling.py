"""Ending a subscription: first what it does, with the money, then the button."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.amounts import money
from commerce.forms import CancelForm
from commerce.operations import cancellations
from commerce.operations.cancellations import Cancellation
from commerce.views.people import for_members
from commerce.views.subscriptions import ends_anyway, own
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.dates import day


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def cancel(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription, form = own(by, subscription_id), CancelForm(request.POST or None)
    try:
        preview = cancellations.preview_cancellation(subscription=subscription, by=by, at=timezone.now())
        if request.method != "POST" or ends_anyway(preview) or not form.is_valid():
            return _ask(request, subscription, form, preview)
        done = cancellations.cancel_subscription(
            subscription=subscription, reason=form.cleaned_data["reason"], by=by, at=timezone.now()
        )
        messages.success(request, _what_happened(done))
    except SubscriptionInactive as refusal:
        messages.error(request, str(refusal))
    return redirect("my-subscription", subscription_id=subscription.pk)


def _ask(request: HttpRequest, subscription: Subscription, form: CancelForm, preview: Cancellation) -> HttpResponse:
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "form": form,
        "preview": preview,
        "refunds": preview.refunds,
        "total": preview.total,
        "currency": preview.currency,
        "ends_at": preview.ends_at,
    }
    if ends_anyway(preview):
        return render(request, "commerce/nothing_to_cancel.html", context)
    return render(request, "commerce/cancel.html", context, status=400 if form.errors else 200)


def _what_happened(done: Cancellation) -> str:
    if done.refunds:
        return _("Canceled. %(amount)s goes back to your card.") % {"amount": money(done.total, done.currency)}
    return _("Canceled. It keeps working until %(day)s.") % {"day": day(done.ends_at, done.subscription.zone)}
