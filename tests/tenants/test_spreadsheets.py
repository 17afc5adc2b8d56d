"""Rows as files that spreadsheets open: what people typed computes nothing, and moments are those of the place."""

import csv
import io
import zipfile
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tenants import spreadsheets
from tenants.spreadsheets import as_csv, as_xlsx
from tests.commerce.test_exports import SHEET, cells, parsed

KIRITIMATI = ZoneInfo("Pacific/Kiritimati")
LATE = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)


def csv_of(*rows, zone=UTC):
    text = b"".join(as_csv(["Head"], rows, zone=zone)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def workbook_of(*rows, zone=UTC):
    with as_xlsx(["Head"], rows, zone=zone) as file:
        return file.read()


@pytest.mark.parametrize("typed", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_what_begins_like_a_formula_begins_otherwise_in_a_file(typed):
    assert csv_of([typed]) == [[f"'{typed}"]]
    [_heads, [cell]] = cells(workbook_of([typed]))
    assert cell.startswith("'")


@pytest.mark.parametrize("typed", ["a=1", "1-1", "ana@contoso.example", " =1", ""])
def test_any_other_text_is_as_it_was_typed(typed):
    assert csv_of([typed, "."]) == [[typed, "."]]


def test_a_negative_number_is_no_formula():
    assert csv_of([-1]) == [["-1"]]
    assert cells(workbook_of([-1]))[1] == ["-1"]


def test_moments_are_those_of_the_place():
    assert csv_of([LATE], zone=KIRITIMATI) == [["2026-04-01T12:30:00+14:00"]]
    [_heads, [cell]] = cells(workbook_of([LATE], zone=KIRITIMATI))
    there = datetime(2026, 4, 1, 12, 30) - datetime(1899, 12, 30)
    assert float(cell) == pytest.approx(there.total_seconds() / 86400)


def test_what_one_sheet_does_not_hold_stands_in_the_next_below_its_own_heads(monkeypatch):
    monkeypatch.setattr(spreadsheets, "MOST_IN_A_SHEET", 2)
    with zipfile.ZipFile(io.BytesIO(workbook_of([1], [2], [3], [4], [5]))) as book:
        sheets = [parsed(book, f"xl/worksheets/sheet{number}.xml") for number in (1, 2, 3, 4)]
    *full, none = sheets
    assert [rows_in(sheet) for sheet in full] == [["1", "2"], ["3", "4"], ["5"]]
    assert none == ()


def rows_in(sheet):
    """The numbers of a sheet, below its heads."""
    return [row.find(f"{SHEET}c/{SHEET}v").text for row in list(sheet.iter(f"{SHEET}row"))[1:]]
