"""The markets as an operator writes them: CSV into entries that know their lines."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django_countries.data import COUNTRIES

from licensing import csv_rows
from licensing.csv_rows import Row
from licensing.files import Problems, day, is_printable, once

REQUIRED = ("country", "name")
OPTIONAL = ("family", "opens_on", "closes_on")
# ISO 3166-1 alpha-2, and the user-assigned code that everybody uses for Kosovo.
CODES = frozenset(COUNTRIES) | {"XK"}


@dataclass(frozen=True, kw_only=True)
class MarketEntry:
    """A market of the file and the line it stands at. No family: every family. No date: no bound."""

    line: int
    country: str
    name: str
    family: str | None
    opens_on: date | None
    closes_on: date | None

    @property
    def key(self) -> tuple[str, str | None]:
        return self.country, self.family

    @property
    def label(self) -> str:
        return " ".join(filter(None, self.key))


def parse(text: str, problems: Problems) -> list[MarketEntry]:
    """
    The entries of a markets file. What is wrong in a row is collected in `problems`.

    :raises FileRefused: the header is not that of a markets file
    """
    rows = csv_rows.parse(text, problems, required=REQUIRED, optional=OPTIONAL)
    entries = [_entry(line, row, problems) for line, row in rows]
    if not (entries or problems.found):
        problems.add(0, _("There are no markets below the header."))
    once(((entry.label, entry) for entry in entries), _("market %(name)r"), problems)
    return entries


def _entry(line: int, row: Row, problems: Problems) -> MarketEntry:
    entry = MarketEntry(
        line=line,
        country=row["country"],
        name=row["name"],
        family=row.get("family") or None,
        opens_on=_day(line, "opens_on", row, problems),
        closes_on=_day(line, "closes_on", row, problems),
    )
    _check(entry, problems)
    return entry


def _day(line: int, column: str, row: Row, problems: Problems) -> date | None:
    text = row.get(column, "")
    value = day(text) if text else None
    if text and value is None:
        told = {"column": column, "value": text[:80]}
        problems.add(line, _("%(column)s: %(value)r is no date. Write it as 2020-01-14.") % told)
    return value


def _check(entry: MarketEntry, problems: Problems) -> None:
    if entry.country not in CODES:
        told = {"value": entry.country[:80]}
        message = _("%(value)r is no country code. Use two capital letters of ISO 3166-1, or XK.") % told
        problems.add(entry.line, message)
    if not entry.name or len(entry.name) > 200:
        problems.add(entry.line, _("The name must have 1 to 200 characters."))
    elif not is_printable(entry.name):
        problems.add(entry.line, _("The name has line breaks or control characters. Write it in one line."))
    if entry.opens_on and entry.closes_on and entry.closes_on <= entry.opens_on:
        problems.add(entry.line, _("closes_on must be later than opens_on: it is the first day that is closed again."))
