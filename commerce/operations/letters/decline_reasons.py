"""Why a card was declined, as a letter or a page about a renewal says it: of the card, and of what helps."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_WHY: dict[str, str | Promise] = {
    "insufficient_funds": _("There is not enough money on the card, or its limit is reached."),
    "expired_card": _("The card has expired."),
    "lost_card": _("The bank has blocked the card."),
    "stolen_card": _("The bank has blocked the card."),
    "pickup_card": _("The bank has blocked the card."),
    "restricted_card": _("The bank does not let this card pay here."),
    "card_not_supported": _("The bank does not let this card pay here."),
    "transaction_not_allowed": _("The bank does not let this card pay here."),
    "currency_not_supported": _("The card does not pay in this currency."),
    "invalid_account": _("The account of the card is closed."),
    "incorrect_number": _("The number of the card is not right."),
    "invalid_number": _("The number of the card is not right."),
    "do_not_try_again": _("The bank does not accept charges to this card."),
    "revocation_of_authorization": _("The bank was told not to accept charges for this subscription."),
    "revocation_of_all_authorizations": _("The bank was told not to accept charges for this subscription."),
    "stop_payment_order": _("The bank was told not to accept charges for this subscription."),
    "processing_error": _("The bank could not process the charge."),
    "authentication_required": _("The bank wants its cardholder to confirm the payment."),
    "confirmation_required": _("The bank wants its cardholder to confirm the payment."),
    "authentication_failed": _("The payment was not confirmed with the bank."),
    "unknown_card": _("The payment provider does not know the card any more."),
    "no_payment_method": _("No card pays for this subscription."),
}


def why(code: str) -> str:
    return str(_WHY.get(code) or _("The bank declined the charge and gave no reason."))


def is_known(code: str) -> bool:
    return code in _WHY
