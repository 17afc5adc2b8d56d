"""Tables as an operator writes them: CSV into rows that know their lines."""

import csv
import io
from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from licensing.files import FileRefused, Problem, Problems

Row = dict[str, str]


def parse(
    text: str, problems: Problems, *, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, Row]]:
    """
    Line and cells of each row below the header, without the blanks around them; columns may come in any order. What
    is wrong in a row is collected in `problems`, and the row left out.

    :raises FileRefused: the header is not that of such a file
    """
    rows = _cells(text, problems)
    _line, header = next(rows, (1, []))
    columns = [name.strip() for name in header]
    _check_header(columns, problems.file, required, optional)
    for line, cells in rows:
        if len(cells) != len(columns):
            told = {"cells": len(cells), "columns": len(columns)}
            problems.add(line, _("%(cells)s values stand under %(columns)s columns. Quote values with commas.") % told)
        else:
            yield line, {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}


def _cells(text: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        problems.add(line, _("This is not valid CSV: %(reason)s.") % {"reason": error})


def _check_header(columns: Sequence[str], file: str, required: Sequence[str], optional: Sequence[str]) -> None:
    wrong = [_("The column %(name)r is missing.") % {"name": name} for name in required if name not in columns]
    for name in dict.fromkeys(columns):
        if name not in (*required, *optional):
            wrong.append(_("The column %(name)r is unknown.") % {"name": name[:80]})
        elif columns.count(name) > 1:
            wrong.append(_("The column %(name)r stands there twice.") % {"name": name})
    if wrong:
        told = {"columns": ",".join(required) + "".join(f"[,{name}]" for name in optional)}
        hint = _("The first line must name the columns, with commas between: %(columns)s.") % told
        raise FileRefused(file, [Problem(1, f"{' '.join(wrong)} {hint}")])
