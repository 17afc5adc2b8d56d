"""The cards that a person keeps: add, prefer, replace, remove, and which of them pays for what."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commerce.forms.cards import AddCardForm, ChooseCardForm
from commerce.models import CardSetup, CardSetupState, PaymentMethod, PaymentSource
from commerce.operations.paying import card_setups, cards, kept_cards, sources
from commerce.operations.paying.charging import CardDeclined
from commerce.views import paying, wording
from commerce.views.people import NOTHING_CHARGED, for_members, sent_from
from commerce.views.standing import failed_renewal
from commerce.views.subscriptions import own as own_subscription
from tenants.access import Actor, Right
from tenants.refusal import Refused

# Of what a card pays for, so many are named; the others are counted.
NAMED = 3

CHARGED_LATER = gettext_lazy("%(card)s pays from now on. Nothing was charged.")
CHARGED_AT_ONCE = gettext_lazy("%(card)s pays from now on. The renewal that was not paid is tried with it now.")


@never_cache
@require_safe
@for_members
def my_payment_methods(request: HttpRequest, by: Actor) -> HttpResponse:
    return _page(request, by, AddCardForm(organisation=_organisation(by)))


@sent_from("payment-methods", signed_out=NOTHING_CHARGED)
def add(request: HttpRequest, by: Actor) -> HttpResponse:
    form = AddCardForm(request.POST, organisation=_organisation(by))
    if not form.is_valid():
        return _page(request, by, form, status=400)
    try:
        setup = card_setups.add(
            token=form.cleaned_data["token"],
            for_organisation=form.cleaned_data.get("for_organisation", False),
            return_to=lambda pk: request.build_absolute_uri(reverse("payment-method-return", kwargs={"setup_id": pk})),
            by=by,
            at=by.now(),
        )
    except Refused as refusal:
        form.add_error("token", _said(refusal))
        return _page(request, by, form, status=refusal.http_status)
    if setup.state == CardSetupState.REQUIRES_ACTION:
        return redirect(setup.action_url)
    _tell(request, setup)
    return redirect("payment-methods")


@require_safe
@for_members
def come_back(request: HttpRequest, by: Actor, setup_id: UUID) -> HttpResponse:
    """Where the bank's page leads when the cardholder has answered."""
    setup = _own_setup(by, setup_id)
    was_settled = setup.settled_at is not None
    try:
        setup = card_setups.refresh(setup=setup, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, _said(refusal))
    else:
        if not was_settled:
            _tell(request, setup)
    return redirect("payment-methods")


@sent_from("payment-methods", names=False)
def give_up(request: HttpRequest, by: Actor, setup_id: UUID) -> HttpResponse:
    """The bank's step is given up."""
    try:
        setup = card_setups.give_up(setup=_own_setup(by, setup_id), by=by, at=by.now())
    except cards.ProviderUnavailable as refusal:
        messages.error(request, str(refusal))
    else:
        _tell(request, setup)
    return redirect("payment-methods")


@sent_from("payment-methods", names=False)
def make_default(request: HttpRequest, by: Actor, card_id: UUID) -> HttpResponse:
    card = _own(by, card_id)
    try:
        kept_cards.make_default(card=card, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(card)s is offered first from now on.") % {"card": card})
    return redirect("payment-methods")


@sent_from("payment-methods", names=False)
def remove(request: HttpRequest, by: Actor, card_id: UUID) -> HttpResponse:
    card = _own(by, card_id)
    try:
        kept_cards.remove(card=card, by=by, at=by.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(card)s was removed.") % {"card": card})
    return redirect("payment-methods")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def replace(request: HttpRequest, by: Actor, card_id: UUID) -> HttpResponse:
    """One card in place of another: for all that it pays for, at once."""
    card, now = _own(by, card_id), by.now()
    others = [
        other for other in cards.offered(by=by, at=now, for_organisation=card.member_id is None) if other.pk != card.pk
    ]
    form = ChooseCardForm(others, request.POST or None)
    if request.method == "POST" and form.is_valid():
        other = get_object_or_404(PaymentMethod.objects.usable_by(by), pk=form.cleaned_data["card"])
        try:
            kept_cards.replace(card=card, other=other, by=by, at=now)
        except Refused as refusal:
            form.add_error("card", str(refusal))
        else:
            told = {"other": other, "card": card}
            messages.success(request, _("%(other)s pays from now on. %(card)s was removed.") % told)
            return redirect("payment-methods")
    context = {"section": "subscriptions", "card": _with_what_it_pays(by, card), "others": others, "form": form}
    return render(request, "commerce/payment_methods_replace.html", context, status=400 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def choose(request: HttpRequest, by: Actor, subscription_id: UUID) -> HttpResponse:
    """Which card pays for one subscription."""
    subscription, now = own_subscription(by, subscription_id), by.now()
    kept = cards.offered(by=by, at=now) if by.is_member(subscription.payer_id) else []
    source, failed = paying.source_of(subscription), failed_renewal(subscription)
    form = ChooseCardForm(kept, request.POST or None, initial={"card": source and source.payment_method_id})
    if request.method == "POST" and form.is_valid():
        card = get_object_or_404(PaymentMethod.objects.usable_by(by), pk=form.cleaned_data["card"])
        try:
            sources.change(subscription=subscription, card=card, by=by, at=now)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, (CHARGED_AT_ONCE if failed else CHARGED_LATER) % {"card": card})
        return redirect("my-subscription", subscription_id=subscription.pk)
    context = {"section": "subscriptions", "subscription": subscription, "kept": kept, "failed": failed, "form": form}
    return render(request, "commerce/payment_methods_choose.html", context, status=400 if form.errors else 200)


def _page(request: HttpRequest, by: Actor, form: AddCardForm, *, status: int = 200) -> HttpResponse:
    today = by.now().astimezone(by.home.tenant.zone).date()
    rows = [paying.card_row(card, today) for card in _shown(by)]
    context = {
        "section": "subscriptions",
        "mine": [row for row in rows if row.card.member_id is not None],
        "organisations": [row for row in rows if row.card.member_id is None],
        "waiting": CardSetup.objects.by_member(by.home).live().order_by("started_at"),
        "form": form,
        "card_fields": paying.card_fields(),
        "after_switch": reverse("payment-methods"),
    }
    return render(request, "commerce/payment_methods.html", context, status=status)


def _shown(by: Actor) -> "list[PaymentMethod]":
    paid = PaymentSource.objects.open().select_related("subscription__plan__product").order_by("-pk")[:NAMED]
    return list(
        PaymentMethod.objects.usable_by(by)
        .with_use()
        .prefetch_related(Prefetch("pays_for", paid, to_attr="named_sources"))
        .default_first()
    )


def _with_what_it_pays(by: Actor, card: PaymentMethod) -> paying.CardRow:
    today = by.now().astimezone(by.home.tenant.zone).date()
    return next(paying.card_row(shown, today) for shown in _shown(by) if shown.pk == card.pk)


def _own(by: Actor, card_id: UUID) -> PaymentMethod:
    return get_object_or_404(PaymentMethod.objects.usable_by(by).select_related("tenant", "member"), pk=card_id)


def _own_setup(by: Actor, setup_id: UUID) -> CardSetup:
    return get_object_or_404(CardSetup.objects.by_member(by.home).select_related("tenant", "member"), pk=setup_id)


def _organisation(by: Actor) -> str:
    """Its name, for whoever may keep a card for it."""
    return by.home.tenant.name if by.may(Right.BUY_CENTRALLY) else ""


def _said(refusal: Refused) -> str:
    if isinstance(refusal, CardDeclined):
        return wording.decline(str(refusal.extra["decline_code"]))
    return str(refusal)


def _tell(request: HttpRequest, setup: CardSetup) -> None:
    """What became of a card that was to be kept. One that waits is shown on the page itself."""
    if setup.state == CardSetupState.SUCCEEDED:
        messages.success(request, _("%(card)s was added.") % {"card": setup.payment_method})
    elif setup.state == CardSetupState.CANCELED:
        messages.info(request, _("The card was not added. Nothing was charged."))
