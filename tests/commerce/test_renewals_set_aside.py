"""A renewal that an operator has to look at is charged by nobody else's doing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.gateways.sandbox import SandboxGateway
from commerce.operations.renewing import dunning
from tests import ledger
from tests.commerce.declining import OTHER, RETRIES, buy_with_bad_card, pay_with
from tests.commerce.renewing import renewal_of, sweep
from tests.factories import MembershipFactory, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)


@pytest.fixture
def overcharged(monkeypatch):
    """Its second try took more than it was asked for."""
    subscription = buy_with_bad_card(MembershipFactory(), plan_on_sale())
    sweep(DUE)
    pay_with(subscription, OTHER)
    charge = SandboxGateway.charge
    wrong = Decimal("99.00")
    monkeypatch.setattr(SandboxGateway, "charge", lambda *args: replace(charge(*args), amount=wrong))
    sweep(RETRIES[0])
    monkeypatch.undo()
    renewal = renewal_of(subscription)
    assert (renewal.state, renewal.faults) == ("retrying", 3)
    return subscription


def test_not_by_another_card(overcharged):
    taken = ledger.captured()
    pay_with(overcharged, "pm_card_visa")
    renewal = renewal_of(overcharged)
    assert not dunning.resume(renewal_id=renewal.pk, at=RETRIES[0])
    assert dunning.try_at_once(subscriptions=[overcharged.pk]) == 0
    assert sweep(RETRIES[0] + timedelta(hours=1)) == {}
    renewal.refresh_from_db()
    assert (renewal.state, renewal.faults) == ("retrying", 3)
    assert ledger.captured() == taken
