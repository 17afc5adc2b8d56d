"""A checkout's one page in each of its states, and the button that pays."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from commerce.forms.cards import PayForm
from commerce.models import Checkout, CheckoutState, InvoiceKind, Order, Payment, PaymentMethod, PaymentState
from commerce.operations.buying import approval_requests, card_trials, checkouts, free_seats, payments
from commerce.operations.paying import card_setups, cards, charging, declines, settlement
from commerce.views import approving, governing, paying, wording
from commerce.views.buying import buy_url, refused
from commerce.views.people import NOTHING_CHARGED, for_members, sent_from
from licensing.models import Solution
from policies.eligibility import PurchaseRefused
from policies.models import ApprovalState
from policies.operations import approvals
from tenants.access import Actor
from tenants.refusal import BadInput

LOOK_AGAIN_AFTER = 5
DECLINED = "declined"  # the checkout whose last card was declined: said once, where the card is chosen
KNOWN_ALREADY = (
    payments.NothingToConfirm,
    charging.PaymentCanceled,
    *charging.CAME_TO_NOTHING,
    settlement.PaymentInProgress,
    checkouts.CheckoutClosed,
    approval_requests.ApprovalNotNeeded,
    card_setups.CardSetupCanceled,
)
NO_CARD = "no_card"


@never_cache
@require_safe
@for_members
def checkout_page(request: HttpRequest, by: Actor, checkout_id: UUID) -> HttpResponse:
    checkout, now = _own(by, checkout_id), by.now()
    if checkout.trial_id is not None:
        return redirect("my-subscription", subscription_id=checkout.trial_id)
    if checkout.state == CheckoutState.COMPLETED:
        return _receipt(request, checkout)
    if checkout.state in (CheckoutState.PROCESSING, CheckoutState.REQUIRES_ACTION):
        return _waiting(request, checkout)
    if checkout.state == CheckoutState.AWAITING_APPROVAL:
        return approving.waiting(request, checkout)
    if checkout.state != CheckoutState.OPEN or checkout.expires_at <= now:
        return _closed(request, checkout)
    return _review(request, checkout, _to_fill(request, checkout, cards.offered(by=by, at=now)), now=now)


@sent_from("checkout", signed_out=NOTHING_CHARGED)
def pay(request: HttpRequest, by: Actor, checkout_id: UUID) -> HttpResponse:
    checkout, now = _own(by, checkout_id), by.now()
    form = _form(checkout, request.POST, kept=cards.offered(by=by, at=now))
    if "update" in request.POST and "acknowledge" in form.fields:
        form.fields["acknowledge"].required = False
    # A new total needs no card, and neither does a request that is paid for once it is approved.
    form.fields["payment_method"].required = not {"update", NO_CARD} & set(request.POST)
    if not form.is_valid():
        return _review(request, checkout, form, now=now, status=400)
    quantity = form.cleaned_data["quantity"]
    if "update" in request.POST or quantity != checkout.quantity:
        return _quote_again(request, checkout, quantity)
    return _tried(request, checkout, form, by=by, now=now)


def _tried(request: HttpRequest, checkout: Checkout, form: PayForm, *, by: Actor, now: datetime) -> HttpResponse:
    back = request.build_absolute_uri(reverse("checkout-return", kwargs={"checkout_id": checkout.pk}))
    read = governing.read_in(form)
    sent: dict[str, Any] = {"checkout": checkout, "return_url": back, "acknowledge": read, "by": by, "at": now}
    try:
        if NO_CARD in request.POST:
            checkout = payments.ask_for_approval(**sent)
        else:
            checkout = payments.pay_checkout(payment_method=form.cleaned_data["payment_method"], **sent)
    except PurchaseRefused as refusal:
        return refused(request, refusal, checkout.plan, by)
    except charging.CardDeclined as refusal:
        return _declined(request, checkout, form, refusal, now=now)
    except cards.PaymentMethodNotAccepted as refusal:
        form.add_error("payment_method", str(refusal))
        return _review(request, checkout, form, now=now, status=refusal.http_status)
    except BadInput as refusal:
        messages.error(request, str(refusal))  # Changed in this very moment: the page shows it anew.
    except (declines.TooManyDeclines, declines.TooManyCardsAtOnce, cards.ProviderUnavailable) as refusal:
        messages.error(request, str(refusal))
    except KNOWN_ALREADY:
        pass  # A second click: the checkout's page tells what became of the first one.
    return _onward(checkout)


def _onward(checkout: Checkout) -> HttpResponse:
    """To the bank's step, where there is one; else to the checkout's page."""
    setup = approval_requests.waiting_setup(checkout)
    if setup is not None:
        return redirect(setup.action_url)
    if checkout.state == CheckoutState.REQUIRES_ACTION:
        return redirect(_step_url(checkout))
    return redirect("checkout", checkout_id=checkout.pk)


def _declined(
    request: HttpRequest, checkout: Checkout, form: PayForm, refusal: charging.CardDeclined, *, now: datetime
) -> HttpResponse:
    # The card was to be kept: no payment tells of it.
    if checkout.with_trial or approval_requests.reasons(checkout, at=now):
        form.add_error("payment_method", wording.decline(str(refusal.extra["decline_code"])))
        return _review(request, checkout, form, now=now, status=refusal.http_status)
    request.session[DECLINED] = str(checkout.pk)
    return redirect("checkout", checkout_id=checkout.pk)


@require_safe
@for_members
def come_back(request: HttpRequest, by: Actor, checkout_id: UUID) -> HttpResponse:
    """Where the bank's page leads when the cardholder has answered."""
    checkout = _own(by, checkout_id)
    try:
        payments.refresh_checkout(checkout=checkout, by=by, at=by.now())
    except charging.CardDeclined as refusal:
        if checkout.with_trial or checkout.state == CheckoutState.AWAITING_APPROVAL:
            messages.warning(request, wording.decline(str(refusal.extra["decline_code"])))
        else:
            request.session[DECLINED] = str(checkout.pk)
    except KNOWN_ALREADY:
        pass  # By another way: the checkout's page tells.
    return redirect("checkout", checkout_id=checkout.pk)


@sent_from("checkout")
def other_card(request: HttpRequest, by: Actor, checkout_id: UUID) -> HttpResponse:
    """The bank's step is given up: the checkout can be paid with another card."""
    checkout = _own(by, checkout_id)
    with suppress(checkouts.CheckoutCompleted, settlement.PaymentInProgress):  # The checkout's page tells.
        payments.give_up_waiting(checkout=checkout, by=by, at=by.now())
    return redirect("checkout", checkout_id=checkout.pk)


def _own(by: Actor, checkout_id: UUID) -> Checkout:
    return get_object_or_404(Checkout.objects.by_buyer(by.home).with_plan(), pk=checkout_id)


def _to_fill(request: HttpRequest, checkout: Checkout, kept: list[PaymentMethod]) -> PayForm:
    """As the checkout stands; with what was wrong in the link to it, or with the card that was declined just now."""
    asked = {"quantity": request.GET.get("quantity", checkout.quantity)}
    if request.session.pop(DECLINED, None) == str(checkout.pk):
        declined = Payment.objects.filter(order__checkout=checkout, state=PaymentState.FAILED).last()
        if declined is not None:
            tried = declined.card_id or declined.payment_method
            form = _form(checkout, asked | {"payment_method": tried}, kept=kept)
            form.errors.pop("acknowledge", None)
            form.add_error("payment_method", wording.decline(declined.decline_code))
            return form
    if "quantity" in request.GET:
        form = _form(checkout, asked | {"payment_method": kept[0].pk if kept else ""}, kept=kept)
        for field in ("payment_method", "acknowledge"):  # Nobody was asked for these yet.
            form.errors.pop(field, None)
        return form
    return _form(checkout, None, initial=asked, kept=kept)


def _form(checkout: Checkout, data: Any, **kwargs: Any) -> PayForm:
    """With a box for each data policy that must be read first."""
    form = PayForm(checkout.plan, data, **kwargs)
    governing.ask_to_read(form, governing.to_read(checkout))
    return form


def _quote_again(request: HttpRequest, checkout: Checkout, quantity: int) -> HttpResponse:
    """Nobody pays a total that they have not seen."""
    if "update" not in request.POST:
        messages.info(request, wording.look_then_pay(quantity))
    return redirect(buy_url(checkout.plan, quantity))


def _step_url(checkout: Checkout) -> str:
    waiting = settlement.live_payment(checkout)
    return waiting.action_url if waiting else ""


def _review(
    request: HttpRequest, checkout: Checkout, form: PayForm, *, now: datetime, status: int = 200
) -> HttpResponse:
    context = {
        "checkout": checkout,
        "form": form,
        "card_fields": paying.card_fields(),
        "free": free_seats.offered(product=checkout.plan.product, member=checkout.buyer),
        "to_ask_for": free_seats.to_ask_for(product=checkout.plan.product, member=checkout.buyer),
        "approval_reasons": approval_requests.reasons(checkout, at=now),
        "approved": approvals.given(checkout.pk),
        "lines": wording.checkout_lines(checkout),
        "ends_at": checkout.would_end_at(now),
        "per_term": wording.per_term(checkout.plan),
        "may_try": not checkout.with_trial and card_trials.may_begin(checkout, at=now),
        "zone": checkout.tenant.zone,
        "links": wording.links_of(checkout.plan.product),
        "solutions": Solution.objects.shown_beside(checkout.plan.product),
        **governing.of_checkout(checkout),
    }
    return render(request, "commerce/checkout.html", context, status=status)


def _waiting(request: HttpRequest, checkout: Checkout) -> HttpResponse:
    needs_step = checkout.state == CheckoutState.REQUIRES_ACTION
    payment = settlement.live_payment(checkout)
    context = {
        "checkout": checkout,
        "needs_step": needs_step,
        "step_url": payment.action_url if payment else "",
        "since": payment.started_at if payment else checkout.created_at,
        "zone": checkout.tenant.zone,
        "total": checkout.total,
        "currency": checkout.currency,
    }
    response = render(request, "commerce/waiting.html", context)
    if not needs_step:
        response.headers["Refresh"] = str(LOOK_AGAIN_AFTER)
    return response


def _closed(request: HttpRequest, checkout: Checkout) -> HttpResponse:
    order = Order.objects.of(checkout.tenant).with_lines().filter(checkout=checkout).first()
    surplus = wording.surplus_of(order) if order else None
    set_aside = order is not None and wording.is_set_aside(order)
    asked = approvals.newest(checkout.pk)
    if asked is not None and asked.state in (ApprovalState.DECLINED, ApprovalState.LAPSED):
        return approving.ended(request, checkout, asked)
    if set_aside:
        heading = _("We are looking into your payment")
    elif surplus:
        heading = _("Your money goes back to your card")
    elif checkout.state == CheckoutState.CANCELED:
        heading = _("This checkout was canceled")
    else:
        heading = _("This checkout has run out")
    context = {
        "heading": heading,
        "order": order,
        "surplus": surplus,
        "set_aside": set_aside,
        "again_url": buy_url(checkout.plan, checkout.quantity),
    }
    return render(request, "commerce/closed.html", context)


def _receipt(request: HttpRequest, checkout: Checkout) -> HttpResponse:
    order = get_object_or_404(Order.objects.of(checkout.tenant).with_lines(), checkout=checkout)
    context = {
        "checkout": checkout,
        "order": order,
        "invoice": order.invoices.filter(kind=InvoiceKind.INVOICE).first(),
        "subscription": order.subscription,
        "lines": wording.order_lines(order),
        "surplus": wording.surplus_of(order),
        "set_aside": wording.is_set_aside(order),
        "approved": approvals.given(checkout.pk),
        "links": wording.links_of(checkout.plan.product),
        "zone": checkout.tenant.zone,
    }
    return render(request, "commerce/receipt.html", context)
