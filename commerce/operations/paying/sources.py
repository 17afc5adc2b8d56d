"""Which card pays for a subscription from its next charge on."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import PaymentMethod, PaymentSource
from commerce.operations.paying import cards, kept_cards
from licensing.models import Subscription, SubscriptionState
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import Actor, Right
from tenants.journal import events
from tenants.refusal import NotAllowed


@transaction.atomic
def change(*, subscription: Subscription, card: PaymentMethod, by: Actor, at: datetime) -> PaymentSource:
    """
    Let another card of its payer pay from the next charge on. Nothing is charged now. It pays already: nothing
    changes.

    :raises NotAllowed: neither the payer, nor somebody who buys for the organisation that is
    :raises SubscriptionInactive: it is closed for good
    :raises PaymentMethodNotAccepted: not a card of the payer's, removed, or expired
    """
    subscription = Subscription.objects.locked().select_related("tenant").get(pk=subscription.pk)
    _require_payer(subscription, by)
    if (subscription.tenant_id, subscription.payer_id) != (card.tenant_id, card.member_id):
        raise cards.PaymentMethodNotAccepted(field="payment_method")
    if subscription.state == SubscriptionState.DELETED:
        raise SubscriptionInactive
    card = kept_cards.kept_now(card)
    kept_cards.require_unexpired(card, at)
    source, _is_new = PaymentSource.objects.get_or_create(tenant=subscription.tenant, subscription=subscription)
    if source.payment_method_id == card.pk:
        return source
    source.payment_method, source.agreement = card, None
    source.save(update_fields=["payment_method", "agreement"])
    events.record(
        "subscription.card_changed",
        tenant=subscription.tenant,
        by=by,
        at=at,
        subject=subscription.pk,
        payment_method=card.pk,
    )
    return source


def _require_payer(subscription: Subscription, by: Actor) -> None:
    if subscription.payer_id is None:
        by.require_in(subscription.tenant, Right.BUY_CENTRALLY)
    elif not by.is_member(subscription.payer_id):
        raise NotAllowed(_("Only the person who pays for this subscription chooses its card."))
