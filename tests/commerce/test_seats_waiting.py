"""More seats whose payment is declined, waits for the cardholder, or gets no answer from the provider."""

from datetime import timedelta

import pytest

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, Refund
from commerce.operations.buying.payments import NothingToConfirm
from commerce.operations.changes import cancellations
from commerce.operations.paying import charging, declines, open_orders, settlement
from commerce.operations.paying.open_orders import OrderCanceled, OrderCompleted
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Subscription
from licensing.operations import lifecycle
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.changes import (
    DAY,
    SECOND,
    STEP_CARD,
    change,
    confirm,
    findings,
    nothing_happened,
    preview,
    seats_of,
)
from tests.factories import NOON, MembershipFactory, acting, admin_of, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan)


class TestADecline:
    def test_cancels_the_order_and_changes_nothing(self, subscription):
        with pytest.raises(charging.CardDeclined) as declined:
            change(subscription, 5, card="pm_card_chargeDeclinedInsufficientFunds")
        assert declined.value.extra["decline_code"] == "insufficient_funds"
        assert Order.objects.get(kind="seats").state == "canceled"
        assert nothing_happened(subscription)

    def test_is_ordered_again_with_another_card(self, subscription):
        with pytest.raises(charging.CardDeclined):
            change(subscription, 5, card="pm_card_chargeDeclined")
        assert change(subscription, 5).order.state == "paid"
        assert seats_of(subscription) == (5, 1)
        assert findings() == []

    def test_counts_towards_the_limit_of_the_person(self, subscription):
        for _ in range(10):
            with pytest.raises(charging.CardDeclined):
                change(subscription, 5, card="pm_card_chargeDeclined")
        with pytest.raises(declines.TooManyDeclines):
            change(subscription, 5)
        assert nothing_happened(subscription)


class TestTheCardholdersStep:
    def test_is_waited_for_and_then_the_seats_are_there(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        assert order.state == "pending"
        assert seats_of(subscription) == (2, 1)
        for _ in range(2):
            assert confirm(order).state == "paid"
        assert seats_of(subscription) == (5, 1)
        assert len(ledger.captured()) == 2
        assert findings() == []

    def test_answered_after_the_term_gives_the_money_back(self, subscription):
        order = change(subscription, 5, card=STEP_CARD, at=subscription.term_end - DAY).order
        lifecycle.advance_due(at=subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.state == "expired"
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=subscription.term_end + DAY)
        payment = Payment.objects.get(order=order)
        assert (payment.state, payment.refunded) == ("surplus", payment.captured)
        assert seats_of(subscription) == (2, 1)
        assert findings() == []

    def test_answered_after_the_term_although_no_sweep_ended_it_yet(self, subscription):
        order = change(subscription, 5, card=STEP_CARD, at=subscription.term_end - DAY).order
        with pytest.raises(charging.PaymentNotNeeded):
            confirm(order, at=subscription.term_end)
        assert seats_of(subscription) == (2, 1)

    def test_what_was_shown_while_the_term_ran_is_not_sold_after_it(self, subscription):
        end = subscription.term_end
        told = preview(subscription, 50, at=end - timedelta(minutes=5))
        with pytest.raises(SubscriptionInactive):
            change(subscription, 50, at=end, as_of=told.as_of)
        assert nothing_happened(subscription)

    def test_given_up_releases_the_card(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        for _ in range(2):
            assert open_orders.cancel_order(order=order, by=acting(ana), at=NOON).state == "canceled"
        assert SandboxGateway().find(Payment.objects.get(order=order).pk).outcome == "canceled"
        with pytest.raises(OrderCanceled):
            confirm(order)
        assert nothing_happened(subscription)

    def test_given_up_too_late_is_paid(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        SandboxGateway().answer_step(Payment.objects.get(order=order).pk, approve=True)
        with pytest.raises(OrderCompleted):
            open_orders.cancel_order(order=order, by=acting(ana), at=NOON)
        assert seats_of(subscription) == (5, 1)

    def test_refused_by_the_cardholder_cancels_the_order(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        SandboxGateway().answer_step(Payment.objects.get(order=order).pk, approve=False)
        with pytest.raises(charging.CardDeclined):
            open_orders.refresh_order(order=order, by=acting(order.buyer), at=NOON)
        assert nothing_happened(subscription)

    def test_belongs_to_whoever_ordered(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        for act in (open_orders.confirm_order, open_orders.refresh_order, open_orders.cancel_order):
            for by in (acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant)):
                with pytest.raises(NotAllowed):
                    act(order=order, by=by, at=NOON)
        order.refresh_from_db()
        assert order.state == "pending"

    def test_is_not_waited_for_longer_than_a_day(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        assert open_orders.cancel_overdue(at=NOON + DAY - SECOND) == 0
        assert open_orders.cancel_overdue(at=NOON + DAY) == 1
        order.refresh_from_db()
        assert order.state == "canceled"
        assert SandboxGateway().find(Payment.objects.get(order=order).pk).outcome == "canceled"
        assert nothing_happened(subscription)

    def test_of_an_order_nobody_pays_for_has_nothing_to_confirm(self, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        Payment.objects.filter(order=order).update(state="canceled")
        with pytest.raises(NothingToConfirm):
            confirm(order)

    def test_taken_after_the_subscription_was_canceled_is_refunded_in_full(self, ana, subscription, monkeypatch):
        order = change(subscription, 5, card=STEP_CARD).order

        def away(self, key):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "cancel", away)
            cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        order.refresh_from_db()
        assert order.state == "canceled"
        SandboxGateway().answer_step(Payment.objects.get(order=order).pk, approve=True)
        settlement.reconcile(at=NOON + 61 * SECOND)
        assert Payment.objects.get(order=order).state == "surplus"
        assert sum(ledger.captured()) == sum(ledger.refunded())
        assert Subscription.objects.get().state == "disabled"
        assert findings() == []

    def test_is_called_off_where_the_subscription_is_canceled(self, ana, subscription):
        order = change(subscription, 5, card=STEP_CARD).order
        cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=NOON)
        assert SandboxGateway().find(Payment.objects.get(order=order).pk).outcome == "canceled"


class TestAProviderThatIsAway:
    def test_leaves_the_order_pending_until_the_sweep_knows(self, subscription, monkeypatch):
        charge = SandboxGateway.charge

        def charge_and_say_nothing(self, request):
            charge(self, request)
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "charge", charge_and_say_nothing)
            order = change(subscription, 5).order
        assert order.state == "pending"
        with pytest.raises(PaymentInProgress):
            open_orders.cancel_order(order=order, by=acting(order.buyer), at=NOON)
        assert open_orders.cancel_overdue(at=NOON + 2 * DAY) == 0
        settlement.reconcile(at=NOON + 61 * SECOND)
        order.refresh_from_db()
        assert order.state == "paid"
        assert seats_of(subscription) == (5, 1)
        assert not Refund.objects.exists()
        assert findings() == []
