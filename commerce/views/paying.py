"""How the pages show cards, and which one pays for what."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from commerce import gateways
from commerce.models import Checkout, PaymentMethod, PaymentSource
from commerce.views.looks import Look
from licensing.models import Subscription, SubscriptionState
from tenants.access import Actor

SOON = timedelta(days=60)


@dataclass(frozen=True, kw_only=True)
class CardRow:
    """A card with its expiry in words, and what it pays for: some by name, the others counted."""

    card: PaymentMethod
    expiry: Look
    sources: list[PaymentSource]
    more: int


def card_row(card: PaymentMethod, today: date) -> CardRow:
    """Of a card that came `with_use`, with its `named_sources`."""
    named: list[PaymentSource] = getattr(card, "named_sources", [])
    return CardRow(card=card, expiry=expiry_of(card, today), sources=named, more=card.pays_for_count - len(named))


def expiry_of(card: PaymentMethod, today: date) -> Look:
    month = f"{card.exp_month:02}/{card.exp_year}"
    if card.has_expired(today):
        return Look(kind="red", word=_("Expired"), sentence=_("Expired %(month)s") % {"month": month})
    sentence = _("Expires %(month)s") % {"month": month}
    if card.last_day - today < SOON:
        return Look(kind="amber", word=_("Expires soon"), sentence=sentence)
    return Look(kind="", word="", sentence=sentence)


def source_of(subscription: Subscription) -> PaymentSource | None:
    """What pays for a subscription."""
    found = PaymentSource.objects.filter(tenant_id=subscription.tenant_id, subscription=subscription)
    return found.select_related("payment_method", "agreement").first()


def of_subscription(subscription: Subscription, by: Actor) -> dict[str, object]:
    """What the page of a subscription says of its card; nothing of one that is closed for good, or needs none."""
    if subscription.state == SubscriptionState.DELETED or subscription.never_charged:
        return {}
    source = source_of(subscription)
    card = source.payment_method if source else None
    today = by.now().astimezone(subscription.zone).date()
    return {
        "shows_card": True,
        "source": source,
        "card_expiry": expiry_of(card, today) if card else None,
        "may_change_card": by.is_member(subscription.payer_id),
        "first_term": Checkout.objects.filter(trial=subscription, with_trial=True).first(),
    }


def card_fields() -> str:
    """The template of the field for a card, as the provider in use has it."""
    return f"commerce/_card_{gateways.current().name}.html"
