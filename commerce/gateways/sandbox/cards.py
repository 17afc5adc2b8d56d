"""The test cards of the sandbox, how each behaves, and those that it keeps for a customer."""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commerce.gateways.protocol import CardDetails, Funding, UnknownPaymentMethod
from commerce.models.sandbox import SandboxCard

DB = "sandbox"


@dataclass(frozen=True, kw_only=True)
class Card:
    """How a test card behaves."""

    label: str | Promise
    last4: str
    brand: str = "Visa"
    decline_code: str = ""
    asks_cardholder: bool = False
    only_first_charge: bool = False
    is_contested: bool = False
    fails_refunds: bool = False
    funding: Funding = Funding.CREDIT


CARDS: dict[str, Card] = {
    "pm_card_visa": Card(label=_("Visa, pays"), last4="4242"),
    "pm_card_chargeDeclined": Card(label=_("Declined"), last4="0002", decline_code="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        label=_("Declined, not enough money"), last4="9995", decline_code="insufficient_funds"
    ),
    "pm_card_authenticationRequired": Card(
        label=_("Asks you to confirm with the bank"), last4="3184", asks_cardholder=True
    ),
    "pm_card_chargeCustomerFail": Card(
        label=_("Pays once, is declined later"), last4="0341", decline_code="generic_decline", only_first_charge=True
    ),
    "pm_card_mastercard_prepaid": Card(
        label=_("Prepaid, not accepted"), last4="5100", brand="Mastercard", funding=Funding.PREPAID
    ),
    "pm_card_createDispute": Card(label=_("Pays, then is contested at the bank"), last4="0259", is_contested=True),
    "pm_card_refundFail": Card(label=_("Pays, but takes no refund"), last4="5126", fails_refunds=True),
}


def token_of(payment_method: str) -> str:
    """
    The test token behind a token or a kept card's reference.

    :raises UnknownPaymentMethod: neither
    """
    if payment_method in CARDS:
        return payment_method
    kept = SandboxCard.objects.using(DB).filter(reference=payment_method, forgotten_at=None).first()
    if kept is None:
        raise UnknownPaymentMethod(payment_method)
    return kept.token


def details_of(payment_method: str) -> CardDetails:
    """:raises UnknownPaymentMethod: neither a test token nor a kept card"""
    token = token_of(payment_method)
    card = CARDS[token]
    return CardDetails(
        reference=payment_method,
        fingerprint=token,
        brand=card.brand,
        last4=card.last4,
        exp_month=12,
        exp_year=2034,
        funding=card.funding,
    )


def keep(customer: str, token: str) -> SandboxCard:
    """One for each customer and token, under a reference of its own."""
    reference = f"pm_{uuid5(NAMESPACE_URL, f'{customer}/{token}').hex}"
    card, _created = SandboxCard.objects.using(DB).update_or_create(
        reference=reference, defaults={"customer": customer, "token": token, "forgotten_at": None}
    )
    return card
