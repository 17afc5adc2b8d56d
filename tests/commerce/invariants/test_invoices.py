"""What the audit finds in invoices that somebody's hand has changed."""

from decimal import Decimal

import pytest
from django.db import connection

from commerce.models import Invoice, InvoiceLine, Order, Refund, Seller
from tests.commerce.billing import cancel
from tests.commerce.changes import DAY, findings
from tests.factories import NOON, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestInvariants:
    @pytest.fixture
    def broken(self, ana, plan):
        """The walls that a hand in the database may have passed."""
        subscription = buy(ana, plan)
        cancel(subscription, NOON + DAY)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in ("commerce_invoice", "commerce_invoiceline"):
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return [finding for finding in findings() if "journal" not in finding] == []

    def found(self):
        return [finding for finding in findings() if "journal" not in finding]

    def test_find_a_gap(self, broken):
        assert broken
        Invoice.objects.filter(sequence=2).update(sequence=3)
        seller = Seller.objects.get()
        assert self.found() == [f"seller {seller.pk}: 2 invoices in 2026, the last is 3, 2 numbers taken"]

    def test_find_an_order_without_its_invoice(self, broken):
        InvoiceLine.objects.all().delete()
        Invoice.objects.filter(sequence=2).delete()
        Invoice.objects.all().delete()
        found = self.found()
        assert f"order {Order.objects.get().pk}: paid, 0 invoices, 0 of its amounts" in found
        assert f"refund {Refund.objects.get().pk}: 0 credit notes, 0 of its amount" in found

    def test_find_other_amounts(self, broken):
        InvoiceLine.objects.update(tax=1)
        Invoice.objects.update(tax=2, total=Decimal(2) + 1, subtotal=1)
        found = self.found()
        assert f"order {Order.objects.get().pk}: paid, 1 invoices, 0 of its amounts" in found
        assert f"refund {Refund.objects.get().pk}: 1 credit notes, 0 of its amount" in found
        assert "invoice SW-2026-000001: its lines do not add up to its total" in found

    def test_find_a_credit_note_of_what_did_not_go_back(self, broken):
        Refund.objects.update(state="started")
        refund = Refund.objects.get()
        assert f"refund {refund.pk}: 1 credit notes although nothing of an invoice went back" in self.found()
