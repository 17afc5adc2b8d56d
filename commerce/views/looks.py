"""How pages say in which state a subscription is: a word in its colour, and a sentence."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from commerce.models import Purchase
from licensing.models import EndCause, Subscription, SubscriptionState
from tenants.dates import day

# The colour of each state.
KINDS: dict[str, str] = {
    SubscriptionState.TRIAL: "green",
    SubscriptionState.ACTIVE: "green",
    SubscriptionState.EXPIRED: "amber",
    SubscriptionState.DISABLED: "red",
    SubscriptionState.DELETED: "",
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """A subscription's state in a word and a sentence; `kind` picks the badge's colour."""

    kind: str
    word: str
    sentence: str


def look_of(subscription: Subscription) -> Look:
    word, sentence = _said_of(subscription)
    return Look(kind=KINDS[subscription.state], word=word, sentence=sentence % {"day": _until(subscription)})


def _said_of(subscription: Subscription) -> tuple[str, str]:
    if subscription.state == SubscriptionState.TRIAL:
        return _("Trial"), _("Trial until %(day)s")
    if subscription.state == SubscriptionState.ACTIVE:
        return _("Active"), _("Renews %(day)s") if subscription.auto_renew else _("Ends %(day)s")
    if subscription.state == SubscriptionState.EXPIRED:
        return _("In grace"), _("In grace until %(day)s")
    if subscription.state == SubscriptionState.DISABLED:
        return _("Ended"), _why_disabled(subscription)
    return _("Closed"), _("Closed for good")


def _why_disabled(subscription: Subscription) -> str:
    if subscription.is_taken_over:
        return _("Your organisation has taken it over, so nobody has access by it. Closed for good on %(day)s")
    if subscription.held_at is not None:
        return _("A charge was contested at the bank, so nobody has access. Kept until the bank has decided")
    if subscription.end_cause == EndCause.CHARGEBACK:
        return _("A charge was contested at the bank, so nobody has access. Kept until %(day)s")
    return _("Nobody has access. Kept until %(day)s")


def end_of(purchase: Purchase) -> str:
    """In a list: when it ends, or since when nobody has access."""
    if purchase.ended_at is not None:
        return _("Ended %(day)s") % {"day": day(purchase.ended_at, purchase.zone)}
    return look_of(purchase).sentence


def _until(subscription: Subscription) -> str:
    moment: datetime | None = subscription.state_ends_at
    return day(moment, subscription.zone) if moment else ""
