"""An open invoice is paid by card: once, by whoever may, and never more than is due."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Invoice, Order, Payment, PaymentMethod, PaymentSource, RefundReason
from commerce.operations.billing import invoice_payments
from commerce.operations.billing.invoice_payments import InvoiceAlreadyPaid, NothingDue
from commerce.operations.paying import cards, charging, refunds, settlement
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.operations import subscriptions
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.commerce.conftest import all_is_well
from tests.factories import (
    NOON,
    RETURN_URL,
    MembershipFactory,
    TenantFactory,
    acting,
    admin_of,
    buy,
    buy_centrally,
)
from tests.race import race, without_unique_index

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

LATER = NOON + timedelta(days=3)


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def invoice(bill, plan):
    """USD 17.98, open."""
    return Invoice.objects.get(order__subscription=buy_centrally(bill, plan))


def pay(invoice, by, card="pm_card_visa", at=LATER):
    return invoice_payments.pay_invoice(invoice=invoice, payment_method=card, return_url=RETURN_URL, by=by, at=at)


def credit(order, amount, at=LATER):
    """A seat goes back, and with it a part of what is due."""
    subscriptions.remove_seats(subscription=order.subscription, count=1, by=acting(order.buyer), at=at)
    return refunds.give_back(
        line=order.lines.get(),
        quantity=1,
        amount=Decimal(amount),
        tax=Decimal(0),
        reason=RefundReason.REDUCED,
        by=acting(order.buyer),
        at=at,
    )


class TestPaying:
    def test_settles_the_order_and_nothing_else_changes(self, bill, invoice):
        before = invoice.order.subscription.term_end
        order = pay(invoice, acting(bill))
        assert (order.state, order.paid_at, order.granted_at) == ("paid", LATER, NOON)
        assert order.subscription.term_end == before
        assert ledger.captured() == [Decimal("17.98")]
        invoice = Invoice.objects.with_lines().get()
        assert (invoice.state, invoice.amount_due) == ("paid", 0)
        assert all_is_well()

    def test_tells_the_journal_and_sends_a_receipt(self, tenant, bill, invoice):
        Job.objects.all().delete()
        pay(invoice, acting(bill))
        told = Event.objects.of(tenant).filter(at=LATER).order_by("id")
        assert [event.type for event in told] == [
            "payment.started",
            "payment_method.added",
            "payment.succeeded",
            "order.paid",
        ]
        assert [job.name for job in Job.objects.all()] == ["commerce.deliver_receipt"]

    def test_leaves_the_agreement_to_pay_for_what_comes(self, bill, invoice):
        pay(invoice, acting(bill))
        source = PaymentSource.objects.get()
        assert (source.agreement, source.payment_method) == (invoice.order.agreement, None)
        assert PaymentMethod.objects.get().member is None

    def test_of_what_is_due(self, bill, invoice):
        credit(invoice.order, "8.99")
        assert Invoice.objects.with_lines().get(pk=invoice.pk).amount_due == Decimal("8.99")
        assert pay(invoice, acting(bill)).state == "paid"
        assert ledger.captured() == [Decimal("8.99")]
        assert all_is_well()

    def test_declined_it_stays_open(self, bill, invoice):
        with pytest.raises(charging.CardDeclined):
            pay(invoice, acting(bill), "pm_card_chargeDeclined")
        assert Order.objects.get().state == "invoiced"
        assert pay(invoice, acting(bill)).state == "paid"
        assert len(ledger.captured()) == 1
        assert all_is_well()

    def test_never_with_a_card_of_somebodys_own(self, tenant, invoice, plan):
        other = MembershipFactory(tenant=tenant, roles=["billing_admin"])
        buy(other, plan)
        own = str(PaymentMethod.objects.get(member=other).pk)
        with pytest.raises(cards.PaymentMethodNotAccepted):
            pay(invoice, acting(other), own)
        assert Order.objects.get(channel="central").state == "invoiced"


class TestWho:
    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_whoever_buys_for_the_tenant(self, tenant, invoice, role):
        assert pay(invoice, admin_of(tenant, role)).state == "paid"

    def test_whoever_was_billed_also_when_the_role_is_gone(self, bill, invoice):
        bill.role_grants.all().delete()
        assert pay(invoice, acting(bill)).state == "paid"

    @pytest.mark.parametrize("role", [None, "license_admin", "user_admin", "global_reader"])
    def test_nobody_else(self, tenant, invoice, role):
        by = admin_of(tenant, role) if role else acting(MembershipFactory(tenant=tenant))
        for who in (by, admin_of(TenantFactory())):
            for attempt in (
                lambda who=who: pay(invoice, who),
                lambda who=who: invoice_payments.refresh(invoice=invoice, by=who, at=LATER),
                lambda who=who: invoice_payments.give_up_waiting(invoice=invoice, by=who, at=LATER),
            ):
                with pytest.raises(NotAllowed):
                    attempt()
        assert not Payment.objects.exists()


class TestNothingToPay:
    def test_twice(self, bill, invoice):
        pay(invoice, acting(bill))
        with pytest.raises(InvoiceAlreadyPaid):
            pay(invoice, acting(bill))
        assert len(ledger.captured()) == 1

    def test_what_a_card_paid_at_once(self, ana, plan):
        buy(ana, plan)
        with pytest.raises(InvoiceAlreadyPaid):
            pay(Invoice.objects.get(), acting(ana))

    def test_a_credit_note_and_what_was_credited_as_a_whole(self, bill, invoice):
        credit(invoice.order, "17.98")
        [whole, note] = Invoice.objects.with_lines().order_by("issued_at")
        assert (whole.state, whole.amount_due, note.state, note.amount_due) == ("credited", 0, None, None)
        for nothing in (whole, note):
            with pytest.raises(NothingDue):
                pay(nothing, acting(bill))
        assert not Payment.objects.exists()


class TestTheCardholdersStep:
    @pytest.fixture
    def waiting(self, bill, invoice):
        order = pay(invoice, acting(bill), "pm_card_authenticationRequired")
        assert order.state == "invoiced"
        return Payment.objects.get(state="requires_action")

    def test_is_asked_for_and_nothing_else_is_charged_meanwhile(self, bill, invoice, waiting):
        with pytest.raises(PaymentInProgress):
            pay(invoice, acting(bill))
        assert ledger.captured() == []

    def test_approved_the_invoice_is_paid(self, bill, invoice, waiting):
        SandboxGateway().answer_step(waiting.pk, approve=True)
        assert invoice_payments.refresh(invoice=invoice, by=acting(bill), at=LATER).state == "paid"
        assert all_is_well()

    def test_declined_it_stays_open(self, bill, invoice, waiting):
        SandboxGateway().answer_step(waiting.pk, approve=False)
        with pytest.raises(charging.CardDeclined):
            invoice_payments.refresh(invoice=invoice, by=acting(bill), at=LATER)
        assert pay(invoice, acting(bill)).state == "paid"

    def test_given_up_another_card_pays(self, bill, invoice, waiting):
        invoice_payments.give_up_waiting(invoice=invoice, by=acting(bill), at=LATER)
        assert pay(invoice, acting(bill)).state == "paid"
        assert len(ledger.captured()) == 1

    def test_forgotten_the_card_is_released_after_a_day(self, bill, invoice, waiting):
        assert invoice_payments.release_overdue(at=LATER + timedelta(hours=23)) == 0
        assert invoice_payments.release_overdue(at=LATER + timedelta(hours=24)) == 1
        assert pay(invoice, acting(bill)).state == "paid"


class TestTrouble:
    def test_nobody_pays_again_while_another_amount_that_was_taken_is_looked_into(self, bill, invoice):
        pay(invoice, acting(bill), "pm_card_authenticationRequired")
        payment = Payment.objects.get()
        SandboxGateway().answer_step(payment.pk, approve=True)
        charge = replace(SandboxGateway().find(payment.pk), amount=Decimal("17.97"))
        settlement.settle_payment(payment=payment, charge=charge, at=LATER)
        with pytest.raises(invoice_payments.EarlierChargeSetAside):
            pay(invoice, acting(bill))
        assert len(ledger.captured()) == 1
        assert Order.objects.get().state == "invoiced"
        payment = Payment.objects.select_related("tenant", "order").get()
        with transaction.atomic():
            refunds.give_back_set_aside(payment=payment, by=SYSTEM, at=LATER)
        assert pay(invoice, acting(bill)).state == "paid"

    def test_an_answer_that_was_lost_is_found_by_the_sweep(self, bill, invoice, monkeypatch):
        def lost(*args, **options):
            charged(*args, **options)
            raise GatewayUnavailable

        charged = SandboxGateway.charge
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "charge", lost)
            assert pay(invoice, acting(bill)).state == "invoiced"
        settlement.reconcile(at=LATER + timedelta(minutes=2))
        assert Order.objects.get().state == "paid"
        assert all_is_well()

    def test_what_was_taken_while_less_became_due_goes_back_and_the_rest_is_still_due(self, bill, invoice):
        pay(invoice, acting(bill), "pm_card_authenticationRequired")
        credit(invoice.order, "8.99")
        SandboxGateway().answer_step(Payment.objects.get().pk, approve=True)
        with pytest.raises(charging.PaymentNotNeeded):
            invoice_payments.refresh(invoice=invoice, by=acting(bill), at=LATER)
        assert (Order.objects.get().state, Payment.objects.get().state) == ("invoiced", "surplus")
        assert ledger.refunded() == [Decimal("17.98")]
        assert pay(invoice, acting(bill)).state == "paid"
        assert ledger.captured() == [Decimal("17.98"), Decimal("8.99")]
        assert all_is_well()

    @between_transactions
    def test_ten_admins_at_once_pay_once(self, tenant, invoice):
        admins = [admin_of(tenant, "billing_admin") for _ in range(10)]
        won = race(lambda by: pay(invoice, by), admins, refused=(PaymentInProgress, InvoiceAlreadyPaid))
        assert (won, len(ledger.captured()), Order.objects.get().state) == (1, 1, "paid")
        assert all_is_well()

    @between_transactions
    def test_the_control_without_lock_and_constraint_pays_more_than_once(self, tenant, invoice, monkeypatch):
        admins = [admin_of(tenant, "billing_admin") for _ in range(5)]
        monkeypatch.setattr(invoice_payments.orders, "lock", lambda pk: Order.objects.get(pk=pk))
        monkeypatch.setattr(invoice_payments.open_orders, "live_payment", lambda order: None)
        with without_unique_index("commerce_payment", "one_live_payment_per_order"):
            race(lambda by: pay(invoice, by), admins, refused=(InvoiceAlreadyPaid, charging.PaymentNotNeeded))
            assert len(ledger.captured()) > 1
