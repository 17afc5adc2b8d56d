"""More and fewer seats: first what they cost or give back, then the button."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from commerce.forms.quantities import SeatsForm
from commerce.models import OrderState, PaymentSource
from commerce.operations.buying.ordering import NothingToCharge
from commerce.operations.changes import quantity
from commerce.operations.changes.quantity import Changed, RenewalIsOff, When
from commerce.operations.changes.scheduled import NothingScheduled
from commerce.operations.paying import charging
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.pricing.prices import NotPriced
from commerce.views import desks, governing, ordering, paying, wording
from commerce.views.desks import Desk, own_desk
from commerce.views.people import for_members, sent_from
from commerce.views.shown import Shown, read, sign
from licensing.models import Subscription
from licensing.operations.subscriptions import QuantityBelowAssigned, SubscriptionInactive
from policies.eligibility import PurchaseRefused
from policies.operations import acknowledgements
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
    return change_seats(own_desk(request, by, subscription_id), more=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def remove_seats(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return change_seats(own_desk(request, by, subscription_id), more=False)


@sent_from("my-subscription")
def withdraw(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    return keep_seats(own_desk(request, by, subscription_id))


def keep_seats(desk: Desk) -> HttpResponse:
    """What waits for the renewal is let go."""
    try:
        quantity.withdraw(subscription=desk.subscription, by=desk.by, at=desk.now)
    except NothingScheduled as refusal:
        return desk.back(refusal)
    messages.success(desk.request, _("The number of seats stays as it is."))
    return desk.leave()


def change_seats(desk: Desk, *, more: bool) -> HttpResponse:
    request, subscription = desk.request, desk.subscription
    if request.method != "POST":
        typed = {"quantity": "1", "when": When.NOW.value, **request.GET.dict()}
        return _ask(desk, SeatsForm(subscription, more, typed))
    form, shown = SeatsForm(subscription, more, request.POST), read(subscription, request.POST.get("shown", ""))
    if "update" in request.POST:
        return _show_again(desk, form)
    if not form.is_valid():
        return _ask(desk, form)
    if shown is None:
        messages.info(request, _("What you saw holds no longer. Look at it again, then go on."))
        return _show_again(desk, form)
    if (form.cleaned_data["quantity"], form.cleaned_data["when"]) != (shown.typed, shown.when):
        messages.info(request, _look_first(form))
        return _show_again(desk, form)
    means = _means(desk, request.POST) if more and shown.when == When.NOW else None
    if means is not None and not means.is_valid():
        return _ask(desk, form, means)
    return _do(desk, form, shown, means)


def _ask(desk: Desk, form: SeatsForm, means: forms.Form | None = None) -> HttpResponse:
    """The page with what was typed, and what that costs or gives back."""
    told = None
    if form.is_valid():
        asked = {"quantity": form.total, "when": form.cleaned_data["when"]}
        try:
            told = quantity.preview(subscription=desk.subscription, **asked, by=desk.by, at=desk.now)
        except PurchaseRefused as refusal:
            return desk.refused(refusal)
        except ELSEWHERE as refusal:
            return desk.back(refusal)
        except MENDED_THERE as refusal:
            form.add_error("quantity", str(refusal))
    context: dict[str, object] = {"form": form, "quote": told, "action": desk.url(_page(form))}
    if told:
        seen = Shown(
            quantity=form.total,
            when=form.cleaned_data["when"],
            as_of=told.as_of,
            total=told.total,
            typed=form.cleaned_data["quantity"],
        )
        context |= {"shown": sign(desk.subscription, seen), "lines": wording.quote_lines(told)}
    if form.more:
        context |= {
            "card": means or _means(desk),
            "card_stays": not helps_out(desk.subscription),
            **governing.of_product(desk.subscription.tenant, desk.subscription.plan.product),
        }
    bad = bool(form.errors or (means and means.errors))
    return desk.show(_page(form), context, status=400 if bad else 200)


def _means(desk: Desk, data: Mapping[str, Any] | None = None) -> forms.Form:
    """What pays for more seats now, with a box for each data policy that must be read first."""
    form = desk.means_form(data)
    governing.ask_to_read(form, acknowledgements.wanted(member=desk.by.home, product=desk.subscription.plan.product))
    return form


def helps_out(subscription: Subscription) -> bool:
    """Whether a card that is named pays this once only, and an invoice again after it."""
    source = paying.source_of(subscription)
    return source is not None and source.by_invoice


def _do(desk: Desk, form: SeatsForm, shown: Shown, means: forms.Form | None) -> HttpResponse:
    before = paying.source_of(desk.subscription)
    try:
        done = quantity.change(
            subscription=desk.subscription,
            quantity=shown.quantity,
            when=shown.when,
            payment_method=means.cleaned_data["payment_method"] if means else "",
            acknowledge=governing.read_in(means) if means else acknowledgements.NOTHING_READ,
            as_of=shown.as_of,
            expecting=shown.total,
            return_url=desk.return_url,
            order_id=shown.order,
            by=desk.by,
            at=desk.now,
        )
    except PurchaseRefused as refusal:
        return desk.refused(refusal)
    except ordering.CARD_REFUSED as refusal:
        if means is None:
            return desk.back(refusal)
        means.add_error("payment_method", desks.why(refusal))
        return _ask(desk, form, means)
    except (*ELSEWHERE, *charging.CAME_TO_NOTHING) as refusal:
        return desk.back(refusal)
    except (*ordering.LOOK_AGAIN, *MENDED_THERE) as refusal:
        messages.error(desk.request, str(refusal))
        return _show_again(desk, form)
    if done.order is not None and done.order.state == OrderState.PENDING:
        return desk.onward(done.order)
    messages.success(desk.request, f"{_what_happened(done, desk.subscription)} {_pays_now(desk, before)}".strip())
    return desk.leave()


def _pays_now(desk: Desk, before: PaymentSource | None) -> str:
    """Nothing where it is paid as before."""
    source = paying.source_of(desk.subscription)
    if source is None or source.payment_method is None:
        return ""
    if before is not None and before.payment_method_id == source.payment_method_id:
        return ""
    return _("%(card)s also pays this subscription from now on.") % {"card": source.payment_method}


def _what_happened(done: Changed, subscription: Subscription) -> str:
    told = done.quote
    parts = []
    if told.after != told.before:
        text = ngettext("It has %(count)s seat now.", "It has %(count)s seats now.", told.after)
        parts.append(text % {"count": told.after})
    if told.total:
        parts.append(wording.charged(done.order) if done.order else wording.goes_back(told))
    if told.scheduled is not None:
        text = ngettext(
            "From %(day)s on it has %(count)s seat.", "From %(day)s on it has %(count)s seats.", told.scheduled
        )
        parts.append(text % {"count": told.scheduled, "day": day(told.takes_effect_at, subscription.zone)})
    return " ".join(parts)


def _look_first(form: SeatsForm) -> str:
    count = form.cleaned_data["quantity"]
    if form.more and form.cleaned_data["when"] == When.NOW:
        return wording.look_then_pay(count)
    text = ngettext(
        "This is for %(count)s seat now. Look at it, then go on.",
        "This is for %(count)s seats now. Look at it, then go on.",
        count,
    )
    return text % {"count": count}


def _show_again(desk: Desk, form: SeatsForm) -> HttpResponse:
    """Nobody pays a total that they have not seen, or have seen too long ago."""
    typed = {name: form.data[name] for name in ("quantity", "when") if name in form.data}
    return redirect(f"{desk.url(_page(form))}?{urlencode(typed)}")


def _page(form: SeatsForm) -> str:
    return desks.ADD if form.more else desks.REMOVE
