"""The ledger: what is posted of each fact, to the cent."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from commerce.gateways.protocol import GatewayUnavailable, RefundAnswer, RefundOutcome
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Agreement, Dispute, Movement, Order, OrderLine, Payment, Refund, RefundReason
from commerce.operations.accounts import ledger
from commerce.operations.changes import cancellations
from commerce.operations.paying import fulfilment, refunds, settlement
from tenants.access import SYSTEM
from tests.commerce.conftest import all_is_well
from tests.commerce.test_settlement import charge_for, late_payment
from tests.factories import NOON, MembershipFactory, TaxRateFactory, acting, buy, open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DAY = timedelta(days=1)


def posted(*kinds):
    """Each movement of these kinds, oldest first: its kind, and what it adds to which account."""
    found = Movement.objects.with_postings().order_by("pk")
    found = found.filter(kind__in=kinds) if kinds else found
    return [(m.kind, {posting.account: plain(posting.amount) for posting in m.postings.all()}) for m in found]


def plain(amount):
    return f"{amount.normalize():f}"


def balances(of=None):
    found = Movement.objects.of(of) if of else Movement.objects.all()
    return {(row["currency"], row["account"]): row["balance"] for row in found.balances() if row["balance"]}


def cancel(subscription, at):
    return cancellations.cancel_subscription(
        subscription=subscription, reason="", by=acting(subscription.purchaser), at=at
    )


class TestAPurchase:
    def test_is_billed_and_paid(self, ana, plan):
        buy(ana, plan)
        assert posted() == [
            ("captured", {"provider": "19.98", "receivable": "-19.98"}),
            ("order_billed", {"receivable": "19.98", "sales": "-19.98"}),
        ]
        assert balances() == {("USD", "provider"): Decimal("19.98"), ("USD", "sales"): Decimal("-19.98")}

    def test_keeps_its_tax_apart(self, plan):
        TaxRateFactory(country="DE")
        buy(MembershipFactory(tenant__country="DE"), plan_on_sale("100.00", country="DE"), 1)
        assert posted("order_billed") == [("order_billed", {"receivable": "119", "sales": "-100", "tax": "-19"})]

    @pytest.mark.parametrize("amount, currency, country", [("1001", "JPY", "JP"), ("1.255", "KWD", "KW")])
    def test_is_exact_in_every_currency(self, amount, currency, country):
        buy(MembershipFactory(tenant__country=country), plan_on_sale(amount, currency, country))
        assert balances()[currency, "provider"] == 2 * Decimal(amount)

    def test_says_what_it_is_of_and_when(self, ana, plan):
        buy(ana, plan)
        order, payment = Order.objects.get(), Payment.objects.get()
        captured, billed = Movement.objects.order_by("pk")
        assert (captured.source, captured.order, captured.payment) == (payment.pk, order, payment)
        assert (billed.source, billed.order, billed.payment) == (order.pk, order, None)
        assert {(m.tenant, m.currency, m.at) for m in (captured, billed)} == {(ana.tenant, "USD", NOON)}

    def test_is_posted_once_however_often_it_is_settled(self, ana, plan):
        buy(ana, plan)
        payment = Payment.objects.get()
        settlement.settle_payment(payment=payment, charge=SandboxGateway().find(payment.pk), at=NOON)
        assert Movement.objects.count() == 2

    def test_that_is_declined_moves_nothing(self, ana, plan):
        pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
        assert posted() == []

    def test_that_is_rolled_back_is_not_posted(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with transaction.atomic():
            pay(checkout)
            transaction.set_rollback(True)
        assert posted() == []


class TestWhatIsOwedBackAtOnce:
    def test_a_surplus(self, ana, plan):
        buy(ana, plan)
        payment = late_payment(Order.objects.get())
        settlement.settle_payment(payment=payment, charge=charge_for(payment), at=NOON)
        assert posted()[2:] == [
            ("surplus_captured", {"provider": "19.98", "refunds_due": "-19.98"}),
            ("refund_sent", {"refunds_due": "19.98", "provider": "-19.98"}),
        ]

    @pytest.mark.parametrize("wrong", [{"amount": Decimal("25.00")}, {"currency": "EUR"}], ids=str)
    def test_what_was_set_aside_in_the_currency_in_which_it_came(self, ana, plan, wrong):
        pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
        payment = Payment.objects.get()
        SandboxGateway().answer_step(payment.pk, approve=True)
        charge = charge_for(payment, **wrong)
        settlement.settle_payment(payment=payment, charge=charge, at=NOON)
        amount = plain(charge.amount)
        assert posted() == [("set_aside_captured", {"provider": amount, "suspense": f"-{amount}"})]
        payment = Payment.objects.select_related("order").get()
        refund = refunds.give_back_set_aside(payment=payment, by=SYSTEM, at=NOON)
        answer = RefundAnswer(
            key=refund.pk, charge_key=payment.pk, reference="re_1", outcome=RefundOutcome.SUCCEEDED,
            amount=charge.amount, currency=charge.currency,
        )  # fmt: skip
        refunds.settle_refund(refund=refund, answer=answer, at=NOON)
        assert posted()[1:] == [
            ("set_aside_released", {"suspense": amount, "refunds_due": f"-{amount}"}),
            ("refund_sent", {"refunds_due": amount, "provider": f"-{amount}"}),
        ]
        assert set(Movement.objects.values_list("currency", flat=True)) == {charge.currency}
        assert balances() == {}


class TestARefund:
    def test_is_promised_and_sent(self, ana, plan):
        back = plain(cancel(buy(ana, plan), NOON + DAY).total)
        assert posted()[2:] == [
            ("refund_promised", {"sales": back, "refunds_due": f"-{back}"}),
            ("refund_sent", {"refunds_due": back, "provider": f"-{back}"}),
        ]
        assert all_is_well()

    def test_gives_its_tax_back(self, ana, plan):
        buy(ana, plan)
        refunds.give_back(
            line=OrderLine.objects.get(),
            quantity=1,
            amount=Decimal("9.99"),
            tax=Decimal("1.60"),
            reason=RefundReason.REDUCED,
            by=SYSTEM,
            at=NOON,
        )
        assert posted("refund_promised") == [
            ("refund_promised", {"sales": "8.39", "tax": "1.6", "refunds_due": "-9.99"})
        ]

    def test_is_only_promised_while_the_provider_is_away(self, ana, plan, monkeypatch):
        bought = buy(ana, plan)

        def away(*args, **options):
            raise GatewayUnavailable

        monkeypatch.setattr(SandboxGateway, "refund", away)
        cancel(bought, NOON)
        assert posted()[2:] == [("refund_promised", {"sales": "19.98", "refunds_due": "-19.98"})]
        assert balances() == {("USD", "provider"): Decimal("19.98"), ("USD", "refunds_due"): Decimal("-19.98")}

    def test_that_no_card_takes_stays_owed(self, ana, plan):
        pay(open_checkout(ana, plan), "pm_card_refundFail")
        cancel(Order.objects.get().subscription, NOON)
        assert Refund.objects.get().state == "failed"
        assert posted()[2:] == [("refund_promised", {"sales": "19.98", "refunds_due": "-19.98"})]

    def test_that_comes_back_later_is_owed_again(self, ana, plan):
        cancel(buy(ana, plan), NOON)
        refund = Refund.objects.get()
        failed = RefundAnswer(
            key=refund.pk, charge_key=refund.payment_id, reference="re_1", outcome=RefundOutcome.FAILED,
            amount=refund.amount, currency="USD",
        )  # fmt: skip
        for _again in range(2):
            refunds.settle_refund(refund=refund, answer=failed, at=NOON + DAY)
        assert posted()[3:] == [
            ("refund_sent", {"refunds_due": "19.98", "provider": "-19.98"}),
            ("refund_returned", {"provider": "19.98", "refunds_due": "-19.98"}),
        ]
        assert balances() == {("USD", "provider"): Decimal("19.98"), ("USD", "refunds_due"): Decimal("-19.98")}


class TestAnOrderOnInvoice:
    @pytest.fixture
    def invoiced(self, ana, plan):
        pay(open_checkout(ana, plan), "pm_card_authenticationRequired")
        order = Order.objects.get()
        Payment.objects.all().delete()
        order.agreement = Agreement.objects.create(
            tenant=ana.tenant, name="Main", currency="USD", valid_from=NOON, pay_by_invoice=True, created_at=NOON
        )
        fulfilment.fulfil_on_invoice(order=order, at=NOON)
        return order

    def test_is_owed_until_it_is_paid(self, invoiced):
        assert posted() == [("order_billed", {"receivable": "19.98", "sales": "-19.98"})]
        assert balances() == {("USD", "receivable"): Decimal("19.98"), ("USD", "sales"): Decimal("-19.98")}

    def test_is_owed_less_after_a_credit(self, invoiced):
        refunds.give_back(
            line=invoiced.lines.select_related("order").get(),
            quantity=1,
            amount=Decimal("9.99"),
            tax=Decimal("0.99"),
            reason=RefundReason.REDUCED,
            by=SYSTEM,
            at=NOON,
        )
        assert posted("credited") == [("credited", {"sales": "9", "tax": "0.99", "receivable": "-9.99"})]
        assert balances()["USD", "receivable"] == Decimal("9.99")


class TestADispute:
    @pytest.fixture
    def dispute(self, ana, plan):
        buy(ana, plan)
        payment = Payment.objects.select_related("order").get()
        return Dispute.objects.create(
            tenant=ana.tenant, payment=payment, gateway_ref="dp_1", amount=payment.captured, opened_at=NOON
        )

    def test_takes_the_money_until_it_is_decided(self, dispute):
        ledger.dispute_opened(dispute=dispute, at=NOON)
        assert posted("dispute_opened") == [("dispute_opened", {"disputed": "19.98", "provider": "-19.98"})]

    def test_that_is_won_gives_it_back(self, dispute):
        ledger.dispute_opened(dispute=dispute, at=NOON)
        ledger.dispute_won(dispute=dispute, at=NOON)
        assert posted("dispute_won") == [("dispute_won", {"provider": "19.98", "disputed": "-19.98"})]
        assert ("USD", "disputed") not in balances()

    def test_that_is_lost_is_a_loss(self, dispute):
        ledger.dispute_opened(dispute=dispute, at=NOON)
        ledger.dispute_lost(dispute=dispute, promised=Decimal(0), at=NOON)
        assert posted("dispute_lost") == [("dispute_lost", {"losses": "19.98", "disputed": "-19.98"})]
        assert balances()["USD", "losses"] == Decimal("19.98")

    def test_that_is_lost_is_no_loss_of_what_was_promised_to_the_card_anyway(self, dispute):
        dispute.amount = Decimal("15.00")
        ledger.dispute_opened(dispute=dispute, at=NOON)
        dispute.amount = Decimal("19.98")
        ledger.dispute_lost(dispute=dispute, promised=Decimal("4.98"), at=NOON)
        assert posted("dispute_lost") == [
            ("dispute_lost", {"losses": "15", "disputed": "-15", "refunds_due": "4.98", "provider": "-4.98"})
        ]

    def test_of_nothing_that_was_left_moves_nothing(self, dispute):
        dispute.amount = Decimal(0)
        ledger.dispute_opened(dispute=dispute, at=NOON)
        assert posted("dispute_opened") == []


def test_balances_are_those_of_one_organisation(plan):
    people = MembershipFactory.create_batch(2)
    for person, quantity in zip(people, (1, 3), strict=True):
        buy(person, plan, quantity)
    assert [balances(person.tenant)["USD", "provider"] for person in people] == [Decimal("9.99"), Decimal("29.97")]
    assert balances()["USD", "provider"] == Decimal("39.96")
