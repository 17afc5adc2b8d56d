"""Processes that are killed while they handle an event: the sweep has it handled again, and it is done once."""

from decimal import Decimal

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Dispute, IncomingEvent, Payment
from commerce.operations.paying import incoming
from licensing.models import Subscription
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.provider import BANK, bought, owed, send
from tests.factories import NOON, MembershipFactory, plan_on_sale
from tests.faults.test_killed import books_agree, every, killed_or_done, state_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

PRICE = Decimal("19.98")


@pytest.fixture
def payment(monkeypatch):
    """Captured; the answer was lost."""
    charge = SandboxGateway.charge

    def say_nothing(self, request):
        charge(self, request)
        raise GatewayUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "charge", say_nothing)
        return bought(MembershipFactory(), plan_on_sale())


def handled_in_the_end(event):
    """By the sweep, once the try that died has had its time."""
    at = NOON + incoming.LEASE
    IncomingEvent.objects.update(received_at=NOON - incoming.LEASE)
    assert incoming.resume(at=at) == (state_of(event) == "received")
    incoming.handle(event_id=event.pk, at=at)
    assert state_of(event) == "handled"
    books_agree()


@every(last=84, step=14)
def test_of_a_charge_that_brings_a_purchase(victim, payment, nth, last):
    event = send(owed("charge.captured")[0])
    [code] = victim({"do": "handle", "event": event.pk, "at": NOON, "die": nth})
    killed_or_done(code, nth, last)
    handled_in_the_end(event)
    assert state_of(payment) == "succeeded"
    assert (Subscription.objects.count(), ledger.captured()) == (1, [PRICE])
    assert Event.objects.filter(type="payment.succeeded").count() == 1


@every(last=128, step=16)
def test_of_a_dispute_that_was_lost_before_the_charge_was_heard_of(victim, payment, nth, last):
    BANK.contest(payment.pk)
    BANK.judge_dispute(payment.pk, won=False)
    event = send(owed("dispute.closed")[0])
    [code] = victim({"do": "handle", "event": event.pk, "at": NOON, "die": nth})
    killed_or_done(code, nth, last)
    handled_in_the_end(event)
    assert Payment.objects.get().disputed == Dispute.objects.get().amount == PRICE
    assert Subscription.objects.get().state == "disabled"
    for type in ("payment.succeeded", "dispute.opened", "dispute.lost", "subscription.disabled"):
        assert Event.objects.filter(type=type).count() == 1
