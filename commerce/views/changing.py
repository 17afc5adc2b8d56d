"""More and fewer seats: first what they cost or give back, then the button."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.amounts import money
from commerce.forms import CardForm, SeatsForm
from commerce.models import OrderState
from commerce.operations.buying.ordering import NothingToCharge
from commerce.operations.changes import quantity
from commerce.operations.changes.quantity import Changed, RenewalIsOff, When
from commerce.operations.changes.scheduled import NothingScheduled
from commerce.operations.paying import charging
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.pricing.prices import NotPriced
from commerce.views import ordering, paying, wording
from commerce.views.buying import refused
from commerce.views.people import for_members, sent_from
from commerce.views.shown import Shown, read, sign
from commerce.views.subscriptions import own
from licensing.models import Subscription
from licensing.operations.subscriptions import QuantityBelowAssigned, SubscriptionInactive
from policies.eligibility import PurchaseRefused
from tenants.access import Actor
from tenants.dates import day
from tenants.refusal import BadInput

# What the subscription's own page tells better than a page about seats.
ELSEWHERE = (SubscriptionInactive, PaymentInProgress, NotPriced)
# What somebody who typed a number can mend.
MENDED_THERE = (NothingToCharge, RenewalIsOff, QuantityBelowAssigned, BadInput)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def add_seats(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return _page(request, own(by, subscription_id), more=True, by=by, now=timezone.now())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def remove_seats(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return _page(request, own(by, subscription_id), more=False, by=by, now=timezone.now())


@sent_from("my-subscription")
def withdraw(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription = own(by, subscription_id)
    try:
        quantity.withdraw(subscription=subscription, by=by, at=timezone.now())
    except NothingScheduled as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The number of seats stays as it is."))
    return redirect("my-subscription", subscription_id=subscription.pk)


def _page(request: HttpRequest, subscription: Subscription, *, more: bool, by: Actor, now: datetime) -> HttpResponse:
    if request.method != "POST":
        typed = {"quantity": "1", "when": When.NOW.value, **request.GET.dict()}
        return _ask(request, subscription, SeatsForm(subscription, more, typed), by=by, now=now)
    form, shown = SeatsForm(subscription, more, request.POST), read(subscription, request.POST.get("shown", ""))
    if shown is None or not form.is_valid():
        messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
        return _show_again(form)
    card = ordering.card_form(subscription, by, now, request.POST) if more and shown.when == When.NOW else None
    if card is not None and not card.is_valid():
        return _ask(request, subscription, form, card, by=by, now=now)
    return _do(request, subscription, form, shown, card, by=by, now=now)


def _ask(
    request: HttpRequest,
    subscription: Subscription,
    form: SeatsForm,
    card: CardForm | None = None,
    *,
    by: Actor,
    now: datetime,
) -> HttpResponse:
    """The page with what was typed, and what that costs or gives back."""
    told = None
    if form.is_valid():
        try:
            told = quantity.preview(
                subscription=subscription, quantity=form.total, when=form.cleaned_data["when"], by=by, at=now
            )
        except PurchaseRefused as refusal:
            return refused(request, refusal, subscription.plan, by)
        except ELSEWHERE as refusal:
            return ordering.back(request, subscription, refusal)
        except MENDED_THERE as refusal:
            form.add_error("quantity", str(refusal))
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "form": form,
        "quote": told,
    }
    if told:
        seen = Shown(quantity=form.total, when=form.cleaned_data["when"], as_of=told.as_of, total=told.total)
        context |= {"shown": sign(subscription, seen), "lines": wording.quote_lines(told)}
    if form.more:
        context |= {"card": card or ordering.card_form(subscription, by, now), "card_fields": paying.card_fields()}
    bad = bool(form.errors or (card and card.errors))
    return render(request, form.template, context, status=400 if bad else 200)


def _do(
    request: HttpRequest,
    subscription: Subscription,
    form: SeatsForm,
    shown: Shown,
    card: CardForm | None,
    *,
    by: Actor,
    now: datetime,
) -> HttpResponse:
    try:
        done = quantity.change(
            subscription=subscription,
            quantity=shown.quantity,
            when=shown.when,
            payment_method=card.cleaned_data["payment_method"] if card else "",
            as_of=shown.as_of,
            expecting=shown.total,
            return_url=ordering.return_url(request, subscription),
            by=by,
            at=now,
        )
    except PurchaseRefused as refusal:
        return refused(request, refusal, subscription.plan, by)
    except ordering.CARD_REFUSED as refusal:
        if card is None:
            return ordering.back(request, subscription, refusal)
        card.add_error("payment_method", ordering.why(refusal))
        return _ask(request, subscription, form, card, by=by, now=now)
    except ELSEWHERE as refusal:
        return ordering.back(request, subscription, refusal)
    except charging.CAME_TO_NOTHING as refusal:
        return ordering.back(request, subscription, refusal)
    except (*ordering.LOOK_AGAIN, *MENDED_THERE) as refusal:
        messages.error(request, str(refusal))
        return _show_again(form)
    if done.order is not None and done.order.state == OrderState.PENDING:
        return ordering.onward(done.order)
    messages.success(request, _what_happened(done, subscription))
    return redirect("my-subscription", subscription_id=subscription.pk)


def _what_happened(done: Changed, subscription: Subscription) -> str:
    told = done.quote
    parts = []
    if told.after != told.before:
        text = ngettext("It has %(count)s seat now.", "It has %(count)s seats now.", told.after)
        parts.append(text % {"count": told.after})
    if told.total:
        amount = {"amount": money(told.total, told.currency)}
        charged, back = _("%(amount)s was charged."), _("%(amount)s goes back to your card.")
        parts.append((charged if done.order else back) % amount)
    if told.scheduled is not None:
        text = ngettext(
            "From %(day)s on it has %(count)s seat.", "From %(day)s on it has %(count)s seats.", told.scheduled
        )
        parts.append(text % {"count": told.scheduled, "day": day(told.takes_effect_at, subscription.zone)})
    return " ".join(parts)


def _show_again(form: SeatsForm) -> HttpResponse:
    """Nobody pays a total that they have not seen, or have seen too long ago."""
    url = reverse(form.page, kwargs={"subscription_id": form.subscription.pk})
    typed = {name: form.data[name] for name in ("quantity", "when") if name in form.data}
    return redirect(f"{url}?{urlencode(typed)}")
