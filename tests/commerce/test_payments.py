from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import BillingPeriod, Checkout, Order, OrderLine, Payment
from commerce.models.checkout import CheckoutQuerySet
from commerce.operations.buying import checkouts, payments
from commerce.operations.paying import cards, charging, settlement
from licensing.models import Seat, Subscription
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well, state_of
from tests.factories import NOON, MembershipFactory, acting, admin_of, confirm, open_checkout, pay
from tests.race import at_once, race, without_unique_index

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

MINUTE = timedelta(minutes=1)


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
            "payment_method.added",
            "payment.succeeded",
            "subscription.started",
            "order.paid",
            "seat.assigned",
            "invoice.issued",
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
        with pytest.raises(cards.PaymentMethodNotAccepted) as refused:
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
        with pytest.raises(charging.CardDeclined):
            pay(open_checkout(ana, plan), "pm_card_chargeCustomerFail")
        pay(open_checkout(MembershipFactory(tenant=ana.tenant), plan), "pm_card_chargeCustomerFail")
        assert len(ledger.captured()) == 2


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
        with pytest.raises(charging.CardDeclined):  # the order is there, so that only the payment is raced for
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

            race(decide, range(2), refused=(checkouts.CheckoutClosed, charging.PaymentCanceled))
            assert state_of(checkout) in ("completed", "canceled")
        bought = Checkout.objects.filter(state="completed").count()
        assert Subscription.objects.count() == bought == len(ledger.captured())
        assert ledger.refunded() == []
        assert all_is_well()
