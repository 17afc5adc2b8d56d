"""Of a contested charge nothing is refunded, and what was promised before is sent or called off as the bank decides."""

from decimal import Decimal

import pytest
from django.db import transaction

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Account, Payment, Refund
from commerce.operations.changes import cancellations
from commerce.operations.paying import incoming, refunds, settlement
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tests import ledger as bank_books
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.disputes.conftest import (
    DAY,
    HOUR,
    LATER,
    PRICE,
    SOON,
    balances,
    contest,
    give_back,
    judge,
    money_of,
    settle,
)
from tests.commerce.provider import BANK, every_row, owed, send
from tests.factories import NOON, acting

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestRefunds:
    """Of a charge that is contested, or was lost, nothing is refunded, whatever ends the subscription."""

    @pytest.mark.parametrize("outcome", ["open", "lost"])
    def test_none_is_promised(self, payment, outcome):
        settle(payment, outcome)
        before = every_row()
        with pytest.raises(refunds.ChargeContested), transaction.atomic():
            give_back(payment)
        assert every_row() == before
        assert list(Payment.objects.uncontested()) == []

    def test_one_is_promised_again_once_it_is_won(self, payment):
        settle(payment, "open")
        settle(payment, "won")
        assert list(Payment.objects.uncontested()) == [payment]
        payment.refresh_from_db()
        assert give_back(payment).state == "started"

    @pytest.mark.parametrize("outcome", ["open", "lost"])
    def test_cancelling_gives_nothing_back(self, payment, subscription, ana, outcome):
        settle(payment, outcome)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=SOON)
        subscription.refresh_from_db()
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=SOON + HOUR)
        assert not Refund.objects.exists()
        assert bank_books.refunded() == []


class TestARefundThatWasPromisedBefore:
    @pytest.fixture
    def held(self, payment, monkeypatch):
        """Promised; the provider was away, and the cardholder went to the bank meanwhile."""
        with monkeypatch.context() as patch:

            def unreachable(self, **options):
                raise GatewayUnavailable

            patch.setattr(SandboxGateway, "refund", unreachable)
            refund = give_back(payment, Decimal("15.00"))
            refunds.send(refund, at=NOON)
        contest(payment)
        return refund

    def test_stays_promised_and_is_not_sent(self, payment, held):
        settlement.reconcile(at=LATER)
        assert state_of(held) == "started"
        assert held.asked_at == LATER
        assert bank_books.refunded() == []
        assert money_of(payment) == (PRICE, 15, PRICE - 15)

    def test_is_sent_when_it_is_won(self, payment, held):
        judge(payment, won=True)
        assert state_of(held) == "succeeded"
        assert bank_books.refunded() == [15]
        assert money_of(payment) == (PRICE, 15, 0)
        assert balances() == {Account.PROVIDER: PRICE - 15, Account.SALES: 15 - PRICE}
        assert all_is_well()

    def test_is_called_off_when_it_is_lost_and_the_loss_is_whole(self, payment, held):
        dispute = judge(payment, won=False)
        assert state_of(held) == "failed"
        assert bank_books.refunded() == []
        assert dispute.amount == PRICE
        assert money_of(payment) == (PRICE, 0, PRICE)
        # What was owed to the card has reached it through the bank: only the rest is a loss.
        assert balances() == {Account.LOSSES: PRICE - 15, Account.SALES: 15 - PRICE}
        settlement.reconcile(at=LATER + DAY)
        assert bank_books.refunded() == []
        assert all_is_well()

    def test_that_had_reached_the_provider_after_all_is_no_loss(self, payment, monkeypatch):
        refund = SandboxGateway.refund

        def say_nothing(self, **options):
            refund(self, **options)
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", say_nothing)
            back = give_back(payment, Decimal("15.00"))
            refunds.send(back, at=NOON)
        assert state_of(back) == "started"
        BANK.contest(payment.pk)
        dispute = judge(payment, won=False)
        assert state_of(back) == "succeeded"
        assert dispute.amount == PRICE - 15
        assert money_of(payment) == (PRICE, 15, PRICE - 15)
        assert all_is_well()

    def test_is_not_judged_while_the_provider_does_not_say_how_it_stands(self, payment, held, monkeypatch):
        def unreachable(self, key):
            raise GatewayUnavailable

        BANK.judge_dispute(payment.pk, won=False)
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "find_refund", unreachable)
            before = every_row()
            with pytest.raises(GatewayUnavailable):
                judge(payment, won=False)
            assert every_row() == before
            stored = send(owed("dispute.closed")[0])
            incoming.handle(event_id=stored.pk, at=LATER)
            assert state_of(stored) == "received"
        incoming.handle(event_id=stored.pk, at=LATER + HOUR)
        assert state_of(stored) == "handled"
        assert state_of(held) == "failed"
