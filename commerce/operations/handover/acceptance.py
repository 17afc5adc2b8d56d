"""Taking over what was offered: with a kept card, or one that is kept now, which its bank may want confirmed first."""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import CardSetup, CardSetupState, PaymentMethod, PaymentSource, TransferOffer, TransferState
from commerce.operations.handover.offers import (
    TransferNotOpen,
    require_recipient,
    require_transferable,
    settle,
    still_member,
)
from commerce.operations.leaving import closing
from commerce.operations.paying import card_setups, cards, kept_cards, open_orders
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.renewing import dunning
from licensing.models import Subscription
from tenants.access import Actor, actor_of
from tenants.refusal import Refused
from tenants.scope import EVERYBODY, Scope

log = logging.getLogger(__name__)


def accept(
    *, offer: TransferOffer, payment_method: str, return_to: Callable[[UUID], str], by: Actor, at: datetime
) -> TransferOffer:
    """
    Take a subscription over: it is theirs, and their card pays from its next charge on. Nothing is charged now; price,
    term and anchor stay. Where the card's bank wants a step, the offer stays open with its `card_setup` until that is
    taken. `return_to` gives the address for a try's id to which the bank's page leads back. Accepted already: as it is.

    :raises NotAllowed: it was made to somebody else
    :raises TransferNotOpen: it was answered otherwise, withdrawn, or has lapsed, or its owner is another by now
    :raises SubscriptionInactive: nobody has access by it any more
    :raises PaymentInProgress: a charge of it is under way
    :raises PaymentMethodNotAccepted: no card of one's own that may pay here
    :raises ProviderUnavailable: the provider does not answer; nothing was tried
    :raises CardDeclined: :raises CardSetupCanceled: :raises TooManyDeclines: :raises TooManyCardsAtOnce: as a card
        that is added
    """
    require_recipient(offer, by)
    offer = TransferOffer.objects.with_people().get(pk=offer.pk)
    if offer.state == TransferState.ACCEPTED:
        return offer
    _require_waiting(offer, offer.subscription, at)
    means = cards.means(payment_method=payment_method, by=by)
    if means.card is not None:
        return finish(offer=offer, card=means.card, by=by, at=at)
    setup = card_setups.add(token=means.token, return_to=return_to, by=by, at=at)
    if setup.payment_method is not None:
        return finish(offer=offer, card=setup.payment_method, by=by, at=at)
    TransferOffer.objects.open().filter(pk=offer.pk).update(card_setup=setup)
    return TransferOffer.objects.with_people().get(pk=offer.pk)


def go_on(*, offer: TransferOffer, by: Actor, at: datetime) -> TransferOffer:
    """
    After the bank's step: ask what became of it, and take the subscription over if the card is kept.

    :raises CardDeclined: the bank or the cardholder said no
    :raises: as `accept`
    """
    require_recipient(offer, by)
    if offer.card_setup is None or not offer.waits_at(at):
        return offer
    setup = card_setups.refresh(setup=offer.card_setup, by=by, at=at)
    if setup.payment_method is None:
        return offer
    return finish(offer=offer, card=setup.payment_method, by=by, at=at)


def finish_waiting(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    Take over where a card was kept after its cardholder had left the page; where it was not, another one may be named.
    Returns how many moved.
    """
    answered = TransferOffer.objects.open().exclude(card_setup=None).exclude(card_setup__state__in=card_setups.LIVE)
    moved = 0
    for offer in among.of(answered).with_people().order_by("created_at", "pk")[:limit]:
        moved += _finish_one(offer, at=at)
    return moved


def _finish_one(offer: TransferOffer, *, at: datetime) -> int:
    setup = offer.card_setup
    try:
        if setup and setup.state == CardSetupState.SUCCEEDED and setup.payment_method and offer.to.is_active:
            finish(offer=offer, card=setup.payment_method, by=actor_of(offer.to), at=at)
            return 1
    except PaymentInProgress:
        return 0  # their card stays named, and the next sweep tries again
    except Refused as refusal:
        log.info("transfer %s is not taken over: %s", offer.pk, refusal.code)
    return TransferOffer.objects.open().filter(pk=offer.pk, card_setup=setup).update(card_setup=None)


@transaction.atomic
def finish(*, offer: TransferOffer, card: PaymentMethod, by: Actor, at: datetime) -> TransferOffer:
    """The change itself, with a card that is kept. :raises: as `accept`"""
    subscription = Subscription.objects.locked().select_related("tenant", "plan").get(pk=offer.subscription_id)
    offer = TransferOffer.objects.locked().select_related("tenant").get(pk=offer.pk)
    if offer.state == TransferState.ACCEPTED:
        return offer
    _require_waiting(offer, subscription, at)
    # A charge that has begun is its old payer's: when it is settled, their card would be the source again.
    open_orders.require_nothing_pending(subscription)
    to = still_member(offer.to, subscription)
    if card.member_id != to.pk:
        raise PaymentMethodNotAccepted(_("Take it over with a card of your own."), field="payment_method")
    card = kept_cards.kept_now(card)
    kept_cards.require_unexpired(card, at)
    subscription.owner = subscription.payer = to
    subscription.save(update_fields=["owner", "payer"])
    PaymentSource.objects.update_or_create(
        tenant=subscription.tenant,
        subscription=subscription,
        defaults={"payment_method": card, "by_invoice": False},
    )
    offer.card_setup = None
    offer.save(update_fields=["card_setup"])
    settle(offer, TransferState.ACCEPTED, by=by, at=at)
    closing.close(subscription, at=at)
    # A renewal that failed on the old card: the page of the offer says that it is charged at once.
    dunning.try_at_once(subscriptions=[subscription.pk])
    return offer


def _require_waiting(offer: TransferOffer, subscription: Subscription, at: datetime) -> None:
    if not offer.waits_at(at) or subscription.owner_id != offer.from_member_id:
        raise TransferNotOpen
    require_transferable(subscription)


def waiting_step(offer: TransferOffer) -> CardSetup | None:
    """The try of a card that an open offer waits for."""
    return offer.card_setup if offer.state == TransferState.OPEN else None
