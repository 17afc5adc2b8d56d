"""Ending a subscription: first what it does, with the money, then the button."""

from datetime import datetime
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
from commerce.operations.changes import cancellations
from commerce.operations.changes.cancellations import Cancellation
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.views import wording
from commerce.views.people import for_members
from commerce.views.shown import Shown, read, sign
from commerce.views.subscriptions import ends_anyway, own
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor
from tenants.dates import day
from tenants.refusal import BadInput


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def cancel(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription, form, now = own(by, subscription_id), CancelForm(request.POST or None), timezone.now()
    try:
        preview = cancellations.preview_cancellation(subscription=subscription, by=by, at=now)
        if request.method != "POST" or ends_anyway(preview) or not form.is_valid():
            return _ask(request, subscription, form, preview)
        shown = read(subscription, request.POST.get("shown", ""))
        if shown is None:
            messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
            return _ask(request, subscription, form, preview)
        return _do(request, subscription, form.cleaned_data["reason"], shown, by=by, now=now)
    except (SubscriptionInactive, PaymentInProgress) as refusal:
        messages.error(request, str(refusal))
    except (ChangedSincePreview, BadInput) as refusal:
        messages.error(request, str(refusal))
        return redirect("my-subscription-cancel", subscription_id=subscription.pk)
    return redirect("my-subscription", subscription_id=subscription.pk)


def _do(
    request: HttpRequest, subscription: Subscription, reason: str, shown: Shown, *, by: Actor, now: datetime
) -> HttpResponse:
    done = cancellations.cancel_subscription(subscription=subscription, reason=reason, as_of=shown.as_of, by=by, at=now)
    messages.success(request, _what_happened(done))
    return redirect("my-subscription", subscription_id=subscription.pk)


def _ask(request: HttpRequest, subscription: Subscription, form: CancelForm, preview: Cancellation) -> HttpResponse:
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "form": form,
        "preview": preview,
        "lines": wording.quote_lines(preview),
        "ends_at": preview.ends_at,
        "more_people": preview.losing - len(preview.people),
        "shown": sign(
            subscription, Shown(quantity=preview.seats_left, when="", as_of=preview.as_of, total=preview.total)
        ),
    }
    if ends_anyway(preview):
        return render(request, "commerce/nothing_to_cancel.html", context)
    return render(request, "commerce/cancel.html", context, status=400 if form.errors else 200)


def _what_happened(done: Cancellation) -> str:
    amount, ends_on = money(done.total, done.currency), day(done.ends_at, done.subscription.zone)
    if done.ends_now:
        return _("Canceled. %(amount)s goes back to your card.") % {"amount": amount}
    if done.refunds:
        told = _("Canceled. %(amount)s goes back to your card, and the other seats keep working until %(day)s.")
        return told % {"amount": amount, "day": ends_on}
    return _("Canceled. It keeps working until %(day)s.") % {"day": ends_on}
