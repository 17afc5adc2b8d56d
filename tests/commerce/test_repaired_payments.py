"""The repairs of payments: not written down, of nobody, set aside, missing at the provider, contested."""

from decimal import Decimal

import pytest

from commerce.models import Dispute, Movement, Order, Payment, Refund
from commerce.operations.accounts import repairs
from commerce.operations.paying import disputes, refunds
from licensing.models import Subscription
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.conftest import state_of
from tests.commerce.differences import (
    BANK,
    DAY,
    LATER,
    PRICE,
    canceled_but_captured,
    charges,
    contested,
    declined_but_captured,
    everything_here,
    findings,
    found,
    mend,
    never_captured,
    notes,
    set_aside,
    state,
    stranger,
)
from tests.factories import NOON, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAPaymentThatIsNotWrittenDown:
    def test_brings_what_was_paid_for(self, ana, plan):
        payment = declined_but_captured(ana, plan)
        mend(found("unsettled"))
        assert state_of(payment) == "succeeded"
        assert Subscription.objects.count() == 1
        assert ledger.refunded() == []

    def test_is_given_back_when_nothing_is_left_to_pay_for(self, ana, plan):
        payment = canceled_but_captured(ana, plan)
        mend(found("unsettled"))
        assert state_of(payment) == "surplus"
        assert ledger.refunded() == [PRICE]
        assert not Subscription.objects.exists()

    def test_is_set_aside_when_another_amount_was_taken(self, ana, plan):
        payment = declined_but_captured(ana, plan)
        charges().update(amount="7.00")
        mend(found("unsettled"))
        assert state_of(payment) == "set_aside"
        assert found("set_aside", LATER + DAY).payment == payment


class TestAChargeOfNobody:
    def test_goes_back_whole_under_one_key(self):
        charge = stranger()
        mend(found("unknown_charge"))
        assert ledger.refunded() == [charge.amount]

    def test_goes_back_as_far_as_it_did_not_yet(self):
        charge = stranger()
        BANK.refund_by_hand(key=charge.pk, charge_key=charge.pk, amount=Decimal("2.50"))
        mend(found("unknown_charge"))
        assert ledger.refunded() == [Decimal("2.50"), Decimal("10.00")]

    def test_stays_when_the_provider_refuses(self):
        stranger()
        charges().update(payment_method="pm_card_refundFail")
        difference = found("unknown_charge")
        with pytest.raises(repairs.ProviderRefuses):
            mend(difference)
        assert state(difference) is None

    def test_is_never_given_back_when_a_payment_here_has_its_key(self, ana, plan):
        charge = stranger()
        difference = found("unknown_charge")
        buy(ana, plan)
        order = Order.objects.get()
        Payment.objects.create(
            pk=charge.pk, tenant=ana.tenant, order=order, payer=ana, state="failed", amount=charge.amount,
            currency="USD", payment_method="pm_card_visa", gateway="sandbox", started_at=NOON,
        )  # fmt: skip
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert ledger.refunded() == []


class TestWhatWasSetAside:
    @pytest.mark.parametrize("wrong", [{"amount": Decimal("25.00")}, {"currency": "EUR"}], ids=str)
    def test_goes_back_whole_and_in_its_own_currency(self, ana, plan, wrong):
        payment = set_aside(ana, plan, **wrong)
        mend(found("set_aside"))
        assert ledger.refunded() == [payment.captured]
        assert set(Movement.objects.values_list("currency", flat=True)) == {wrong.get("currency", "USD")}
        assert notes() == []
        assert findings() == []

    def test_is_refused_when_somebody_gave_it_back(self, ana, plan):
        payment = set_aside(ana, plan)
        difference = found("set_aside")
        payment = Payment.objects.select_related("order").get()
        refunds.give_back_set_aside(payment=payment, by=SYSTEM, at=NOON)
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert Refund.objects.count() == 1

    def test_is_not_promised_twice_when_the_card_does_not_take_it(self, ana, plan):
        set_aside(ana, plan)
        charges().update(payment_method="pm_card_refundFail")
        mend(found("set_aside"))
        assert found("refund_failed", LATER + DAY).refund == Refund.objects.get()
        assert Movement.objects.filter(kind="set_aside_released").count() == 1

    def test_waits_while_the_bank_has_it(self, ana, plan):
        payment = set_aside(ana, plan)
        difference = found("set_aside")
        disputes.settle_dispute(report=BANK.contest(payment.pk), at=NOON)
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert ledger.refunded() == []


class TestAPaymentThatTheProviderDoesNotHave:
    def test_is_asked_about_and_left_open_with_a_note(self, ana, plan):
        never_captured(ana, plan)
        difference = found("not_captured")
        before = everything_here()
        for days in (1, 2):
            mend(difference, LATER + days * DAY)
            difference.refresh_from_db()
            assert (difference.note, difference.resolved_at) == (repairs.STILL_STANDS, None)
            assert difference.seen_at == LATER + days * DAY
        assert everything_here() == before
        assert not Event.objects.filter(type="difference.repaired").exists()


class TestADispute:
    @pytest.mark.parametrize("won", [True, False])
    def test_is_written_down_as_it_stands(self, ana, plan, won):
        payment = contested(ana, plan)
        mend(found("unknown_dispute"))
        assert Dispute.objects.get().state == "open"
        assert Subscription.objects.get().state == "disabled"
        BANK.judge_dispute(payment.pk, won=won)
        mend(found("unknown_dispute", LATER + DAY), LATER + DAY)
        assert Dispute.objects.get().state == ("won" if won else "lost")
        assert findings() == []
