"""What somebody who left still pays for, by a signed link and without a sign-in: what is charged, bills, the end."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from commerce import invoice_pdf as sheets
from commerce.forms.subscriptions import CancelForm
from commerce.operations.changes import cancellations
from commerce.operations.leaving import links
from commerce.operations.pricing import next_charge
from commerce.views import looks, paying
from commerce.views.cancelling import what_happened
from commerce.views.shown import Shown, read, sign
from commerce.views.subscriptions import ends_anyway
from licensing.models import Subscription
from licensing.operations import subscriptions
from tenants import clock
from tenants.refusal import Refused
from tenants.signin import limits

P = ParamSpec("P")


def by_link(
    view: Callable[Concatenate[HttpRequest, Subscription, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page of the purchase that a link leads to. One that leads nowhere is answered alike, whatever is wrong."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            limits.take_link(address=request.META.get("REMOTE_ADDR", ""))
        except limits.TooManyTries as refused:
            return _hidden(_nowhere(request, 429, {"Retry-After": str(refused.retry_after)}))
        subscription = links.find(str(kwargs.get("token", "")))
        if subscription is None:
            return _hidden(_nowhere(request, 404))
        return _hidden(view(request, subscription, *args, **kwargs))

    return guarded


def _hidden(answer: HttpResponse) -> HttpResponse:
    """The address is a key: no search engine keeps it, and no other site is told it."""
    answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return answer


def _nowhere(request: HttpRequest, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    answer = render(request, "commerce/leaver_gone.html", {"too_many": status == 429}, status=status)
    for name, value in (headers or {}).items():
        answer[name] = value
    return answer


@require_safe
@by_link
def leaver(request: HttpRequest, subscription: Subscription, token: str) -> HttpResponse:
    return _page(request, subscription, token)


@require_POST
@by_link
def stop_renewal(request: HttpRequest, subscription: Subscription, token: str) -> HttpResponse:
    """Off, and never on again from here."""
    try:
        subscriptions.set_auto_renew(
            subscription=subscription,
            auto_renew=False,
            by=links.leaver(subscription),
            at=clock.now(subscription.tenant),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Automatic renewal is off. Nothing is charged any more."))
    return redirect("leaver", token=token)


@require_POST
@by_link
def cancel(request: HttpRequest, subscription: Subscription, token: str) -> HttpResponse:
    form = CancelForm(request.POST)
    shown = read(subscription, request.POST.get("shown", ""))
    if not form.is_valid() or shown is None:
        return _page(request, subscription, token, form, status=400)
    try:
        done = cancellations.cancel_subscription(
            subscription=subscription,
            reason=form.cleaned_data["reason"],
            as_of=shown.as_of,
            by=links.leaver(subscription),
            at=clock.now(subscription.tenant),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, what_happened(done))
    return redirect("leaver", token=token)


@require_safe
@by_link
def invoice_pdf(request: HttpRequest, subscription: Subscription, token: str, invoice_id: UUID) -> HttpResponse:
    return sheets.download(get_object_or_404(links.bills(subscription), pk=invoice_id))


def _page(
    request: HttpRequest, subscription: Subscription, token: str, form: CancelForm | None = None, status: int = 200
) -> HttpResponse:
    source = paying.source_of(subscription)
    context = {
        "token": token,
        "subscription": subscription,
        "look": looks.look_of(subscription),
        "next": next_charge.of(subscription, tenant=subscription.tenant),
        "card": source.payment_method if source else None,
        "bills": links.bills(subscription),
        **_ending(subscription, form),
    }
    return render(request, "commerce/leaver.html", context, status=status)


def _ending(subscription: Subscription, form: CancelForm | None) -> dict[str, object]:
    """What canceling gives back, where it changes anything; the people who use it are not named here."""
    try:
        preview = cancellations.preview_cancellation(
            subscription=subscription, by=links.leaver(subscription), at=clock.now(subscription.tenant)
        )
    except Refused:
        return {}
    if ends_anyway(preview):
        return {}
    seen = Shown(quantity=preview.seats_left, when="", as_of=preview.as_of, total=preview.total)
    return {"preview": preview, "form": form or CancelForm(), "shown": sign(subscription, seen)}
