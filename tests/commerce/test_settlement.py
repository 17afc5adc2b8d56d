from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable, Outcome
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, Refund
from commerce.operations.accounts.invariants import nothing_waits_for_the_operator
from commerce.operations.buying import checkouts
from commerce.operations.paying import charging, settlement
from licensing.models import Subscription
from tenants.journal.models import Event
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import NOON, acting, confirm, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

MINUTE = timedelta(minutes=1)


def charge_for(payment, **changes):
    """What the provider would say of a payment that it captured, and has captured indeed."""
    request = ChargeRequest(
        key=payment.pk,
        amount=payment.amount,
        currency=payment.currency,
        payment_method="pm_card_visa",
        customer=str(payment.payer_id),
        return_url="",
    )
    return replace(SandboxGateway().charge(request), **changes)


def late_payment(order, state="canceled"):
    """A try that counted as dead when the provider had captured it after all."""
    return Payment.objects.create(
        tenant=order.tenant,
        order=order,
        payer=order.buyer,
        state=state,
        amount=order.total,
        currency=order.currency,
        captured=order.total if state == "succeeded" else 0,
        payment_method="pm_card_visa",
        gateway="sandbox",
        started_at=NOON,
    )


class TestCapturedInVain:
    def test_for_a_canceled_checkout_is_given_back_in_full_at_once(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        checkouts.cancel_checkout(checkout=checkout, by=acting(ana), at=NOON)
        payment = late_payment(Order.objects.get())
        settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
        assert state_of(payment) == "surplus"
        assert ledger.captured() == ledger.refunded() == [Decimal("19.98")]
        assert Refund.objects.get().state == "succeeded"
        assert not Subscription.objects.exists()
        assert state_of(checkout) == "canceled"
        assert all_is_well()

    def test_for_an_expired_checkout_too(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(charging.CardDeclined):
            pay(checkout, "pm_card_chargeDeclined")
        checkouts.expire_overdue(at=checkout.expires_at)
        payment = late_payment(Order.objects.get())
        settlement.settle_payment(payment=payment, charge=charge_for(payment), at=checkout.expires_at)
        assert ledger.captured() == ledger.refunded() == [Decimal("19.98")]
        assert not Subscription.objects.exists()

    def test_a_second_time_for_one_order_too(self, ana, plan):
        pay(open_checkout(ana, plan))
        payment = late_payment(Order.objects.get())
        for _again in range(2):
            settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
        assert ledger.captured() == [Decimal("19.98")] * 2
        assert ledger.refunded() == [Decimal("19.98")]
        assert Subscription.objects.count() == 1
        assert sorted(Payment.objects.values_list("state", flat=True)) == ["succeeded", "surplus"]
        assert all_is_well()

    def test_while_another_card_is_being_tried_too(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        payment = late_payment(Order.objects.get())
        settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
        assert state_of(payment) == "surplus"
        confirm(checkout)
        assert len(ledger.captured()) == 2
        assert len(ledger.refunded()) == 1
        assert Subscription.objects.count() == 1

    def test_is_given_back_later_when_the_provider_is_away(self, ana, plan, monkeypatch):
        pay(open_checkout(ana, plan))
        payment = late_payment(Order.objects.get())

        def away(self, **_):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
        assert Refund.objects.get().state == "started"
        settlement.reconcile(at=NOON + MINUTE)
        assert ledger.refunded() == []
        settlement.reconcile(at=NOON + MINUTE + timedelta(seconds=1))
        assert ledger.refunded() == [Decimal("19.98")]
        assert all_is_well()

    def test_a_dead_try_that_was_captured_while_nothing_else_was_is_the_purchase(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(charging.CardDeclined):
            pay(checkout, "pm_card_chargeDeclined")
        payment = late_payment(Order.objects.get())
        settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
        assert state_of(checkout) == "completed"
        assert ledger.refunded() == []


class TestCapturedWrongly:
    @pytest.mark.parametrize(
        "wrong", [{"amount": Decimal("19.97")}, {"amount": Decimal("19.99")}, {"currency": "EUR"}], ids=str
    )
    def test_another_amount_or_currency_is_set_aside_and_grants_nothing(self, ana, plan, wrong):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        payment = Payment.objects.get()
        SandboxGateway().answer_step(payment.pk, approve=True)
        settlement.settle_payment(payment=payment, charge=charge_for(payment, **wrong), at=NOON)
        assert state_of(payment) == "set_aside"
        assert ledger.refunded() == []
        assert not Subscription.objects.exists()
        assert state_of(checkout) == "canceled"
        assert Order.objects.get().state == "canceled"
        with pytest.raises(checkouts.CheckoutCanceled):
            pay(checkout)
        [finding] = nothing_waits_for_the_operator()
        assert str(payment.pk) in finding
        event = Event.objects.get(type="payment.set_aside")
        assert (event.data["amount"], event.data["currency"]) == (
            str(wrong.get("amount", Decimal("19.98"))),
            wrong.get("currency", "USD"),
        )


class TestSettlingTwice:
    @pytest.mark.parametrize("outcome", Outcome)
    def test_after_a_purchase_nothing_that_is_said_changes_it(self, ana, plan, outcome):
        pay(open_checkout(ana, plan))
        payment = Payment.objects.get()
        settlement.settle_payment(payment=payment, charge=charge_for(payment, outcome=outcome), at=NOON)
        assert state_of(payment) == "succeeded"
        assert Subscription.objects.count() == 1
        assert Event.objects.filter(type="order.paid").count() == 1
        assert ledger.refunded() == []

    def test_a_decline_stays_a_decline(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(charging.CardDeclined):
            pay(checkout, "pm_card_chargeDeclined")
        payment = Payment.objects.get()
        charge = SandboxGateway().find(payment.pk)
        settlement.settle_payment(payment=payment, charge=charge, at=NOON)
        assert Event.objects.filter(type="payment.failed").count() == 1


class TestTheDatabaseRefuses:
    def test_two_orders_of_one_checkout(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout)
        order = Order.objects.get()
        with pytest.raises(IntegrityError, match="one_order_per_checkout"), transaction.atomic():
            Order.objects.create(
                tenant=order.tenant,
                buyer=order.buyer,
                checkout=checkout,
                currency="USD",
                subtotal=1,
                tax=0,
                total=1,
                created_at=NOON,
            )

    @pytest.mark.parametrize("state", ["started", "requires_action", "succeeded"])
    def test_a_second_live_payment_of_one_order(self, ana, plan, state):
        pay(open_checkout(ana, plan))
        with pytest.raises(IntegrityError, match="one_live_payment_per_order"), transaction.atomic():
            late_payment(Order.objects.get(), state)

    def test_giving_back_more_than_was_captured(self, ana, plan):
        pay(open_checkout(ana, plan))
        with pytest.raises(IntegrityError, match="refunded_and_disputed_within_captured"), transaction.atomic():
            Payment.objects.update(refunded=Decimal("19.99"))
