"""
Rows as files that spreadsheets open: CSV as it is made, XLSX through a temporary file. What begins like a formula
begins with an apostrophe instead: opened in a spreadsheet, text that somebody typed computes and fetches nothing.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

import xlsxwriter

Cell = str | int | Decimal | datetime | None

CSV, XLSX = "csv", "xlsx"
MEDIA_TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Spreadsheets guess another encoding without it.
BYTE_ORDER_MARK = "\ufeff"
# What a sheet holds at most, below its heads; the next rows stand in another.
MOST_IN_A_SHEET = 1_000_000
SENT_AT_ONCE = 64 * 1024


def harmless(cell: Cell) -> Cell:
    """Text that no spreadsheet takes for a formula; whatever is no text stays as it is."""
    if isinstance(cell, str) and cell.startswith(BEGINS_A_FORMULA):
        return f"'{cell}"
    return cell


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, zone: ZoneInfo) -> Iterator[bytes]:
    """In UTF-8 with lines by RFC 4180; moments in ISO 8601 with the offset of `zone`, amounts as plain numbers."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    lines.write(BYTE_ORDER_MARK)
    writer.writerow(heads)
    for row in rows:
        writer.writerow([_in_csv(cell, zone) for cell in row])
        if lines.tell() > SENT_AT_ONCE:
            yield _taken(lines)
    yield _taken(lines)


def as_xlsx(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, zone: ZoneInfo) -> IO[bytes]:
    """
    A workbook, ready to be read. Of its rows one is in memory at a time. Moments are those of `zone`: a spreadsheet
    knows none.
    """
    file = TemporaryFile()  # noqa: SIM115 (whoever reads it closes it)
    book = xlsxwriter.Workbook(
        file,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True},
    )
    moment, bold = book.add_format({"num_format": "yyyy-mm-dd hh:mm"}), book.add_format({"bold": True})
    sheet, line = None, 0
    for row in _or_nothing(rows):
        if sheet is None or line > MOST_IN_A_SHEET:
            sheet, line = book.add_worksheet(), 1
            sheet.freeze_panes(1, 0)
            sheet.write_row(0, 0, heads, bold)
        for column, cell in enumerate(row):
            if isinstance(cell, datetime):
                sheet.write_datetime(line, column, cell.astimezone(zone), moment)
            elif isinstance(cell, str):
                sheet.write_string(line, column, str(harmless(cell)))
            else:
                sheet.write(line, column, cell)
        line += 1
    book.close()
    file.seek(0)
    return file


def _or_nothing(rows: Iterable[Sequence[Cell]]) -> Iterator[Sequence[Cell]]:
    """A file of no rows has its heads all the same."""
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        yield ()


def _in_csv(cell: Cell, zone: ZoneInfo) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat(timespec="seconds")
    return "" if cell is None else harmless(cell)


def _taken(lines: io.StringIO) -> bytes:
    text = lines.getvalue()
    lines.seek(0)
    lines.truncate()
    return text.encode()
