"""Handing a subscription over: the owner's page, and the page of whoever it is offered to."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commerce.forms.cards import CardForm
from commerce.forms.subscriptions import TransferForm
from commerce.models import CardSetupState, Renewal, TransferOffer, TransferState
from commerce.operations.handover import acceptance, offers
from commerce.operations.paying import cards
from commerce.operations.pricing import next_charge
from commerce.views import desks, paying
from commerce.views.ordering import CARD_REFUSED
from commerce.views.people import NOTHING_CHARGED, for_members, sent_from
from commerce.views.subscriptions import own
from licensing.models import Subscription
from licensing.operations import seats
from tenants.access import Actor
from tenants.refusal import BadInput, Refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def transfer(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    """To whom one's subscription is offered, or who was asked already."""
    subscription = own(by, subscription_id)
    form = TransferForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _offer(subscription, form, by):
        messages.success(
            request, _("Offered to %(to)s. You are told what they answer.") % {"to": form.cleaned_data["to"]}
        )
        return redirect("my-subscription-transfer", subscription_id=subscription.pk)
    context = {
        "section": "subscriptions",
        "subscription": subscription,
        "offer": TransferOffer.objects.open().filter(subscription=subscription).with_people().first(),
        "form": form,
        "next": next_charge.of(subscription, tenant=subscription.tenant),
    }
    return render(request, "commerce/transfer.html", context, status=400 if form.errors else 200)


def _offer(subscription: Subscription, form: TransferForm, by: Actor) -> bool:
    try:
        [to] = seats.members_by_email([form.cleaned_data["to"]], by=by, field="to")
        offers.offer(subscription=subscription, to=to, message=form.cleaned_data["message"], by=by, at=by.now())
    except Refused as refusal:
        form.add_error(refusal.field if isinstance(refusal, BadInput) else None, str(refusal))
        return False
    return True


@sent_from("my-subscription-transfer")
def withdraw(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    subscription = own(by, subscription_id)
    offer = TransferOffer.objects.open().filter(subscription=subscription).with_people().first()
    try:
        if offer is None:
            raise offers.TransferNotOpen
        offers.withdraw(offer=offer, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The offer was withdrawn. Everything stays as it is."))
    return redirect("my-subscription", subscription_id=subscription.pk)


@never_cache
@require_safe
@for_members
def my_transfer(request: HttpRequest, by: Actor, offer_id: UUID) -> HttpResponse:
    """What one would take on: who uses it, what it costs, and when it is charged."""
    return _page(request, by, _made_to(by, offer_id))


@sent_from("my-transfer", signed_out=NOTHING_CHARGED)
def accept(request: HttpRequest, by: Actor, offer_id: UUID) -> HttpResponse:
    offer = _made_to(by, offer_id)
    form = _card_form(by, request)
    if not form.is_valid():
        return _page(request, by, offer, form, status=400)
    back = request.build_absolute_uri(reverse("my-transfer-return", kwargs={"offer_id": offer.pk}))
    try:
        offer = acceptance.accept(
            offer=offer,
            payment_method=form.cleaned_data["payment_method"],
            return_to=lambda setup: back,
            by=by,
            at=by.now(),
        )
    except CARD_REFUSED as refusal:
        form.add_error("payment_method", desks.why(refusal))
        return _page(request, by, offer, form, status=400)
    except Refused as refusal:
        return _refused(request, offer, refusal)
    return _onward(request, offer)


@sent_from("my-transfer")
def decline(request: HttpRequest, by: Actor, offer_id: UUID) -> HttpResponse:
    offer = _made_to(by, offer_id)
    try:
        offers.decline(offer=offer, by=by, at=by.now())
    except Refused as refusal:
        return _refused(request, offer, refusal)
    messages.success(request, _("Declined. %(name)s is told.") % {"name": offer.offered_by})
    return redirect("my-subscriptions")


@require_safe
@for_members
def come_back(request: HttpRequest, by: Actor, offer_id: UUID) -> HttpResponse:
    """Where the bank's page leads when the cardholder has answered."""
    offer = _made_to(by, offer_id)
    try:
        offer = acceptance.go_on(offer=offer, by=by, at=by.now())
    except Refused as refusal:
        return _refused(request, offer, refusal)
    return _onward(request, offer, asked=True)


def _onward(request: HttpRequest, offer: TransferOffer, *, asked: bool = False) -> HttpResponse:
    if offer.state == TransferState.ACCEPTED:
        told = _("%(product)s is yours now. Nothing was charged.") % {"product": offer.subscription.plan.product.name}
        messages.success(request, told)
        return redirect("my-subscription", subscription_id=offer.subscription_id)
    setup = acceptance.waiting_step(offer)
    if setup is not None and setup.state == CardSetupState.REQUIRES_ACTION and not asked:
        return redirect(setup.action_url)
    return redirect("my-transfer", offer_id=offer.pk)


def _refused(request: HttpRequest, offer: TransferOffer, refusal: Refused) -> HttpResponse:
    messages.error(request, desks.why(refusal))
    return redirect("my-transfer", offer_id=offer.pk)


def _page(
    request: HttpRequest, by: Actor, offer: TransferOffer, form: CardForm | None = None, *, status: int = 200
) -> HttpResponse:
    waits = offer.waits_at(by.now())
    setup = acceptance.waiting_step(offer)
    context = {
        "section": "subscriptions",
        "offer": offer,
        "subscription": offer.subscription,
        "zone": offer.subscription.zone,
        "waits": waits,
        "is_over": offer.state not in (TransferState.OPEN, TransferState.ACCEPTED) or not waits,
        "step_url": setup.action_url if setup and setup.state == CardSetupState.REQUIRES_ACTION else "",
        "next": next_charge.of(offer.subscription, tenant=offer.tenant) if waits else None,
        "failed": Renewal.objects.dunned().filter(subscription=offer.subscription).exists(),
        "card": (form or _card_form(by)) if waits else None,
        "card_fields": paying.card_fields(),
    }
    return render(request, "commerce/my_transfer.html", context, status=status)


def _card_form(by: Actor, request: HttpRequest | None = None) -> CardForm:
    return CardForm(request.POST if request else None, kept=cards.offered(by=by, at=by.now()))


def _made_to(by: Actor, offer_id: UUID) -> TransferOffer:
    return get_object_or_404(TransferOffer.objects.made_to(by.home).with_people(), pk=offer_id)
