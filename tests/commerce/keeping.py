"""Cards that the provider is asked to keep, in tests: what becomes of each, and what is refused."""

from datetime import timedelta

import pytest

from commerce.models import CardSetup, PaymentMethod, SandboxSetup
from commerce.operations.paying import card_setups
from tests.factories import NOON, acting

VISA, PREPAID, DECLINED = "pm_card_visa", "pm_card_mastercard_prepaid", "pm_card_chargeDeclined"
ASKS = "pm_card_authenticationRequired"
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LATER = NOON + 61 * SECOND


def add(who, token=VISA, at=NOON, **options):
    by = who if hasattr(who, "roles") else acting(who)
    return card_setups.add(token=token, return_to=lambda pk: f"http://testserver/{pk}/", by=by, at=at, **options)


def tried():
    """What became of each card that the provider was asked to keep."""
    return list(SandboxSetup.objects.using("sandbox").order_by("created_at").values_list("state", flat=True))


def refuse(who, refusal, token=VISA, **options):
    """Nothing is tried, and nothing kept."""
    before = (CardSetup.objects.count(), PaymentMethod.objects.count(), tried())
    with pytest.raises(refusal) as refused:
        add(who, token, **options)
    assert (CardSetup.objects.count(), PaymentMethod.objects.count(), tried()) == before
    return refused.value
