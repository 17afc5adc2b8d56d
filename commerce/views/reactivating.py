"""Going on with what is in grace or has ended: first what it costs, then the button."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.models import OrderState
from commerce.operations.changes import reactivations
from commerce.operations.changes.reactivations import DisputeUndecided, PaidTermNotOver
from commerce.operations.paying import charging
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.pricing.prices import NotPriced
from commerce.views import desks, ordering, wording
from commerce.views.desks import Desk, own_desk
from commerce.views.people import for_members
from commerce.views.shown import Shown, read, sign
from licensing.operations.subscriptions import SubscriptionInactive
from policies.eligibility import PurchaseRefused
from tenants.access import Actor
from tenants.refusal import BadInput

ELSEWHERE = (SubscriptionInactive, DisputeUndecided, PaidTermNotOver, PaymentInProgress, NotPriced)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def reactivate(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return go_on(own_desk(request, by, subscription_id))


def go_on(desk: Desk) -> HttpResponse:
    try:
        if desk.request.method != "POST":
            return _ask(desk, desk.means_form())
        return _do(desk, desk.means_form(desk.request.POST))
    except PurchaseRefused as refusal:
        return desk.refused(refusal)
    except ELSEWHERE as refusal:
        return desk.back(refusal)


def _ask(desk: Desk, means: forms.Form) -> HttpResponse:
    told = reactivations.preview_reactivation(subscription=desk.subscription, by=desk.by, at=desk.now)
    if not told.lines:
        return desk.leave()
    seen = Shown(quantity=told.after, when="", as_of=told.as_of, total=told.total)
    context = {
        "card": means,
        "quote": told,
        "lines": wording.quote_lines(told),
        "ends_at": told.lines[0].ends_at,
        "shown": sign(desk.subscription, seen),
    }
    return desk.show(desks.REACTIVATE, context, status=400 if means.errors else 200)


def _do(desk: Desk, means: forms.Form) -> HttpResponse:
    request, subscription = desk.request, desk.subscription
    shown = read(subscription, request.POST.get("shown", ""))
    if shown is None or shown.quantity != subscription.quantity:
        messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
        return redirect(desk.url(desks.REACTIVATE))
    if not means.is_valid():
        return _ask(desk, means)
    try:
        done = reactivations.reactivate(
            subscription=subscription,
            payment_method=means.cleaned_data["payment_method"],
            as_of=shown.as_of,
            expecting=shown.total,
            return_url=desk.return_url,
            order_id=shown.order,
            by=desk.by,
            at=desk.now,
        )
    except ordering.CARD_REFUSED as refusal:
        means.add_error("payment_method", desks.why(refusal))
        return _ask(desk, means)
    except charging.CAME_TO_NOTHING as refusal:
        return desk.back(refusal)
    except (*ordering.LOOK_AGAIN, BadInput) as refusal:
        messages.error(request, str(refusal))
        return redirect(desk.url(desks.REACTIVATE))
    if done.order is not None and done.order.state == OrderState.PENDING:
        return desk.onward(done.order)
    told = f"{_('It goes on.')} {wording.charged(done.order)}" if done.order else _("Automatic renewal is on.")
    messages.success(request, told)
    return desk.leave()
