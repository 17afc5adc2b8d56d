"""Invoices by API, in the browser, by mail and in the procurement view."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commerce import invoice_pdf
from commerce.models import Invoice, InvoiceLine, Order
from commerce.operations.changes import cancellations
from commerce.operations.letters import receipts
from tenants.journal.events import sequence_waiting
from tenants.journal.models import Event
from tests.callers import Api, signed_in
from tests.factories import MembershipFactory, acting, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana():
    return MembershipFactory(name="Ana Álvarez", user__email="ana@contoso.example", tenant__name="Contoso")


@pytest.fixture
def invoice(ana):
    buy(ana, plan_on_sale(product__name="Power BI Pro"), at=timezone.now())
    return Invoice.objects.get()


@pytest.fixture
def note(ana, invoice):
    subscription = invoice.order.subscription
    cancellations.cancel_subscription(subscription=subscription, reason="", by=acting(ana), at=timezone.now())
    return Invoice.objects.get(kind="credit_note")


def page(name, *args):
    return reverse(name, args=args)


def queries_of(call):
    with CaptureQueriesContext(
        connection,
    ) as found:
        assert call().status_code == 200
    return len(found)


class TestTheApi:
    def test_lists_what_was_billed(self, ana, invoice, note):
        shown = Api(ana).get("invoices/").json()["results"]
        assert [row["number"] for row in shown] == [note.number, invoice.number]
        first = shown[1]
        address = "United States of America"
        assert first["bill_to"] == {"name": "Ana Álvarez c/o Contoso", "address": address, "tax_number": ""}
        assert first["seller"] == {"name": "Seatwise", "address": "", "tax_id": ""}
        assert first["payer"] == {"email": "ana@contoso.example", "name": "Ana Álvarez"}
        assert (first["total"], first["credits"]) == ({"amount": "19.98", "currency": "USD"}, None)
        assert first["lines"][0]["description"] == "Power BI Pro, monthly"
        assert (shown[0]["kind"], shown[0]["credits"]) == ("credit_note", str(invoice.pk))

    def test_filters(self, ana, invoice, note):
        api = Api(ana)
        assert [row["id"] for row in api.get("invoices/?kind=credit_note").json()["results"]] == [str(note.pk)]
        assert len(api.get(f"invoices/?order={invoice.order_id}").json()["results"]) == 2
        assert api.get("invoices/?kind=other").status_code == 400

    def test_goes_by_pages(self, ana, invoice, note):
        first = Api(ana).get("invoices/?page_size=1&ordering=issued_at").json()
        second = Api(ana).get(first["next"]).json()
        assert [first["results"][0]["number"], second["results"][0]["number"]] == [invoice.number, note.number]
        assert second["next"] is None

    def test_shows_all_to_whoever_sees_all_purchases_and_nothing_to_others(self, ana, invoice):
        def seen(who):
            return [row["id"] for row in Api(who).get("invoices/").json()["results"]]

        assert seen(MembershipFactory(tenant=ana.tenant, roles=["global_reader"])) == [str(invoice.pk)]
        assert seen(MembershipFactory(tenant=ana.tenant)) == []
        assert seen(MembershipFactory(roles=["global_admin"])) == []
        assert Api().get("invoices/").status_code == 401
        assert Api(ana, scopes=["seats:write"]).get("invoices/").status_code == 403

    @pytest.mark.parametrize("accept", ["application/pdf", "*/*", "application/json", "text/html"])
    def test_gives_the_pdf(self, ana, invoice, accept):
        answer = Api(ana).get(f"invoices/{invoice.pk}/pdf/", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{invoice.number}.pdf"'
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content.startswith(b"%PDF-")

    def test_keeps_the_pdf_from_others(self, ana, invoice):
        for who in (MembershipFactory(tenant=ana.tenant), MembershipFactory(roles=["global_admin"])):
            answer = Api(who).get(f"invoices/{invoice.pk}/pdf/", headers={"Accept": "application/pdf"})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_asks_the_same_number_of_questions_for_one_and_thirty(self, ana, invoice):
        api = Api(ana)
        one = queries_of(lambda: api.get("invoices/"))
        for _ in range(29):
            buy(ana, plan_on_sale(), at=timezone.now())
        assert queries_of(lambda: api.get("invoices/")) == one


class TestThePages:
    def test_list_invoices_and_credit_notes(self, ana, invoice, note):
        text = signed_in(ana).get(page("my-invoices")).text
        for shown in (invoice.number, note.number, "Credit note", "$19.98", "Unused part of Power BI Pro"):
            assert shown in text

    def test_say_what_the_empty_list_is_for(self, ana):
        assert "You have no invoices yet" in signed_in(ana).get(page("my-invoices")).text

    def test_show_one_with_its_lines_and_the_way_to_its_pdf(self, ana, invoice):
        text = signed_in(ana).get(page("my-invoice", invoice.pk)).text
        pdf = page("my-invoice-pdf", invoice.pk)
        for shown in (
            f"Invoice {invoice.number}",
            "Ana Álvarez c/o Contoso",
            "9.99 × 2",
            "$19.98",
            "Download PDF",
            pdf,
        ):
            assert shown in text
        answer = signed_in(ana).get(pdf)
        assert (answer.headers["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")

    def test_lead_from_a_credit_note_to_its_invoice(self, ana, invoice, note):
        text = signed_in(ana).get(page("my-invoice", note.pk)).text
        assert page("my-invoice", invoice.pk) in text
        assert "Refunded to the card" in text

    def test_say_whether_it_is_paid_or_what_is_due_by_when(self, ana, invoice):
        browser, pages = signed_in(ana), (page("my-invoice", invoice.pk), page("my-invoices"))

        def told(word, due_in=None):
            if due_in is not None:
                Order.objects.update(state="invoiced", paid_at=None, due_at=timezone.now() + due_in)
            return all(word in browser.get(url).text for url in pages)

        assert told("Paid")
        assert "Nothing is left to pay" in browser.get(pages[0]).text
        assert told("Open, due", timedelta(days=30))
        assert reverse("invoice-pay", args=[invoice.pk]) in browser.get(pages[0]).text
        assert told("Overdue since", timedelta(days=-1))
        Order.objects.update(credited=F("total"))
        assert told("Credited")
        assert reverse("invoice-pay", args=[invoice.pk]) not in browser.get(pages[0]).text

    def test_say_for_how_much_of_a_term_a_line_is(self, ana, invoice):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE commerce_invoiceline DISABLE TRIGGER USER")
        InvoiceLine.objects.update(part_seconds=16 * 86_400 + 21_600, term_seconds=31 * 86_400)
        assert "9.99 × 2 × 16.25 of 31 days" in signed_in(ana).get(page("my-invoice", invoice.pk)).text

    @pytest.mark.parametrize("name", ["my-invoice", "my-invoice-pdf"])
    def test_are_there_for_the_payer_alone(self, ana, invoice, name):
        url = page(name, invoice.pk)
        for who in (MembershipFactory(tenant=ana.tenant, roles=["global_admin"]), MembershipFactory()):
            assert signed_in(who).get(url).status_code == 404
        assert Client().get(url).url == f"/sign-in/?next={url}"
        assert signed_in(ana).post(url).status_code == 405

    def test_are_found_from_the_receipt_and_from_my_subscriptions(self, ana, invoice):
        browser = signed_in(ana)
        receipt = browser.get(reverse("checkout", args=[invoice.order.checkout_id])).text
        assert page("my-invoice", invoice.pk) in receipt
        assert page("my-invoices") in browser.get(reverse("my-subscriptions")).text

    def test_ask_the_same_number_of_questions_for_one_and_thirty(self, ana, invoice):
        browser, url = signed_in(ana), page("my-invoices")
        browser.get(url)
        one = queries_of(lambda: browser.get(url))
        for _ in range(29):
            buy(ana, plan_on_sale(), at=timezone.now())
        assert queries_of(lambda: browser.get(url)) == one
        assert "Page 1 of 2" in browser.get(url).text


def test_the_receipt_names_the_invoice_and_brings_it(ana, invoice):
    receipts.deliver_receipt(
        order_id=Order.objects.get().pk, site="https://seatwise.example", sender="no-reply@seatwise.example"
    )
    [letter] = mail.outbox
    assert f"Invoice: {invoice.number}" in letter.body
    [(name, content, kind)] = letter.attachments
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf")
    assert content == invoice_pdf.render(Invoice.objects.with_lines().get())


def test_the_procurement_view_names_the_invoices_of_a_purchase(ana, invoice, note):
    admin = MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
    url = reverse("admin:commerce_purchase_change", args=[invoice.order.subscription_id])
    text = signed_in(admin).get(url).text
    assert f"Invoice {invoice.number}" in text
    assert f"Credit note {note.number}" in text


def test_the_journal_names_an_invoice_by_its_number(ana, invoice):
    sequence_waiting()
    admin = MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
    event = Event.objects.get(type="invoice.issued")
    assert invoice.number in signed_in(admin).get(reverse("admin:tenants_event_change", args=[event.pk])).text
