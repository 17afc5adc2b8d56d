from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.gateways.protocol import ChargeRequest, GatewayUnavailable, Outcome
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import BillingPeriod, Checkout, Order, OrderLine, Payment, Refund
from commerce.models.checkout import CheckoutQuerySet
from commerce.operations import checkouts, payments, settlement
from commerce.operations.invariants import CHECKS, nothing_waits_for_the_operator
from licensing.models import Seat, Subscription
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.factories import NOON, MembershipFactory, acting, admin_of, open_checkout, pay
from tests.race import at_once, race, without_unique_index

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(
    transaction=True, serialized_rollback=True, databases=["default", "sandbox"]
)

MINUTE = timedelta(minutes=1)


def state_of(row):
    row.refresh_from_db()
    return row.state


def all_is_well():
    return [finding for check in CHECKS for finding in check()] == []


def confirm(checkout, at=NOON):
    return payments.confirm_checkout(checkout=checkout, by=acting(checkout.buyer), at=at)


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


class TestOneCard:
    def test_buys_and_starts_at_once(self, ana, plan):
        checkout = open_checkout(ana, plan, 2)
        assert pay(checkout).state == "completed"
        subscription = Subscription.objects.get()
        order, line, period = Order.objects.get(), OrderLine.objects.get(), BillingPeriod.objects.get()
        assert (subscription.purchaser, subscription.owner, subscription.payer) == (ana, ana, ana)
        assert (subscription.channel, subscription.quantity) == ("self_service", 2)
        assert subscription.order_ref == str(order.pk)
        assert (order.state, order.paid_at, order.subscription) == ("paid", NOON, subscription)
        assert (line.quantity, line.amount) == (2, Decimal("19.98"))
        for row in (line, period):
            assert (row.starts_at, row.ends_at) == (subscription.term_start, subscription.term_end)
        assert (period.unit_price, period.currency) == (Decimal("9.99"), "USD")
        assert [seat.member for seat in Seat.objects.open()] == [ana]
        payment = Payment.objects.get()
        assert (payment.state, payment.captured, payment.settled_at) == ("succeeded", Decimal("19.98"), NOON)
        assert ledger.captured() == [Decimal("19.98")]
        assert Job.objects.get().name == "commerce.deliver_receipt"
        assert all_is_well()

    def test_tells_the_journal_in_order(self, ana, plan):
        pay(open_checkout(ana, plan))
        told = Event.objects.of(ana.tenant).order_by("id").values_list("type", flat=True)
        assert list(told) == [
            "checkout.opened",
            "payment.started",
            "payment.succeeded",
            "subscription.started",
            "order.paid",
            "seat.assigned",
        ]

    def test_seats_those_who_were_named(self, ana, plan):
        people = MembershipFactory.create_batch(2, tenant=ana.tenant)
        pay(open_checkout(ana, plan, 3, assign_to=people))
        assert {seat.member for seat in Seat.objects.open()} == set(people)

    def test_leaves_the_seat_of_somebody_who_left_meanwhile_free(self, ana, plan):
        cleo = MembershipFactory(tenant=ana.tenant)
        checkout = open_checkout(ana, plan, 2, assign_to=[ana, cleo])
        cleo.state = "left"
        cleo.save()
        pay(checkout)
        assert [seat.member for seat in Seat.objects.open()] == [ana]
        assert Subscription.objects.get().seats_assigned == 1

    def test_is_tried_only_by_the_buyer(self, ana, plan):
        checkout = open_checkout(ana, plan)
        for by in (acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant), acting(MembershipFactory())):
            with pytest.raises(NotAllowed):
                payments.pay_checkout(checkout=checkout, payment_method="pm_card_visa", return_url="", by=by, at=NOON)
        assert ledger.states() == []

    @pytest.mark.parametrize("token", ["", "pm_card_mastercard", "ba_bank", "invoice", "x" * 5000, "pm_card_visa "])
    def test_any_other_way_to_pay_is_refused(self, ana, plan, token):
        checkout = open_checkout(ana, plan)
        with pytest.raises(payments.PaymentMethodNotAccepted) as refused:
            pay(checkout, token)
        assert (refused.value.code, refused.value.http_status) == ("payment_method_not_accepted", 400)
        assert state_of(checkout) == "open"
        assert not Payment.objects.exists()

    def test_a_second_time_is_refused_and_charges_nothing(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout)
        with pytest.raises(checkouts.CheckoutCompleted) as refused:
            pay(checkout)
        assert (refused.value.code, refused.value.http_status) == ("checkout_completed", 409)
        assert len(ledger.captured()) == 1

    def test_that_pays_only_once_is_declined_the_second_time(self, ana, plan):
        pay(open_checkout(ana, plan), "pm_card_chargeCustomerFail")
        with pytest.raises(payments.CardDeclined):
            pay(open_checkout(ana, plan), "pm_card_chargeCustomerFail")
        pay(open_checkout(MembershipFactory(tenant=ana.tenant), plan), "pm_card_chargeCustomerFail")
        assert len(ledger.captured()) == 2


class TestTheCardholdersStep:
    @pytest.fixture
    def waiting(self, ana, plan):
        checkout = open_checkout(ana, plan)
        assert pay(checkout, "pm_card_authenticationRequired").state == "requires_action"
        return checkout

    def test_is_asked_for_and_nothing_is_charged_or_granted_before(self, waiting):
        payment = Payment.objects.get()
        assert payment.state == "requires_action"
        assert str(payment.pk) in payment.action_url
        assert ledger.captured() == []
        assert not Subscription.objects.exists()

    def test_confirmed_completes_once(self, waiting):
        assert confirm(waiting).state == "completed"
        waiting.refresh_from_db()
        assert confirm(waiting).state == "completed"
        assert len(ledger.captured()) == 1
        assert Subscription.objects.count() == 1
        assert all_is_well()

    def test_declined_keeps_the_checkout_open_for_another_card(self, waiting):
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=False)
        with pytest.raises(payments.CardDeclined) as refused:
            confirm(waiting)
        assert refused.value.extra["decline_code"] == "authentication_failed"
        assert state_of(waiting) == "open"
        assert pay(waiting).state == "completed"
        assert len(ledger.captured()) == 1

    def test_the_first_answer_counts(self, waiting):
        key = Payment.objects.get().pk
        SandboxGateway().answer_step(key, approve=False)
        SandboxGateway().answer_step(key, approve=True)
        with pytest.raises(payments.CardDeclined):
            confirm(waiting)

    def test_coming_back_without_an_answer_only_asks(self, waiting):
        shown = payments.refresh_checkout(checkout=waiting, by=acting(waiting.buyer), at=NOON)
        assert shown.state == "requires_action"
        assert ledger.captured() == []

    def test_coming_back_after_approval_completes(self, waiting):
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        assert payments.refresh_checkout(checkout=waiting, by=acting(waiting.buyer), at=NOON).state == "completed"

    def test_a_second_card_meanwhile_is_refused(self, waiting):
        with pytest.raises(settlement.PaymentInProgress):
            pay(waiting)
        assert ledger.states() == ["requires_action"]

    def test_can_be_given_up_for_another_card(self, waiting):
        by = acting(waiting.buyer)
        assert payments.give_up_waiting(checkout=waiting, by=by, at=NOON).state == "open"
        assert payments.give_up_waiting(checkout=waiting, by=by, at=NOON).state == "open"
        assert pay(waiting).state == "completed"
        assert ledger.states() == ["canceled", "captured"]

    def test_given_up_too_late_is_a_purchase(self, waiting):
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        with pytest.raises(checkouts.CheckoutCompleted):
            payments.give_up_waiting(checkout=waiting, by=acting(waiting.buyer), at=NOON)
        assert state_of(waiting) == "completed"

    def test_confirming_what_waits_for_nothing_is_refused(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with pytest.raises(payments.NothingToConfirm):
            confirm(checkout)

    def test_is_the_buyers_alone(self, waiting):
        other = acting(MembershipFactory(tenant=waiting.tenant))
        for ask in (payments.confirm_checkout, payments.refresh_checkout, payments.give_up_waiting):
            with pytest.raises(NotAllowed):
                ask(checkout=waiting, by=other, at=NOON)
        assert ledger.states() == ["requires_action"]

    def test_confirmed_after_a_rule_changed_is_still_granted(self, waiting):
        waiting.buyer.state = "left"
        waiting.buyer.save()
        assert confirm(waiting).state == "completed"
        assert not Seat.objects.exists()


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
        with pytest.raises(payments.CardDeclined):
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
        with pytest.raises(payments.CardDeclined):
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
        with pytest.raises(payments.CardDeclined):
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
        with pytest.raises(IntegrityError, match="refunded_within_captured"), transaction.atomic():
            Payment.objects.update(refunded=Decimal("19.99"))


@between_transactions
class TestRaces:
    def test_of_twenty_pays_at_once_one_charges(self, ana, plan):
        checkout = open_checkout(ana, plan)
        won = race(
            lambda _: pay(checkout), range(20), refused=(settlement.PaymentInProgress, checkouts.CheckoutCompleted)
        )
        assert won == 1
        assert ledger.captured() == [Decimal("19.98")]
        assert (Order.objects.count(), Subscription.objects.count(), Payment.objects.count()) == (1, 1, 1)
        assert all_is_well()

    def test_the_control_without_lock_and_constraint_charges_each(self, ana, plan, monkeypatch):
        checkout = open_checkout(ana, plan)
        with pytest.raises(payments.CardDeclined):  # the order is there, so that only the payment is raced for
            pay(checkout, "pm_card_chargeDeclined")
        monkeypatch.setattr(CheckoutQuerySet, "locked", lambda self: self)
        monkeypatch.setattr(payments, "require_open", lambda *args, **options: None)
        with without_unique_index("commerce_payment", "one_live_payment_per_order"):
            at_once(lambda _: pay(checkout), range(5))
            assert ledger.captured() == [Decimal("19.98")] * 5

    def test_a_confirmation_and_the_sweep_at_once_grant_once(self, ana, plan):
        checkout = open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        later = NOON + 2 * MINUTE

        def learn(turn):
            if turn % 2:
                confirm(Checkout.objects.get(pk=checkout.pk), at=later)
            else:
                settlement.reconcile(at=later)

        assert race(learn, range(10)) == 10
        assert Subscription.objects.count() == 1
        assert Event.objects.filter(type="order.paid").count() == 1
        assert all_is_well()

    def test_canceling_and_approving_at_once_end_in_one_of_the_two(self, ana, plan):
        for _round in range(5):
            checkout = open_checkout(ana, plan)
            pay(checkout, "pm_card_authenticationRequired")

            def decide(turn, checkout=checkout):
                fresh = Checkout.objects.get(pk=checkout.pk)
                if turn:
                    confirm(fresh)
                else:
                    checkouts.cancel_checkout(checkout=fresh, by=acting(ana), at=NOON)

            race(decide, range(2), refused=(checkouts.CheckoutClosed, payments.PaymentCanceled))
            assert state_of(checkout) in ("completed", "canceled")
        bought = Checkout.objects.filter(state="completed").count()
        assert Subscription.objects.count() == bought == len(ledger.captured())
        assert ledger.refunded() == []
        assert all_is_well()
