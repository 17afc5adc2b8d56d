"""Credit notes and open invoices by e-mail, once and to whom they were billed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from commerce import invoice_pdf
from commerce.amounts import money
from commerce.models import Invoice, Order
from commerce.operations.changes import cancellations
from commerce.operations.letters import invoice_letters
from commerce.tasks.letters import deliver_credit_note, deliver_invoice
from tenants.delivery.models import Job
from tests.commerce.pdf_text import letters_in
from tests.factories import NOON, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

TO_AND_FROM = {"site": "https://seatwise.example", "sender": "Seatwise <no-reply@seatwise.example>"}


@pytest.fixture
def invoice(ana, plan):
    buy(ana, plan)
    return Invoice.objects.get()


@pytest.fixture
def note(ana, invoice):
    later = NOON + timedelta(days=2)
    subscription = invoice.order.subscription
    cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=later)
    return Invoice.objects.with_lines().get(kind="credit_note")


@pytest.fixture
def open_invoice(invoice):
    """As one of an agreement is: granted, and still to be paid."""
    Order.objects.update(state="invoiced", paid_at=None, due_at=datetime(2026, 4, 8, 23, tzinfo=UTC))
    return Invoice.objects.with_lines().get()


class TestACreditNote:
    def test_comes_with_what_went_back_and_of_what(self, ana, invoice, note):
        invoice_letters.deliver_credit_note(invoice_id=note.pk, **TO_AND_FROM)
        [letter] = mail.outbox
        assert (letter.to, letter.subject) == ([ana.user.email], f"Credit note {note.number}")
        for said in (
            f"{money(note.total, 'USD')} of invoice {invoice.number} was credited",
            "Unused part of",
            "Refunded to the card",
            f"https://seatwise.example/my/invoices/{note.pk}/",
        ):
            assert said in letter.body
        assert letter.attachments == [(f"{note.number}.pdf", invoice_pdf.render(note), "application/pdf")]

    def test_a_second_copy_is_known_as_one(self, note):
        for _ in range(2):
            invoice_letters.deliver_credit_note(invoice_id=note.pk, **TO_AND_FROM)
        ids = {letter.extra_headers["Message-ID"] for letter in mail.outbox}
        assert ids == {f"<invoice-{note.pk}@seatwise.example>"}

    def test_is_no_letter_for_an_invoice(self, invoice):
        with pytest.raises(Invoice.DoesNotExist):
            invoice_letters.deliver_credit_note(invoice_id=invoice.pk, **TO_AND_FROM)

    @pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
    def test_is_a_job_of_the_refund_done_once(self, note):
        job = Job.objects.get(name="commerce.deliver_credit_note")
        assert job.arguments == {"invoice_id": str(note.pk)}
        for _ in range(2):
            deliver_credit_note(job_id=str(job.pk))
        assert [letter.subject for letter in mail.outbox] == [f"Credit note {note.number}"]

    def test_of_an_open_invoice_says_what_it_does(self, note):
        note.refund.payment_id = None
        assert invoice_pdf.settled(note) == "Taken off what is to be paid for the invoice."


class TestAnOpenInvoice:
    def test_says_until_when_it_is_to_be_paid_on_the_tenants_calendar(self, open_invoice):
        open_invoice.time_zone = "Asia/Tokyo"
        assert "To be paid by 9 April 2026." in letters_in(invoice_pdf.render(open_invoice))

    def test_says_so_still_when_it_is_paid(self, open_invoice):
        before = invoice_pdf.render(open_invoice)
        Order.objects.update(state="paid", paid_at=NOON)
        assert invoice_pdf.render(Invoice.objects.with_lines().get()) == before

    @pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
    def test_comes_to_whom_it_was_billed(self, ana, open_invoice):
        job = Job.objects.create(name="commerce.deliver_invoice", arguments={"order_id": str(open_invoice.order_id)})
        deliver_invoice(job_id=str(job.pk))
        [letter] = mail.outbox
        assert (letter.to, letter.subject) == ([ana.user.email], f"Invoice {open_invoice.number}")
        for said in ("2 × $9.99 = $19.98", "To be paid by", f"/my/invoices/{open_invoice.pk}/"):
            assert said in letter.body
        assert [name for name, _content, _kind in letter.attachments] == [f"{open_invoice.number}.pdf"]
