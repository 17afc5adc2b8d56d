"""The numbers of invoices: without a gap, each once, and begun anew with the year."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Invoice, InvoiceCounter, Payment, Seller
from commerce.operations.billing import invoices
from commerce.operations.paying import settlement
from tests.commerce.billing import numbers
from tests.commerce.changes import findings
from tests.factories import NOON, MembershipFactory, buy, open_checkout, pay
from tests.race import at_once, race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


class TestNumbers:
    def test_begin_anew_with_the_year_in_utc(self, plan):
        ana = MembershipFactory(tenant__time_zone="America/New_York")
        for at in (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, 0, 1, tzinfo=UTC)):
            buy(ana, plan, at=at)
        assert set(Invoice.objects.values_list("number", flat=True)) == {"SW-2026-000001", "SW-2027-000001"}
        assert findings() == []

    def test_are_not_taken_by_a_settlement_that_rolls_back(self, ana, plan):
        checkout = open_checkout(ana, plan)
        with transaction.atomic():
            pay(checkout)
            assert numbers() == [1]
            transaction.set_rollback(True)
        buy(MembershipFactory(), plan)
        assert numbers() == [1]

    def test_cannot_be_given_twice(self, ana, plan):
        buy(ana, plan)
        InvoiceCounter.objects.update(last=0)
        checkout = open_checkout(ana, plan)
        with pytest.raises(IntegrityError, match=r"invoice_number_once|number_key"), transaction.atomic():
            pay(checkout)


@between_transactions
class TestRaces:
    @pytest.fixture
    def captured(self, plan):
        """Fifty payments that the provider captured, and nobody wrote down yet."""
        found = []
        for _ in range(50):
            pay(open_checkout(MembershipFactory(), plan), "pm_card_authenticationRequired")
        for payment in Payment.objects.select_related("order"):
            SandboxGateway().answer_step(payment.pk, approve=True)
            found.append((payment, SandboxGateway().confirm(payment.pk)))
        return found

    def test_fifty_settlements_at_once_take_fifty_numbers(self, captured):
        def settle(what):
            settlement.settle_payment(payment=what[0], charge=what[1], at=NOON)

        assert race(settle, captured) == 50
        assert numbers() == list(range(1, 51))
        assert [finding for finding in findings() if "journal" not in finding] == []

    def test_the_control_without_the_counters_lock_gives_one_number_twice_and_is_refused(self, captured, monkeypatch):
        def guess(seller, year):
            last = InvoiceCounter.objects.filter(seller=seller, year=year).values_list("last", flat=True).first() or 0
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.05)")
            InvoiceCounter.objects.filter(seller=seller, year=year).update(last=last + 1)
            return last + 1

        InvoiceCounter.objects.create(seller=Seller.objects.get(), year=2026, last=0)
        monkeypatch.setattr(invoices, "_next_number", guess)
        results = at_once(lambda what: settlement.settle_payment(payment=what[0], charge=what[1], at=NOON), captured)
        assert any(isinstance(result, IntegrityError) for result in results)
        assert len(numbers()) < 50
