"""The organisation makes a person's subscription its own: nothing is charged before its next renewal."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import gateways
from commerce.models import Agreement, PaymentMethod, PaymentSource
from commerce.operations.handover import offers
from commerce.operations.leaving import closing
from commerce.operations.paying import cards, kept_cards, open_orders, sources
from commerce.operations.renewing import dunning
from licensing.models import Subscription
from tenants.access import Actor, Right
from tenants.journal import events
from tenants.refusal import BadInput


@dataclass(frozen=True, kw_only=True)
class Payer:
    """What of the organisation's pays from then on: an agreement, by invoice, or a card."""

    agreement: Agreement | None = None
    card: PaymentMethod | None = None


@transaction.atomic
def adopt(*, subscription: Subscription, payer: Payer, by: Actor, at: datetime) -> Subscription:
    """
    Owner and payer become the organisation. Channel, purchaser, seats and term stay; nothing is charged before the
    next renewal. The organisation's already: nothing changes.

    :raises NotAllowed: somebody who does not buy for the organisation
    :raises SubscriptionInactive: nobody has access by it, or it is a trial without a card
    :raises PaymentInProgress: a charge of it is under way
    :raises BadInput: neither an agreement nor a card
    :raises PaymentMethodNotAccepted: not the organisation's, or one that cannot pay for it
    """
    by.require_in(subscription.tenant, Right.END_PURCHASES_OF_OTHERS)
    by.require_in(subscription.tenant, Right.BUY_CENTRALLY)
    subscription = Subscription.objects.locked().select_related("tenant", "plan").get(pk=subscription.pk)
    if subscription.owner_id is None:
        return subscription
    offers.require_transferable(subscription)
    open_orders.require_nothing_pending(subscription)
    payer = usable(subscription, payer, at=at)
    before = subscription.owner_id
    offers.take_back(subscription, by=by, at=at)
    subscription.owner = subscription.payer = None
    subscription.save(update_fields=["owner", "payer"])
    PaymentSource.objects.update_or_create(
        tenant=subscription.tenant,
        subscription=subscription,
        defaults={
            "payment_method": payer.card,
            "agreement": payer.agreement,
            "by_invoice": payer.card is None,
            "adopted_at": at,
        },
    )
    events.record(
        "subscription.adopted",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        member=before,
        payment_method=payer.card and payer.card.pk,
        agreement=payer.agreement and payer.agreement.pk,
    )
    closing.close(subscription, at=at)
    dunning.try_at_once(subscriptions=[subscription.pk])
    return subscription


def offered(subscription: Subscription, *, at: datetime) -> list[Payer]:
    """What of the organisation's can pay for a subscription: agreements that have its price first, then cards."""
    agreements = sources.billing(subscription, at=at).order_by("name", "pk")
    priced = set(agreements.filter(prices__plan=subscription.plan_id).values_list("pk", flat=True))
    today = at.astimezone(subscription.tenant.zone).date()
    own = PaymentMethod.objects.of(subscription.tenant).filter(member=None, gateway=gateways.current().name)
    return [
        *(Payer(agreement=agreement) for agreement in sorted(agreements, key=lambda a: a.pk not in priced)),
        *(Payer(card=card) for card in own.kept().good_on(today).default_first()),
    ]


def usable(subscription: Subscription, payer: Payer, *, at: datetime) -> Payer:
    """
    What is to pay, held until the transaction ends.

    :raises BadInput: :raises PaymentMethodNotAccepted: as `adopt`
    """
    if payer.agreement is not None:
        found = sources.billing(subscription, at=at).locked().filter(pk=payer.agreement.pk).first()
        if found is None:
            raise agreement_not_accepted()
        return Payer(agreement=found)
    if payer.card is None:
        raise BadInput(
            _("Choose what pays from then on: an agreement, or a card of the organisation."),
            field="payment_method",
            code="required",
        )
    if payer.card.member_id is not None or payer.card.tenant_id != subscription.tenant_id:
        raise cards.PaymentMethodNotAccepted(_("Choose a card of the organisation."), field="payment_method")
    card = kept_cards.kept_now(payer.card)
    kept_cards.require_unexpired(card, at)
    return Payer(card=card)


def agreement_not_accepted() -> cards.PaymentMethodNotAccepted:
    said = _("This agreement cannot pay for it: it holds no longer, wants a card, or is in another currency.")
    return cards.PaymentMethodNotAccepted(said, field="agreement")
