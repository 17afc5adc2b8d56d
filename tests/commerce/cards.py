"""The cards that people keep, in tests: added, removed, expiring, by operation and in the browser."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from commerce.models import PaymentMethod, PaymentSource, SandboxCard
from commerce.operations.paying import card_setups, kept_cards
from tests.callers import signed_in
from tests.factories import NOON, acting, add_card

VISA, OTHER, THIRD = "pm_card_visa", "pm_card_createDispute", "pm_card_refundFail"
ASKS = "pm_card_authenticationRequired"
LATER = NOON + timedelta(seconds=61)


def add(who, card=VISA):
    return add_card(who, card, timezone.now()).payment_method


def expire_in(card, days):
    last = timezone.now() + timedelta(days=days)
    PaymentMethod.objects.filter(pk=card.pk).update(exp_year=last.year, exp_month=last.month)


def url(action, card):
    return reverse(f"payment-method-{action}", kwargs={"card_id": card.pk})


def post(who, action, card, /, **sent):
    return signed_in(who).post(url(action, card), sent, follow=True)


def keep(who, token=VISA, at=NOON, **options):
    by = who if hasattr(who, "roles") else acting(who)
    return card_setups.add(token=token, return_to=str, by=by, at=at, **options).payment_method


def remove(card, by, at=NOON):
    kept_cards.remove(card=card, by=acting(by), at=at)
    card.refresh_from_db()


def payer_of(subscription):
    return PaymentSource.objects.get(subscription=subscription).payment_method


def of(member):
    """Their cards by the last digits, the default first."""
    found = PaymentMethod.objects.filter(member=member).kept().default_first()
    return [(card.last4, card.is_default) for card in found]


def forgotten():
    """Cards that the provider keeps no longer."""
    return SandboxCard.objects.using("sandbox").exclude(forgotten_at=None).count()
