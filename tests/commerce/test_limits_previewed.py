"""Previews weigh spend limits as the charge will: what it would refuse is refused before anybody agrees to it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Order
from commerce.operations.changes import quantity, reactivations
from licensing.operations import lifecycle, subscriptions
from policies.eligibility import PurchaseRefused
from policies.models import Decision, SpendLimit
from tests.factories import NOON, RETURN_URL, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def limit(tenant, amount):
    return SpendLimit.objects.create(
        tenant=tenant, level="tenant", period="month", amount=Decimal(amount), currency="USD", mode="hard",
        counts=["self_service"], set_at=NOON, created_at=NOON,
    )  # fmt: skip


def codes_of(deed, **asked):
    try:
        deed(**asked)
    except PurchaseRefused as refused:
        return [reason["code"] for reason in refused.answer.reasons]
    return []


@pytest.mark.parametrize(("amount", "codes"), [("29.96", ["spend_limit_exceeded"]), ("29.97", [])])
def test_of_more_seats(ana, plan, amount, codes):
    subscription = buy(ana, plan)
    limit(ana.tenant, amount)
    decided = Decision.objects.count()
    asked = {"subscription": subscription, "quantity": 3, "by": acting(ana), "at": NOON}
    assert codes_of(quantity.preview, **asked) == codes
    assert (Order.objects.count(), Decision.objects.count()) == (1, decided)
    assert codes_of(quantity.change, return_url=RETURN_URL, **asked) == codes


@pytest.mark.parametrize(("amount", "codes"), [("19.97", ["spend_limit_exceeded"]), ("19.98", [])])
def test_of_another_term(ana, plan, amount, codes):
    subscription = buy(ana, plan)
    subscriptions.set_auto_renew(subscription=subscription, auto_renew=False, by=acting(ana), at=NOON)
    later = subscription.term_end + timedelta(days=1)
    lifecycle.advance_due(at=later)
    subscription.refresh_from_db()
    assert subscription.state == "expired"
    limit(ana.tenant, amount)
    asked = {"subscription": subscription, "by": acting(ana), "at": later}
    assert codes_of(reactivations.preview_reactivation, **asked) == codes
    assert Order.objects.count() == 1
    assert codes_of(reactivations.reactivate, return_url=RETURN_URL, **asked) == codes
