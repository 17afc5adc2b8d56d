"""Invoices and credit notes: what they say, when they come, and that nobody can change them."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Invoice, InvoiceCounter, InvoiceLine, Order, Payment, Refund, Seller
from commerce.operations.billing import invoices
from commerce.operations.paying import charging, refunds, settlement
from licensing.models import Subscription
from tenants.access import SYSTEM
from tenants.directory.operations import organisations
from tenants.journal.models import Event
from tests.commerce.billing import cancel, numbers
from tests.commerce.changes import DAY, findings
from tests.factories import NOON, MembershipFactory, buy, open_checkout, pay, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


def bill_as(tenant, legal_name, address, tax_number):
    organisations.set_billing_details(
        tenant=tenant, legal_name=legal_name, address=address, tax_number=tax_number, by=SYSTEM, at=NOON
    )
    tenant.refresh_from_db()


def forget_invoices(**which):
    """As if they had not been written yet: the database itself lets nobody."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE commerce_invoice DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE commerce_invoiceline DISABLE TRIGGER USER")
    found = Invoice.objects.filter(**which)
    InvoiceLine.objects.filter(invoice__in=found).delete()
    found.delete()


class TestAnInvoice:
    def test_says_who_bills_whom_for_what(self, plan):
        ana = MembershipFactory(name="Ana  Álvarez\n", tenant__name="Contoso", tenant__time_zone="Asia/Tokyo")
        Seller.objects.update(address="1 Street", tax_id="US 1")
        subscription = buy(ana, plan)
        invoice, line = Invoice.objects.get(), InvoiceLine.objects.get()
        assert (invoice.number, invoice.kind, invoice.year, invoice.sequence) == ("SW-2026-000001", "invoice", 2026, 1)
        assert (invoice.tenant, invoice.payer, invoice.order) == (ana.tenant, ana, Order.objects.get())
        assert invoice.from_seller == {"name": "Seatwise", "address": "1 Street", "tax_id": "US 1"}
        assert invoice.to_payer == {
            "name": "Ana Álvarez c/o Contoso",
            "address": "United States of America",
            "tax_number": "",
        }
        assert (invoice.subtotal, invoice.tax, invoice.total) == (Decimal("19.98"), 0, Decimal("19.98"))
        assert (invoice.currency, invoice.issued_at, invoice.time_zone) == ("USD", NOON, "Asia/Tokyo")
        assert (line.description, line.quantity, line.unit_price) == (str(plan), 2, Decimal("9.99"))
        assert (line.starts_at, line.ends_at) == (subscription.term_start, subscription.term_end)
        assert Event.objects.filter(type="invoice.issued").get().data["invoice"] == str(invoice.pk)

    def test_names_the_organisation_as_it_wants_to_be_billed(self, ana, plan):
        bill_as(ana.tenant, "Contoso Inc.", "1 Street\nSeattle", "98-7654321")
        buy(ana, plan)
        assert Invoice.objects.get().to_payer == {
            "name": f"{ana} c/o Contoso Inc.",
            "address": "1 Street\nSeattle\nUnited States of America",
            "tax_number": "98-7654321",
        }

    def test_of_what_the_organisation_pays_by_now_is_its_own(self, ana, plan):
        buy(ana, plan)
        forget_invoices()
        Subscription.objects.update(owner=None, payer=None)
        assert invoices.issue_invoice(order=Order.objects.get(), by=SYSTEM, at=NOON).bill_to_name == ana.tenant.name

    def test_stays_as_it_was_when_names_change(self, ana, plan):
        buy(ana, plan)
        before = Invoice.objects.values().get()
        Seller.objects.update(name="Other", address="Elsewhere", country="DE")
        bill_as(ana.tenant, "Other Inc.", "Elsewhere", "98-7654321")
        assert Invoice.objects.values().get() == before

    def test_comes_once_however_often_a_payment_is_settled(self, ana, plan):
        buy(ana, plan)
        payment = Payment.objects.get()
        settlement.settle_payment(payment=payment, charge=SandboxGateway().find(payment.pk), at=NOON)
        assert numbers() == [1]

    def test_is_not_written_of_a_declined_card(self, ana, plan):
        with pytest.raises(charging.CardDeclined):
            pay(open_checkout(ana, plan), "pm_card_chargeDeclined")
        assert not Invoice.objects.exists()
        assert not InvoiceCounter.objects.exists()

    @pytest.mark.parametrize(
        "amount, currency, country, total", [("1001", "JPY", "JP", "2002"), ("1.255", "KWD", "KW", "2.510")]
    )
    def test_is_exact_in_every_currency(self, amount, currency, country, total):
        subscription = buy(MembershipFactory(tenant__country=country), plan_on_sale(amount, currency, country))
        cancel(subscription, NOON + 2 * DAY)
        invoice, note = Invoice.objects.order_by("sequence")
        assert (invoice.total, invoice.currency) == (Decimal(total), currency)
        assert (note.total, note.currency) == (Refund.objects.get().amount, currency)
        assert findings() == []


class TestACreditNote:
    def test_names_its_invoice_and_what_went_back(self, ana, plan):
        subscription = buy(ana, plan)
        cancel(subscription, NOON + 2 * DAY)
        invoice, note = Invoice.objects.order_by("sequence")
        refund, line = Refund.objects.get(), note.lines.get()
        assert (note.number, note.kind, note.credits, note.refund) == ("SW-2026-000002", "credit_note", invoice, refund)
        assert note.total == refund.amount == line.amount
        assert line.description == f"Unused part of {plan}, 2 seats"
        assert (line.starts_at, line.ends_at) == (NOON + 2 * DAY, subscription.term_end)
        assert (note.payer, note.order) == (ana, invoice.order)
        assert findings() == []

    def test_has_the_parties_of_its_invoice_whatever_they_are_called_since(self, ana, plan):
        subscription = buy(ana, plan)
        Seller.objects.update(name="Other", address="Elsewhere")
        bill_as(ana.tenant, "Other Inc.", "Elsewhere", "98-7654321")
        cancel(subscription, NOON)
        invoice, note = Invoice.objects.order_by("sequence")
        assert (note.from_seller, note.to_payer) == (invoice.from_seller, invoice.to_payer)

    def test_splits_the_tax_that_went_back(self, ana, plan):
        subscription = buy(ana, plan)
        cancel(subscription, NOON)
        refund = Refund.objects.get()
        forget_invoices(refund=refund)
        refund.tax = Decimal("3.19")
        note = invoices.issue_credit_note(refund=refund, at=NOON)
        assert (note.subtotal, note.tax, note.total) == (Decimal("16.79"), Decimal("3.19"), Decimal("19.98"))

    def test_waits_until_the_provider_has_given_back(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)
        with monkeypatch.context() as away:
            away.setattr(SandboxGateway, "refund", refuse)
            cancel(subscription, NOON)
        assert numbers() == [1]
        for _ in range(2):
            settlement.reconcile(at=NOON + DAY)
        assert numbers() == [1, 2]
        assert Invoice.objects.get(sequence=2).issued_at == NOON + DAY

    def test_is_not_written_for_a_charge_that_was_never_invoiced(self, ana, plan):
        buy(ana, plan)
        order = Order.objects.get()
        surplus = Payment.objects.create(
            tenant=ana.tenant, order=order, payer=ana, state="surplus", amount=Decimal(5), currency="USD",
            captured=Decimal(5), payment_method="pm_card_visa", gateway="sandbox", started_at=NOON,
        )  # fmt: skip
        refunds.give_back_surplus(payment=surplus, at=NOON)
        assert invoices.issue_credit_note(refund=Refund.objects.get(), at=NOON) is None
        assert numbers() == [1]


def refuse(*args, **options):
    raise GatewayUnavailable


class TestTheDatabaseRefuses:
    @pytest.mark.parametrize("model", [Invoice, InvoiceLine])
    def test_to_change_or_delete_one(self, ana, plan, model):
        buy(ana, plan)
        with pytest.raises(DatabaseError, match="an invoice is final"), transaction.atomic():
            model.objects.update(tax=0)
        with pytest.raises(DatabaseError, match="an invoice is final"), transaction.atomic():
            model.objects.all()._raw_delete("default")

    def test_lines_that_do_not_add_up_even_later(self, ana, plan):
        buy(ana, plan)
        line = InvoiceLine.objects.get()
        line.pk = None
        line.save(force_insert=True)
        with pytest.raises(IntegrityError, match="invoice_lines_add_up"), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def test_a_second_invoice_of_an_order(self, ana, plan):
        buy(ana, plan)
        with pytest.raises(IntegrityError, match="one_invoice_per_order"), transaction.atomic():
            invoices.issue_invoice(order=Order.objects.get(), by=SYSTEM, at=NOON)
