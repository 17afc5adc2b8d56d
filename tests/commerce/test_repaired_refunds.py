"""The repairs of refunds: one that failed, one that never arrived, one that somebody made at the provider."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Difference, Invoice, Order, OrderLine, Payment, Refund
from commerce.operations.accounts import repairs
from commerce.operations.changes import cancellations
from commerce.operations.paying import disputes, refunds, settlement
from licensing.models import Subscription
from tenants.access import SYSTEM
from tests import ledger
from tests.commerce.changes import change
from tests.commerce.conftest import state_of
from tests.commerce.differences import (
    BANK,
    DAY,
    LATER,
    PRICE,
    canceled,
    charges,
    compare,
    findings,
    found,
    mend,
    notes,
    refund_failed_at_once,
    refund_failed_later,
    refund_lost_there,
    refund_made_there,
    refunds_there,
    set_aside,
)
from tests.factories import (
    NOON,
    MembershipFactory,
    TaxRateFactory,
    acting,
    buy,
    open_checkout,
    pay,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestARefundThatFailed:
    def test_is_made_good_once_and_credited_once(self, ana, plan):
        refund = refund_failed_later(ana, plan)
        assert notes() == [PRICE]
        mend(found("refund_failed"))
        made = Refund.objects.get(replaces=refund)
        assert (made.state, made.amount, made.tax, made.reason) == ("succeeded", PRICE, 0, "canceled")
        assert state_of(refund) == "failed"
        assert notes() == [PRICE]
        assert Payment.objects.get().refunded == PRICE
        assert BANK.find(made.payment_id).amount == PRICE

    def test_is_credited_when_it_is_made_good_for_the_first_time(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        assert notes() == []
        charges().update(payment_method="pm_card_visa")
        mend(found("refund_failed"))
        assert notes() == [PRICE]
        note = Invoice.objects.get(kind="credit_note")
        assert note.refund == Refund.objects.get(replaces=refund)
        assert note.lines.get().description == f"Unused part of {plan}, 2 seats"
        assert findings() == []

    def test_that_fails_again_stays_open_with_a_note(self, ana, plan):
        refund_failed_at_once(ana, plan)
        difference = found("refund_failed")
        for tries in (1, 2):
            assert mend(difference).note == repairs.STILL_STANDS
            assert Refund.objects.filter(state="failed").count() == 1 + tries
        charges().update(payment_method="pm_card_visa")
        assert mend(difference).resolution == "repaired"
        assert sum(Refund.objects.filter(state="succeeded").values_list("amount", flat=True)) == PRICE
        assert findings() == []

    def test_is_made_good_by_a_refund_that_somebody_makes_there(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        failed = found("refund_failed")
        charges().update(payment_method="pm_card_visa")
        BANK.refund_by_hand(key=ana.pk, charge_key=refund.payment_id, amount=PRICE)
        compare()
        mend(Difference.objects.open().get(kind="unknown_refund"))
        made = Refund.objects.get(replaces=refund)
        assert (made.state, made.reason) == ("succeeded", "external")
        assert notes() == [PRICE]
        with pytest.raises(repairs.NoLongerTrue):
            mend(failed)
        assert findings() == []

    def test_keeps_its_money_free_from_what_is_given_back_meanwhile(self, ana, plan):
        pay(open_checkout(ana, plan, 2), "pm_card_refundFail")
        subscription, payment = Subscription.objects.get(), Payment.objects.get()
        change(subscription, 1)
        assert Refund.objects.get().state == "failed"
        charges().update(payment_method="pm_card_visa")
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        compare()
        mend(Difference.objects.open().get(kind="unknown_refund"))
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        assert ledger.refunded()[1:] == [5, Decimal("4.99")]
        mend(Difference.objects.open().get(kind="refund_failed"))
        assert Payment.objects.get().refunded == sum(notes()) == PRICE
        assert findings() == []

    def test_is_not_made_good_with_more_than_is_left(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        Payment.objects.update(refunded=1)
        with pytest.raises(refunds.NotEnoughLeft):
            refunds.make_good(refund=refund, by=SYSTEM, at=NOON)

    def test_is_not_made_good_while_the_bank_has_the_money(self, ana, plan):
        refund = refund_failed_at_once(ana, plan)
        difference = found("refund_failed")
        charges().update(payment_method="pm_card_visa")
        disputes.settle_dispute(report=BANK.contest(refund.payment_id), at=NOON)
        with pytest.raises(repairs.NoLongerTrue):
            mend(difference)
        assert Refund.objects.count() == 1


class TestARefundThatTheProviderDoesNotHave:
    def test_is_sent_again_under_its_key(self, ana, plan):
        refund = refund_lost_there(ana, plan)
        mend(found("refund_unsent"))
        assert refunds_there().get().key == refund.pk
        assert (state_of(refund), notes()) == ("succeeded", [PRICE])

    def test_that_was_never_sent_is_sent(self, ana, plan, monkeypatch):
        def away(*args, **options):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            refund = canceled(ana, plan)
        compare(NOON + timedelta(seconds=60))
        assert not Difference.objects.exists()
        mend(found("refund_unsent"))
        assert (state_of(refund), ledger.refunded()) == ("succeeded", [PRICE])
        assert findings() == []

    def test_that_the_card_does_not_take_now_is_owed(self, ana, plan):
        refund = refund_lost_there(ana, plan)
        charges().update(payment_method="pm_card_refundFail")
        mend(found("refund_unsent"))
        assert state_of(refund) == "failed"
        assert found("refund_failed", LATER + DAY).refund == refund


class TestARefundMadeThere:
    def test_is_written_down_with_its_credit_note(self, ana, plan):
        payment = refund_made_there(ana, plan)
        mend(found("unknown_refund"))
        refund = Refund.objects.get()
        assert (refund.state, refund.reason, refund.amount, refund.line) == ("succeeded", "external", 5, None)
        assert refund.gateway_ref == f"re_{refunds_there().get().key.hex}"
        assert notes() == [5]
        assert state_of(payment) == "succeeded"
        assert payment.refunded == 5
        assert Invoice.objects.get(kind="credit_note").lines.get().description == "Given back at the payment provider"

    def test_has_its_part_of_the_tax(self):
        TaxRateFactory(country="DE")
        greta = MembershipFactory(tenant__country="DE")
        refund_made_there(greta, plan_on_sale("100.00", country="DE"), "119.00")
        mend(found("unknown_refund"))
        assert (Refund.objects.get().tax, Payment.objects.get().captured) == (19, 238)
        BANK.refund_by_hand(key=greta.pk, charge_key=Payment.objects.get().pk, amount=Decimal("119.00"))
        mend(found("unknown_refund", LATER + DAY))
        assert sum(Refund.objects.values_list("tax", flat=True)) == Order.objects.get().tax
        assert findings() == []

    def test_of_a_surplus_or_of_what_was_set_aside_is_credited_by_no_note(self, ana, plan):
        payment = set_aside(ana, plan)
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        compare()
        mend(Difference.objects.open().get(kind="unknown_refund"))
        mend(Difference.objects.open().get(kind="set_aside"))
        assert ledger.refunded() == [5, 20]
        assert notes() == []
        assert findings() == []

    def test_is_written_down_as_far_as_something_is_left(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)
        payment = Payment.objects.get()

        def away(*args, **options):
            raise GatewayUnavailable

        # Ours is promised and not sent yet when somebody gives everything back by hand.
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            change(subscription, 1)
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=PRICE)
        compare(NOON)
        difference = mend(Difference.objects.get(kind="unknown_refund"), NOON)
        assert (difference.resolution, difference.note) == ("", repairs.STILL_STANDS)
        assert Refund.objects.get(reason="external").amount == Decimal("9.99")
        # Then ours fails there, and the rest of the other one is what makes it good.
        settlement.reconcile(at=LATER)
        assert Refund.objects.get(reason="reduced").state == "failed"
        compare()
        mend(difference)
        assert Refund.objects.get(replaces__reason="reduced").reason == "external"
        assert Payment.objects.get().refunded == PRICE
        compare(LATER + DAY)
        assert not Difference.objects.open().exists()
        assert notes() == [Decimal("9.99"), Decimal("9.99")]
        assert findings() == []

    def test_is_found_at_once_and_written_down_when_it_has_succeeded(self, ana, plan):
        refund_made_there(ana, plan)
        refunds_there().update(state="pending")
        difference = found("unknown_refund")
        with pytest.raises(repairs.NotDecidedYet):
            mend(difference)
        assert not Refund.objects.exists()
        refunds_there().update(state="succeeded")
        mend(difference)
        assert notes() == [5]

    def test_is_refused_while_all_of_the_charge_is_promised_otherwise(self, ana, plan):
        buy(ana, plan)
        line, payment = OrderLine.objects.select_related("order").get(), Payment.objects.get()
        refunds.give_back(line=line, quantity=2, amount=PRICE, tax=Decimal(0), reason="reduced", by=SYSTEM, at=NOON)
        BANK.refund_by_hand(key=ana.pk, charge_key=payment.pk, amount=Decimal("5.00"))
        compare(NOON)
        with pytest.raises(repairs.NothingLeftToRecord):
            mend(Difference.objects.get(), NOON)
        assert Refund.objects.count() == 1
