"""The tax rates as an operator writes them: CSV into entries that know their lines."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from licensing import csv_rows
from licensing.csv_rows import Row
from licensing.files import Problems, day, is_printable, once
from policies.markets_file import CODES

REQUIRED = ("country", "name", "rate", "inclusive", "reverse_charge", "valid_from")
LONGEST_NAME = 40
_RATE = re.compile(r"0(\.[0-9]{1,4})?")


@dataclass(frozen=True, kw_only=True)
class TaxRateEntry:
    """A version of a country's tax and the line it stands at. `rate` 0.19 is 19 %."""

    line: int
    country: str
    name: str
    rate: Decimal
    inclusive: bool
    reverse_charge: bool
    valid_from: date

    @property
    def key(self) -> tuple[str, date]:
        return self.country, self.valid_from

    @property
    def label(self) -> str:
        return f"{self.country} {self.valid_from}"


def parse(text: str, problems: Problems) -> list[TaxRateEntry]:
    """
    The entries of a file of tax rates. What is wrong in a row is collected in `problems`.

    :raises FileRefused: the header is not that of such a file
    """
    entries = [_entry(line, row, problems) for line, row in csv_rows.parse(text, problems, required=REQUIRED)]
    if not (entries or problems.found):
        problems.add(0, _("There are no tax rates below the header."))
    found = [entry for entry in entries if entry is not None]
    once(((entry.label, entry) for entry in found), _("tax rate %(name)r"), problems)
    return found


def _entry(line: int, row: Row, problems: Problems) -> TaxRateEntry | None:
    _check_names(line, row, problems)
    rate = _rate(line, row["rate"], problems)
    inclusive = _yes(line, "inclusive", row, problems)
    reverse_charge = _yes(line, "reverse_charge", row, problems)
    valid_from = day(row["valid_from"])
    if valid_from is None:
        told = {"value": row["valid_from"][:80]}
        problems.add(line, _("valid_from: %(value)r is no date. Write it as 2020-01-14.") % told)
    if rate is None or inclusive is None or reverse_charge is None or valid_from is None:
        return None
    return TaxRateEntry(
        line=line,
        country=row["country"],
        name=row["name"],
        rate=rate,
        inclusive=inclusive,
        reverse_charge=reverse_charge,
        valid_from=valid_from,
    )


def _check_names(line: int, row: Row, problems: Problems) -> None:
    if row["country"] not in CODES:
        message = _("%(value)r is no country code. Use two capital letters of ISO 3166-1, or XK.")
        problems.add(line, message % {"value": row["country"][:80]})
    if not 1 <= len(row["name"]) <= LONGEST_NAME:
        problems.add(line, _("The name must have 1 to %(most)s characters, such as VAT.") % {"most": LONGEST_NAME})
    elif not is_printable(row["name"]):
        problems.add(line, _("The name has line breaks or control characters. Write it in one line."))


def _rate(line: int, text: str, problems: Problems) -> Decimal | None:
    if _RATE.fullmatch(text):
        return Decimal(text)
    message = _("rate: %(value)r is no rate. Write 19 percent as 0.19, with up to four digits behind the point.")
    problems.add(line, message % {"value": text[:80]})
    return None


def _yes(line: int, column: str, row: Row, problems: Problems) -> bool | None:
    answer = {"yes": True, "no": False}.get(row[column])
    if answer is None:
        told = {"column": column, "value": row[column][:80]}
        problems.add(line, _("%(column)s: %(value)r is neither yes nor no.") % told)
    return answer
