"""What pays for a subscription from its next charge on: a card of its payer, or an agreement of the tenant."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.models import Agreement, BillingPeriod, Checkout, PaymentMethod, PaymentSource
from commerce.models.agreement import AgreementQuerySet
from commerce.operations.paying import cards, kept_cards
from commerce.operations.renewing import dunning
from licensing.models import Subscription, SubscriptionState
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor, Right
from tenants.journal import events
from tenants.refusal import NotAllowed


@transaction.atomic
def change(*, subscription: Subscription, card: PaymentMethod, by: Actor, at: datetime) -> PaymentSource:
    """
    Let another card of its payer pay from the next charge on, at the price of its agreement where it has one. Nothing
    is charged now, but for a renewal that failed: it is tried at once. It pays already: nothing changes.

    :raises NotAllowed: neither the payer, nor somebody who buys for the organisation that is
    :raises SubscriptionInactive: it is closed for good
    :raises PaymentMethodNotAccepted: not a card of the payer's, removed, or expired
    """
    subscription = _locked(subscription, by)
    if (subscription.tenant_id, subscription.payer_id) != (card.tenant_id, card.member_id):
        raise cards.PaymentMethodNotAccepted(field="payment_method")
    card = kept_cards.kept_now(card)
    kept_cards.require_unexpired(card, at)
    source = _source_of(subscription)
    if source.payment_method_id == card.pk:
        return source
    source.payment_method, source.by_invoice = card, False
    source.save(update_fields=["payment_method", "by_invoice"])
    dunning.try_at_once(subscriptions=[subscription.pk])
    events.record(
        "subscription.card_changed",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        payment_method=card.pk,
    )
    return source


@transaction.atomic
def bill(*, subscription: Subscription, agreement: Agreement, by: Actor, at: datetime) -> PaymentSource:
    """
    Let an agreement of the tenant pay, by invoice and at its prices, from the next charge on. Nothing is billed now,
    but for a renewal that failed. It pays already: nothing changes.

    :raises NotAllowed: somebody who does not buy for the organisation, or a person pays
    :raises SubscriptionInactive: it is closed for good
    :raises PaymentMethodNotAccepted: not the tenant's, not in force, not paid by invoice, or in another currency
    """
    subscription = _locked(subscription, by)
    if subscription.payer_id is not None:
        raise NotAllowed(_("Only what the organisation pays itself is billed under an agreement."))
    found = billing(subscription, at=at).locked().filter(pk=agreement.pk).first()
    if found is None:
        message = _("This agreement cannot pay for it: it holds no longer, wants a card, or is in another currency.")
        raise cards.PaymentMethodNotAccepted(message, field="payment_method")
    source = _source_of(subscription)
    if source.by_invoice and source.agreement_id == found.pk:
        return source
    source.payment_method, source.agreement, source.by_invoice = None, found, True
    source.save(update_fields=["payment_method", "agreement", "by_invoice"])
    dunning.try_at_once(subscriptions=[subscription.pk])
    events.record(
        "subscription.agreement_chosen",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        agreement=found.pk,
    )
    return source


def billing(subscription: Subscription, *, at: datetime) -> AgreementQuerySet:
    """The agreements of its tenant that may pay by invoice. A subscription never changes its currency."""
    in_force = Agreement.objects.of(subscription.tenant).in_force(subscription.tenant.today(at))
    charged = BillingPeriod.objects.filter(subscription=subscription).values("currency")
    # Of a trial with a card that is what it was quoted.
    quoted = Checkout.objects.filter(trial=subscription).values("currency")
    return in_force.filter(Q(currency__in=charged) | Q(currency__in=quoted), pay_by_invoice=True)


def _locked(subscription: Subscription, by: Actor) -> Subscription:
    subscription = Subscription.objects.locked().select_related("tenant").get(pk=subscription.pk)
    if subscription.payer_id is None:
        by.require_in(subscription.tenant, Right.BUY_CENTRALLY)
    elif not by.is_member(subscription.payer_id):
        raise NotAllowed(_("Only the person who pays for this subscription chooses its card."))
    if subscription.state == SubscriptionState.DELETED or subscription.never_charged:
        raise SubscriptionInactive
    return subscription


def _source_of(subscription: Subscription) -> PaymentSource:
    found, _is_new = PaymentSource.objects.get_or_create(tenant=subscription.tenant, subscription=subscription)
    return found
