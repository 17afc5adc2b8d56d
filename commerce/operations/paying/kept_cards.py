"""A holder's kept cards: which is the default, one in place of another, and none any more."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.gateways.protocol import GatewayUnavailable
from commerce.models import Payment, PaymentMethod, PaymentSource
from commerce.operations.paying import cards
from commerce.operations.renewing import dunning
from tenants.access import Actor, Right
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope


class PaymentMethodInUse(Refused):
    message = _("This card pays for a subscription. Replace it with another card first.")


class CardIsCharged(PaymentMethodInUse):
    code = PaymentMethodInUse.code
    message = _("A payment with this card is in progress. Wait for its result.")


@transaction.atomic
def make_default(*, card: PaymentMethod, by: Actor, at: datetime) -> PaymentMethod:
    """
    The card that is offered first from now on. It is already: nothing changes.

    :raises NotAllowed: somebody else's
    :raises PaymentMethodNotAccepted: it was removed
    """
    card = _held(card, by)
    if card.is_default:
        return card
    _prefer(card)
    events.record("payment_method.preferred", tenant=card.tenant, by=by, at=at, subject=card.pk)
    return card


def replace(*, card: PaymentMethod, other: PaymentMethod, by: Actor, at: datetime) -> PaymentMethod:
    """
    Let another card of the same holder pay for everything that this one paid for, and remove this one. What failed with
    this one is tried with the other at once. Returns the other one, the default if this one was.

    :raises NotAllowed: somebody else's
    :raises PaymentMethodNotAccepted: one of the two was removed, or the other one has expired
    :raises CardIsCharged: a payment with this one is under way
    :raises BadInput: the two are one, or have different holders
    """
    if other.pk == card.pk:
        raise BadInput(_("Choose another card than the one you replace."), field="by", code="same")
    if (other.tenant_id, other.member_id) != (card.tenant_id, card.member_id):
        raise BadInput(_("There is no such card."), field="by", code="does_not_exist")
    with transaction.atomic():
        card = _held(card, by)
        other = _held(other, by)
        require_unexpired(other, at)
        _refuse_while_charged(card)
        moved = list(PaymentSource.objects.filter(payment_method=card).open().locked())
        PaymentSource.objects.filter(pk__in=[source.pk for source in moved]).update(payment_method=other)
        dunning.try_at_once(subscriptions=[source.subscription_id for source in moved])
        was_default = card.is_default
        _end(card, at)
        if was_default:
            _prefer(other)
        events.record(
            "payment_method.replaced",
            tenant=card.tenant,
            by=by,
            at=at,
            subject=card.pk,
            payment_method=other.pk,
            subscriptions=[source.subscription_id for source in moved],
        )
    forget(card, at=at)
    return other


def remove(*, card: PaymentMethod, by: Actor, at: datetime) -> None:
    """
    Keep a card no longer. The newest of the holder's others becomes the default if it was. Removed already: nothing
    changes.

    :raises NotAllowed: somebody else's
    :raises PaymentMethodInUse: it pays for a subscription that is not closed for good
    :raises CardIsCharged: a payment with it is under way
    """
    with transaction.atomic():
        try:
            card = _held(card, by)
        except cards.PaymentMethodNotAccepted:
            return
        # Payments first: one that is settled between the two looks has made its subscription's source by the second.
        _refuse_while_charged(card)
        if PaymentSource.objects.filter(payment_method=card).open().exists():
            raise PaymentMethodInUse
        _end(card, at)
        events.record("payment_method.removed", tenant=card.tenant, by=by, at=at, subject=card.pk)
    forget(card, at=at)


def forget(card: PaymentMethod, *, at: datetime) -> bool:
    """Have the provider keep a removed card no longer. Outside any transaction; what fails is left to the sweep."""
    gateway = gateways.current()
    if card.gateway != gateway.name:
        return False
    # Added again since, under the same reference: it is kept after all.
    if not PaymentMethod.objects.filter(gateway=card.gateway, reference=card.reference).kept().exists():
        try:
            gateway.forget(card.reference)
        except GatewayUnavailable:
            return False
    return bool(PaymentMethod.objects.to_forget(gateway.name).filter(pk=card.pk).update(forgotten_at=at))


def forget_removed(*, at: datetime, limit: int = 100, among: Scope = EVERYBODY) -> int:
    """What the provider could not be told when a card was removed. Returns how many it forgot."""
    waiting = among.of(PaymentMethod.objects.to_forget(gateways.current().name)).order_by("removed_at")
    return sum(forget(card, at=at) for card in waiting[:limit])


def require_holder(card: PaymentMethod, by: Actor) -> None:
    """:raises NotAllowed: neither one's own, nor the organisation's by somebody who buys for it"""
    if card.member_id is not None and by.is_member(card.member_id):
        return
    if card.member_id is None and by.tenant is not None and by.tenant.pk == card.tenant_id:
        by.require(Right.BUY_CENTRALLY)
        return
    raise NotAllowed(_("This is somebody else's card."))


def kept_now(card: PaymentMethod) -> PaymentMethod:
    """As it is under the lock of its holder's cards. :raises PaymentMethodNotAccepted: it was removed"""
    cards.hold(card.tenant, card.member)
    found = PaymentMethod.objects.kept().select_related("tenant", "member").filter(pk=card.pk).first()
    if found is None:
        raise cards.PaymentMethodNotAccepted(_("This card was removed. Choose another one."))
    return found


def require_unexpired(card: PaymentMethod, at: datetime) -> None:
    """:raises PaymentMethodNotAccepted: its month is over where its holder is"""
    if card.has_expired(at.astimezone(card.tenant.zone).date()):
        raise cards.PaymentMethodNotAccepted(_("This card has expired. Choose another one."))


def _held(card: PaymentMethod, by: Actor) -> PaymentMethod:
    """The card as it is now, under the lock of its holder's cards."""
    require_holder(card, by)
    return kept_now(card)


def _prefer(card: PaymentMethod) -> None:
    """In two steps: at no moment there are two defaults."""
    PaymentMethod.objects.held_as(card).filter(is_default=True).update(is_default=False)
    PaymentMethod.objects.filter(pk=card.pk).update(is_default=True)
    card.is_default = True


def _end(card: PaymentMethod, at: datetime) -> None:
    was_default = card.is_default
    card.removed_at, card.is_default = at, False
    card.save(update_fields=["removed_at", "is_default"])
    PaymentSource.objects.filter(payment_method=card).update(payment_method=None)
    if was_default:
        newest = PaymentMethod.objects.held_as(card).filter(gateway=card.gateway).order_by("-created_at", "-pk").first()
        if newest:
            _prefer(newest)


def _refuse_while_charged(card: PaymentMethod) -> None:
    if Payment.objects.live().filter(card=card).exists():
        raise CardIsCharged
