"""An invoice as PDF, A4. The same invoice gives the same bytes, in one language."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import category
from zoneinfo import ZoneInfo

import noto_cjk_sans_jp_regular
import pymupdf_fonts
from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from fpdf import FPDF, XPos, YPos
from fpdf.enums import Align, TextDirection
from fpdf.fonts import TTFFont

from commerce.amounts import days, figures, money, tax_name, tax_note
from commerce.models import Invoice, InvoiceLine, OrderLine
from commerce.models.invoice import InvoiceState
from commerce.tax import as_seen
from tenants.delivery.letters import Attachment

FONT = "FiraGO"
# What FiraGO lacks. It is large, so it is read only where it is needed.
EAST_ASIAN = "Noto Sans CJK"
UNKNOWN = "?"
LEFT, MIDDLE, RIGHT, TOP, BOTTOM = 20, 110, 190, 20, 25
# Description, quantity, unit price, amount.
COLUMNS = (90, 20, 30, 30)
INK, MUTED, LINE = (22, 32, 42), (82, 96, 109), (220, 225, 230)


class _Sheet(FPDF):
    """A4 with a quiet footer that names the invoice."""

    def __init__(self, invoice: Invoice, fonts: Path) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.invoice = invoice
        self.set_margins(LEFT, TOP, 210 - RIGHT)
        self.set_auto_page_break(True, BOTTOM)
        self.c_margin = 0.0
        for style, name in (("", "figo"), ("B", "figbo")):
            path = fonts / f"{name}.ttf"
            path.write_bytes(pymupdf_fonts.myfont(name))
            self.add_font(FONT, style, path)
        # Arabic joins its letters, Devanagari and Thai stack them; whatever a name is written in, lines begin left.
        self.set_text_shaping(True, direction=TextDirection.LTR)
        self.known = self.letters_of(FONT)
        self.unknown_shown = False
        self.set_creation_date(invoice.issued_at)
        self.set_title(f"{invoice.get_kind_display()} {invoice.number}")
        self.set_author(invoice.seller_name)

    def letters_of(self, family: str) -> frozenset[str]:
        font = self.fonts[family.lower()]
        return frozenset(map(chr, font.cmap)) if isinstance(font, TTFFont) else frozenset()

    def read_east_asian(self, texts: Sequence[str]) -> None:
        if not self.known.issuperset(letter for text in texts for letter in text if letter.isalnum()):
            self.add_font(EAST_ASIAN, fname=str(noto_cjk_sans_jp_regular.FONT_PATH))
            self.set_fallback_fonts([EAST_ASIAN], exact_match=False)
            self.known |= self.letters_of(EAST_ASIAN.lower())

    def normalize_text(self, text: str) -> str:
        """The library leaves out what no font has; a reader must see that something is missing."""
        # Joiners and marks of direction are not seen: they are left to the shaping.
        shown = "".join(
            letter if letter in self.known or letter == "\n" or category(letter) == "Cf" else UNKNOWN for letter in text
        )
        self.unknown_shown = self.unknown_shown or shown != text
        return str(super().normalize_text(shown))

    def footer(self) -> None:
        self.set_y(-18)
        self.write_in(9, MUTED)
        page = _("Page %(number)s of %(count)s") % {"number": self.page_no(), "count": "{nb}"}
        self.cell(0, 5, f"{self.invoice.number} · {page}")

    def write_in(self, size: float, colour: tuple[int, int, int] = INK, style: str = "") -> None:
        self.set_font(FONT, style, size)
        # Both, since the library saves and restores its state around text of another colour, and loses the font then.
        self.set_text_color(*colour)
        self.set_fill_color(*colour)

    def text_block(self, text: str, width: float, line: float = 5) -> None:
        self.multi_cell(width, line, text, align=Align.L, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def rule(self) -> None:
        self.set_draw_color(*LINE)
        self.set_line_width(0.3)
        self.line(LEFT, self.get_y(), RIGHT, self.get_y())


def render(invoice: Invoice) -> bytes:
    """The PDF of an invoice that came with its lines."""
    lines = list(invoice.lines.all())
    with TemporaryDirectory() as folder:  # the library reads fonts from files only
        sheet = _Sheet(invoice, Path(folder))
        sheet.read_east_asian(
            [invoice.bill_to_name, invoice.bill_to_address, invoice.seller_name, invoice.seller_address]
            + [line.description for line in lines]
        )
        sheet.add_page()
        _head(sheet, invoice)
        _parties(sheet, invoice)
        _lines(sheet, invoice, lines)
        _totals(sheet, invoice)
        if sheet.unknown_shown:
            sheet.ln(2)
            sheet.text_block(
                _("A letter that cannot be printed stands here as “?”. The page of the invoice shows it."), 170
            )
        return bytes(sheet.output())


def file_name(invoice: Invoice) -> str:
    return f"{invoice.number}.pdf"


def enclosed(invoice: Invoice) -> Attachment:
    """As it goes with a letter."""
    return file_name(invoice), render(invoice), "application/pdf"


def download(invoice: Invoice) -> HttpResponse:
    disposition = f'attachment; filename="{file_name(invoice)}"'
    return HttpResponse(render(invoice), content_type="application/pdf", headers={"Content-Disposition": disposition})


def _head(sheet: _Sheet, invoice: Invoice) -> None:
    sheet.write_in(22, style="B")
    sheet.cell(0, 10, invoice.get_kind_display(), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(2)
    facts = [(_("Number"), invoice.number), (_("Date"), issued_day(invoice))]
    if invoice.credits:
        facts.append((_("Credits invoice"), f"{invoice.credits.number}, {issued_day(invoice.credits)}"))
    if due := due_day(invoice):
        facts.append((_("Due"), due))
    facts.append((_("Order"), str(invoice.order_id)))
    for name, value in facts:
        sheet.write_in(10, MUTED)
        sheet.cell(35, 6, name)
        sheet.write_in(10)
        sheet.cell(0, 6, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(8)


def _parties(sheet: _Sheet, invoice: Invoice) -> None:
    """The seller on the left, whom it bills on the right."""
    top, ends = sheet.get_y(), []
    tax_id = _("Tax number: %(number)s") % {"number": invoice.seller_tax_id} if invoice.seller_tax_id else ""
    number = invoice.bill_to_tax_number
    tax_number = _("Tax number: %(number)s") % {"number": number} if number else ""
    for left, title, name, rest in (
        (LEFT, _("From"), invoice.seller_name, [invoice.seller_address, tax_id]),
        (MIDDLE, _("Bill to"), invoice.bill_to_name, [invoice.bill_to_address, tax_number]),
    ):
        sheet.set_xy(left, top)
        sheet.write_in(10, MUTED)
        sheet.text_block(title, 80, 6)
        sheet.write_in(10, style="B")
        sheet.text_block(name, 80)
        sheet.write_in(10)
        for text in filter(None, rest):
            sheet.text_block(text, 80)
        ends.append(sheet.get_y())
    sheet.set_xy(LEFT, max(ends) + 10)


def _lines(sheet: _Sheet, invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
    _row(sheet, (_("Description"), _("Quantity"), _("Unit price"), _("Amount")), muted=True)
    for line in lines:
        if sheet.will_page_break(20):
            sheet.add_page()
        top = sheet.get_y() + 2
        sheet.set_y(top)
        sheet.write_in(10)
        sheet.text_block(line.description, COLUMNS[0])
        sheet.write_in(9, MUTED)
        sheet.text_block(" · ".join(filter(None, (period(invoice, line), part_of_term(line)))), COLUMNS[0])
        bottom = sheet.get_y()
        sheet.set_y(top)
        amounts = (figures(line.unit_price, invoice.currency), figures(as_seen(line), invoice.currency))
        _row(sheet, ("", str(line.quantity), *amounts))
        sheet.set_y(bottom + 2)
        sheet.rule()


def _row(sheet: _Sheet, cells: Sequence[str], *, muted: bool = False) -> None:
    sheet.write_in(9 if muted else 10, MUTED if muted else INK)
    for width, text, align in zip(COLUMNS, cells, (Align.L, Align.R, Align.R, Align.R), strict=True):
        sheet.cell(width, 5, text, align=align)
    sheet.ln(6)
    if muted:
        sheet.rule()


def _totals(sheet: _Sheet, invoice: Invoice) -> None:
    if sheet.will_page_break(40):
        sheet.add_page()
    sheet.ln(3)
    total = _("Total credited") if invoice.is_credit_note else _("Total")
    parts = ((_("Total without tax"), invoice.subtotal), (tax_name(invoice), invoice.tax))
    for name, amount in parts if invoice.tax else ():
        sheet.write_in(10)
        _total(sheet, name, figures(amount, invoice.currency), 6)
    sheet.write_in(14, style="B")
    _total(sheet, total, money(invoice.total, invoice.currency), 10)
    sheet.ln(6)
    sheet.write_in(10, MUTED)
    for sentence in filter(None, (tax_note(invoice), settled(invoice))):
        sheet.text_block(sentence, 170)


def _total(sheet: _Sheet, name: str, amount: str, height: float) -> None:
    sheet.set_x(MIDDLE)
    sheet.cell(40, height, name)
    sheet.cell(RIGHT - MIDDLE - 40, height, amount, align=Align.R)
    sheet.ln(height)


def issued_day(invoice: Invoice) -> str:
    """On the tenant's own calendar, as every day that it tells: the days until it is due are counted from this one."""
    return _day(invoice.issued_at.astimezone(ZoneInfo(invoice.time_zone)))


def period(invoice: Invoice, line: InvoiceLine) -> str:
    zone = ZoneInfo(invoice.time_zone)
    return f"{_day(line.starts_at.astimezone(zone))} – {_day(line.ends_at.astimezone(zone))}"


def part_of_term(line: InvoiceLine | OrderLine) -> str:
    """How much of a term it is for, where that is not all of it: 16.25 of 31 days."""
    if line.part_seconds is None or not line.term_seconds:
        return ""
    part, term = (days(timedelta(seconds=seconds)) for seconds in (line.part_seconds, line.term_seconds))
    return _("%(part)s of %(term)s days") % {"part": part, "term": term}


def settled(invoice: Invoice) -> str:
    """How the money moves or moved, as it stood when the invoice was written; or that nothing is to move any more."""
    if invoice.refund:
        of_a_card = invoice.refund.payment_id is not None
        return (
            _("Refunded to the card that paid the invoice.")
            if of_a_card
            else _("Taken off what is to be paid for the invoice.")
        )
    if invoice.state == InvoiceState.CREDITED:
        return _("Credited in full by %(numbers)s.") % {"numbers": ", ".join(map(str, invoice.credit_notes.all()))}
    if due := due_day(invoice):
        return _("To be paid by %(day)s.") % {"day": due}
    return _("Paid by card. Nothing is left to pay.")


def due_day(invoice: Invoice) -> str:
    """Until when it is to be paid, on the tenant's own calendar; nothing where it was paid at once, or credited."""
    due_at = invoice.order.due_at
    if not due_at or invoice.is_credit_note or invoice.state == InvoiceState.CREDITED:
        return ""
    return _day(due_at.astimezone(ZoneInfo(invoice.time_zone)))


def _day(moment: datetime) -> str:
    return date_format(moment, pgettext("day of an invoice", "j F Y"))
