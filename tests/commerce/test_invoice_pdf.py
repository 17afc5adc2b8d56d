"""Invoices on paper: readable in whatever a name is written, and the same each time."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from commerce import invoice_pdf
from commerce.models import Invoice, Seller
from tests.commerce.pdf_text import letters_in, shapes_of
from tests.factories import MembershipFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LIGHT_ENOUGH = 30_000


@pytest.fixture
def invoice(ana):
    buy(ana, plan_on_sale(), at=timezone.now())
    return Invoice.objects.get()


def pdf_for(name):
    buy(MembershipFactory(name=name), plan_on_sale())
    return invoice_pdf.render(Invoice.objects.with_lines().latest("sequence"))


class TestThePdf:
    def test_is_the_same_each_time(self, invoice):
        invoice = Invoice.objects.with_lines().get()
        first = invoice_pdf.render(invoice)
        time.sleep(1.1)  # a moment that found its way into the file would show
        assert invoice_pdf.render(invoice) == first

    @pytest.mark.parametrize(
        "name",
        ["Żółć Жанна Ελένη", "田中太郎", "김철수", "नमस्ते", "محمد", "שרה", "สมชาย", "<b>&</b>", "x" * 180, "😀"],
    )
    def test_takes_every_name(self, name):
        content = pdf_for(name)
        assert content.startswith(b"%PDF-")
        assert len(content) < LIGHT_ENOUGH

    @pytest.mark.parametrize(
        "name",
        ["Żółć Жанна Ελένη", "田中太郎", "김철수", "王小明 陳怡君", "नमस्ते", "محمد", "שרה", "สมชาย น้ำทิพย์", "გიორგი"],
    )
    def test_has_a_letter_for_each_of_them(self, name):
        shown = letters_in(pdf_for(name))
        assert set(name) <= set(shown)
        assert "?" not in shown

    def test_shows_where_a_letter_is_missing_and_says_so(self):
        shown = letters_in(pdf_for("Ana \N{CUNEIFORM SIGN A}\N{CUNEIFORM SIGN A}"))
        assert "Ana ?? c/o" in shown
        assert "A letter that cannot be printed" in shown

    def test_joins_arabic_letters(self):
        assert shapes_of("ه", pdf_for("ه ه ه")) == 1
        assert shapes_of("ه", pdf_for("ههه")) == 3

    def test_says_what_the_page_says(self):
        Seller.objects.update(address="1 Street\nTown", tax_id="US 1")
        buy(MembershipFactory(name="Ana", tenant__name="Contoso"), plan_on_sale(product__name="Power BI Pro"))
        shown = letters_in(invoice_pdf.render(Invoice.objects.with_lines().latest("sequence")))
        for said in ("SW-2026-", "1 Street", "US 1", "Ana c/o Contoso", "Power BI Pro, monthly", "9.99", "$19.98"):
            assert said in shown
        assert "Subtotal" not in shown  # one line without tax is its own sum

    def test_begins_a_new_page_for_many_lines(self, invoice):
        invoice = Invoice.objects.with_lines().get()
        [line] = invoice.lines.all()
        invoice._prefetched_objects_cache["lines"] = [line] * 60
        assert invoice_pdf.render(invoice).count(b"/Type /Page\n") > 1

    def test_tells_its_periods_and_its_date_in_the_zone_of_the_tenant(self, invoice):
        invoice = Invoice.objects.with_lines().get()
        [line] = invoice.lines.all()
        invoice.time_zone = "Asia/Tokyo"
        line.starts_at = invoice.issued_at = invoice.issued_at.replace(year=2026, month=12, day=31, hour=20)
        line.ends_at = line.starts_at + timedelta(days=1)
        assert invoice_pdf.issued_day(invoice) == "1 January 2027"
        assert invoice_pdf.period(invoice, line) == "1 January 2027 – 2 January 2027"
