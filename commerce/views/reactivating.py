"""Going on with what is in grace or has ended: first what it costs, then the button."""

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
from commerce.forms import CardForm
from commerce.models import OrderState
from commerce.operations.changes import reactivations
from commerce.operations.paying import charging
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.pricing.prices import NotPriced
from commerce.views import ordering, paying, wording
from commerce.views.buying import refused
from commerce.views.people import for_members
from commerce.views.shown import Shown, read, sign
from commerce.views.subscriptions import own
from licensing.models import Subscription
from licensing.operations.subscriptions import SubscriptionInactive
from policies.eligibility import PurchaseRefused
from tenants.access import Actor
from tenants.refusal import BadInput

ELSEWHERE = (SubscriptionInactive, PaymentInProgress, NotPriced)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def reactivate(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription, now = own(by, subscription_id), timezone.now()
    try:
        if request.method != "POST":
            return _ask(request, subscription, ordering.card_form(subscription, by, now), by=by, now=now)
        return _do(request, subscription, ordering.card_form(subscription, by, now, request.POST), by=by, now=now)
    except PurchaseRefused as refusal:
        return refused(request, refusal, subscription.plan, by)
    except ELSEWHERE as refusal:
        return ordering.back(request, subscription, refusal)


def _ask(request: HttpRequest, subscription: Subscription, card: CardForm, *, by: Actor, now: datetime) -> HttpResponse:
    told = reactivations.preview_reactivation(subscription=subscription, by=by, at=now)
    if not told.lines:
        return redirect("my-subscription", subscription_id=subscription.pk)
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "card": card,
        "card_fields": paying.card_fields(),
        "quote": told,
        "lines": wording.quote_lines(told),
        "ends_at": told.lines[0].ends_at,
        "shown": sign(subscription, Shown(quantity=told.after, when="", as_of=told.as_of, total=told.total)),
    }
    return render(request, "commerce/reactivate.html", context, status=400 if card.errors else 200)


def _do(request: HttpRequest, subscription: Subscription, card: CardForm, *, by: Actor, now: datetime) -> HttpResponse:
    shown = read(subscription, request.POST.get("shown", ""))
    if shown is None or shown.quantity != subscription.quantity:
        messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
        return redirect("my-subscription-reactivate", subscription_id=subscription.pk)
    if not card.is_valid():
        return _ask(request, subscription, card, by=by, now=now)
    try:
        done = reactivations.reactivate(
            subscription=subscription,
            payment_method=card.cleaned_data["payment_method"],
            as_of=shown.as_of,
            expecting=shown.total,
            return_url=ordering.return_url(request, subscription),
            by=by,
            at=now,
        )
    except ordering.CARD_REFUSED as refusal:
        card.add_error("payment_method", ordering.why(refusal))
        return _ask(request, subscription, card, by=by, now=now)
    except charging.CAME_TO_NOTHING as refusal:
        return ordering.back(request, subscription, refusal)
    except (*ordering.LOOK_AGAIN, BadInput) as refusal:
        messages.error(request, str(refusal))
        return redirect("my-subscription-reactivate", subscription_id=subscription.pk)
    if done.order is not None and done.order.state == OrderState.PENDING:
        return ordering.onward(done.order)
    charged = _("It goes on. %(amount)s was charged.") % {"amount": money(done.quote.total, done.quote.currency)}
    messages.success(request, charged if done.order else _("Automatic renewal is on."))
    return redirect("my-subscription", subscription_id=subscription.pk)
