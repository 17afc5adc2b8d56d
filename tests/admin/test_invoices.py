"""Invoices as procurement reads them: whether they are paid, what they say, and the PDF."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce import invoice_pdf
from commerce.models import Invoice, Order
from commerce.operations.changes import cancellations
from tests import factories
from tests.admin.pages import INVOICES, PURCHASES, browser_of, listed, opened
from tests.callers import signed_in
from tests.commerce.pdf_text import letters_in
from tests.factories import NOON

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
DAY = timedelta(days=1)


@pytest.fixture
def invoice(bought):
    return Invoice.objects.get()


@pytest.fixture
def note(bought):
    by = factories.acting(bought.purchaser)
    cancellations.cancel_subscription(subscription=bought, reason="", by=by, at=NOON + 2 * DAY)
    return Invoice.objects.get(kind="credit_note")


def pdf(invoice):
    return reverse("admin:commerce_invoice_pdf", args=[invoice.pk])


def found(browser, query):
    return [row.number for row in browser.get(f"{listed(INVOICES)}?{query}").context["cl"].result_list]


def owe(invoice, due_at):
    """As an agreement lets it be paid later."""
    Order.objects.filter(invoices=invoice).update(state="invoiced", paid_at=None, due_at=due_at)


def test_the_list_says_who_was_billed_how_much_and_whether_it_is_paid(contoso, invoice, note):
    text = browser_of(contoso, "global_reader").get(listed(INVOICES)).text
    for said in (invoice.number, note.number, "Ana c/o Contoso", "$19.98", "−$", "Paid", "Refunded", pdf(invoice)):
        assert said in text, said


def test_are_found_by_number_payer_kind_and_what_is_to_be_paid(contoso, invoice, note):
    browser = browser_of(contoso)
    assert found(browser, f"q={invoice.number}") == [invoice.number]
    assert found(browser, "q=ana+c") == [note.number, invoice.number]
    assert found(browser, "kind=credit_note") == [note.number]
    assert found(browser, "payment=open") == []
    owe(invoice, timezone.now() + DAY)
    assert (found(browser, "payment=open"), found(browser, "payment=overdue")) == ([invoice.number], [])
    owe(invoice, timezone.now() - DAY)
    assert found(browser, "payment=overdue") == [invoice.number]


def test_one_that_was_credited_in_full_is_not_to_be_paid_and_names_its_credit_note(contoso):
    bill = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"])
    office = factories.price_centrally(factories.PlanFactory(product__self_service=False))
    agreement = factories.agree(contoso, prices=[(office, "9.00")])
    subscription = factories.order_centrally(bill, office, agreement=agreement, at=NOON).subscription
    invoice = Invoice.objects.get()
    browser = browser_of(contoso)
    assert found(browser, "payment=open") == found(browser, "payment=overdue") == [invoice.number]
    assert "To be paid by" in letters_in(invoice_pdf.render(Invoice.objects.with_lines().get()))
    cancellations.cancel_subscription(subscription=subscription, reason="", by=factories.acting(bill), at=NOON)
    note = Invoice.objects.get(kind="credit_note")
    assert found(browser, "payment=open") == found(browser, "payment=overdue") == []
    text = browser.get(opened(INVOICES, invoice)).text
    assert f"Credited in full by {note.number}." in text
    assert opened(INVOICES, note) in text
    mine = signed_in(bill).get(reverse("my-invoice", args=[invoice.pk])).text
    assert f"Credited in full by {note.number}." in mine
    assert reverse("my-invoice", args=[note.pk]) in mine
    printed = letters_in(invoice_pdf.render(Invoice.objects.with_lines().get(pk=invoice.pk)))
    assert f"Credited in full by {note.number}." in printed
    assert "To be paid by" not in printed


@pytest.mark.parametrize(
    ("zone", "issued_at", "issued", "due"),
    [
        # Half past midnight, before the clocks go back.
        ("America/New_York", datetime(2026, 10, 21, 4, 30, tzinfo=UTC), "21 October 2026", "20 November 2026"),
        # The evening before, in UTC the next day already.
        ("America/New_York", datetime(2026, 11, 23, 3, 6, tzinfo=UTC), "22 November 2026", "22 December 2026"),
        ("Pacific/Kiritimati", datetime(2026, 11, 22, 12, tzinfo=UTC), "23 November 2026", "23 December 2026"),
    ],
)
def test_its_days_are_the_tenants_and_due_is_so_many_days_after_issue(operator, zone, issued_at, issued, due):
    bill = factories.MembershipFactory(tenant__time_zone=zone, roles=["billing_admin"])
    office = factories.price_centrally(factories.PlanFactory(product__self_service=False))
    agreement = factories.agree(bill.tenant, prices=[(office, "9.00")])
    factories.order_centrally(bill, office, agreement=agreement, at=issued_at)
    invoice = Invoice.objects.with_lines().get()
    assert (invoice_pdf.issued_day(invoice), invoice_pdf.due_day(invoice)) == (issued, due)
    listed_as = f"{issued_at.astimezone(ZoneInfo(zone)).day} {issued[3:6]} 2026"
    for reader in (signed_in(bill), signed_in(operator)):
        assert listed_as in reader.get(listed(INVOICES)).text
        assert issued in reader.get(opened(INVOICES, invoice)).text


def test_a_page_says_all_that_the_invoice_does(contoso, invoice):
    text = browser_of(contoso).get(opened(INVOICES, invoice)).text
    for said in ("Seatwise", "Ana c/o Contoso", "United States of America", "9.99", "$19.98", "Paid on", pdf(invoice)):
        assert said in text, said
    assert opened(PURCHASES, invoice.order.subscription) in text


def test_an_open_one_says_what_is_due_and_by_when(contoso, invoice):
    owe(invoice, timezone.now() + 30 * DAY)
    text = browser_of(contoso).get(opened(INVOICES, invoice)).text
    assert "Open, due" in text
    assert "$19.98 is to be paid by" in text
    owe(invoice, timezone.now() - DAY)
    assert "Overdue since" in browser_of(contoso).get(opened(INVOICES, invoice)).text


def test_a_credit_note_leads_to_its_invoice(contoso, invoice, note):
    text = browser_of(contoso).get(opened(INVOICES, note)).text
    assert opened(INVOICES, invoice) in text
    assert "Total credited" in text


def test_the_pdf_is_the_payers(contoso, invoice):
    answer = browser_of(contoso, "billing_admin").get(pdf(invoice))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.content == invoice_pdf.render(Invoice.objects.with_lines().get())


def test_the_pdf_is_kept_from_others(contoso, fabrikam, invoice):
    member = factories.MembershipFactory(tenant=contoso)
    assert signed_in(member).get(pdf(invoice)).status_code == 403
    assert browser_of(contoso, "license_admin").get(pdf(invoice)).status_code == 403
    assert browser_of(fabrikam).get(pdf(invoice)).status_code == 404
    assert browser_of(contoso).post(pdf(invoice)).status_code == 403


def test_the_operator_reads_them_of_every_tenant(operator, invoice, elsewhere):
    assert len(found(signed_in(operator), "")) == 2
    assert signed_in(operator).get(pdf(invoice)).status_code == 200
