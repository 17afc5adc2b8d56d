import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder

from commerce.operations.procurement import exports, found
from commerce.operations.procurement.columns import COLUMNS
from commerce.operations.procurement.exports import Export
from tenants.access import SYSTEM
from tenants.management.operator_command import OperatorCommand, Stop, WrongUsage, tenant_called
from tenants.spreadsheets import CSV, XLSX, as_csv, as_xlsx

JSON = "json"
PIECE = 64 * 1024


class Command(OperatorCommand):
    help = "Writes the purchases of a tenant as a file, with all that the procurement view shows of each."
    takes_at = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("tenant", help="its slug")
        parser.add_argument("--format", choices=[CSV, XLSX, JSON], default=CSV)
        parser.add_argument("--output", type=Path, metavar="FILE", help="a new file; default: standard output")
        parser.add_argument(
            "--filter",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"only what it finds, may be repeated; names: {', '.join(sorted({*found.FILTERS} - {found.TENANT}))}",
        )
        parser.add_argument(
            "--columns",
            metavar="NAME,NAME",
            help=f"only these, in this order; default: all. Names, as JSON has them: {', '.join(COLUMNS)}",
        )

    def perform(
        self, *, at: datetime, tenant: str, filter: list[str], columns: str | None, output: Path | None, **options: Any
    ) -> None:
        whose = tenant_called(tenant)
        format = JSON if options["json"] else options["format"]
        chosen = [] if columns is None else [name.strip() for name in columns.split(",")]
        export = exports.begin(query=_query(filter), chosen=chosen, format=format, by=SYSTEM, at=at, tenant=whose)
        pieces = _pieces(export, format, whose.zone)
        if output is None:
            _write(pieces, sys.stdout.buffer)
            return
        try:
            with output.open("xb") as file:
                _write(pieces, file)
        except OSError as error:
            raise Stop(f"{output} cannot be written: {error.strerror}.") from error


def _query(filters: list[str]) -> dict[str, str]:
    wrong = next((text for text in filters if "=" not in text), None)
    if wrong is not None:
        raise WrongUsage(f"--filter {wrong}: write NAME=VALUE, such as state=active.")
    named = [text.split("=", 1) for text in filters]
    twice = [name for name, count in Counter(name for name, _value in named).items() if count > 1]
    if twice:
        raise WrongUsage(f"--filter {twice[0]}: stands more than once; name one value.")
    return dict(named)


def _pieces(export: Export, format: str, zone: Any) -> Iterator[bytes]:
    if format == CSV:
        yield from as_csv(export.heads, export.rows, zone=zone)
    elif format == XLSX:
        with as_xlsx(export.heads, export.rows, zone=zone) as file:
            while piece := file.read(PIECE):
                yield piece
    else:
        yield from _as_json(export)


def _as_json(export: Export) -> Iterator[bytes]:
    """One array, a line for each purchase."""
    before = "[\n"
    for row in export.rows:
        cells = {name: _plain(cell) for name, cell in zip(export.names, row, strict=True)}
        yield f"{before}{json.dumps(cells, cls=DjangoJSONEncoder, ensure_ascii=False)}".encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _plain(cell: object) -> object:
    return str(cell) if isinstance(cell, Decimal) else cell


def _write(pieces: Iterator[bytes], to: IO[bytes]) -> None:
    for piece in pieces:
        to.write(piece)
    to.flush()
