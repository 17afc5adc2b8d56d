"""
What every command of the operator has in common: `--json` or a table, exit codes 0, 1 and 2, `--at` and `--dry-run`.

    class Command(OperatorCommand):
        help = "Ends what has run its time."
        takes_at = True
        changes_many = True                       # adds --dry-run

        def arguments(self, parser):              # what argparse refuses here exits 2
            parser.add_argument("tenant")

        def perform(self, *, at, tenant, dry_run, **options):
            tenant = tenant_called(tenant)        # exits 1 when unknown
            return [{"subscription": s.pk, "state": s.state} for s in …]

`perform` returns rows (a table), one mapping (lines of name and value), a string (printed as it is) or None.
A `Refused` or `Stop` exits 1 with its reason on stderr, a `BadInput` or `WrongUsage` exits 2: what was typed can never
be right as it stands. What names something that is not there exits 1, as an unknown tenant does.
`self.failed = True` exits 1 after printing what was found.
A command with subcommands calls `shared_arguments(subparser)` for each, so that `--json` may stand at the end.
"""

import argparse
import json
import logging
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from tenants.directory.models import Tenant
from tenants.refusal import BadInput, Refused
from tenants.text import is_clean

Row = Mapping[str, object]
Output = Row | Sequence[Row] | str | None


class Stop(CommandError):
    """The thing asked for cannot be done; the sentence goes to stderr and the command exits 1."""


class WrongUsage(CommandError):
    """The arguments contradict each other in a way that argparse cannot see; exits 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


class OperatorCommand(BaseCommand, ABC):
    requires_system_checks = []
    takes_at = False
    changes_many = False
    failed = False

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """The command's own arguments."""

    @abstractmethod
    def perform(self, *args: Any, **options: Any) -> Output:
        """What the command does; what it returns is printed."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        self._add_shared(parser, json=False, at=None, dry_run=False)
        self.arguments(parser)

    def shared_arguments(self, parser: argparse.ArgumentParser) -> None:
        """For the parser of a subcommand: it must not overwrite with defaults what stood before its name."""
        self._add_shared(parser, json=argparse.SUPPRESS, at=argparse.SUPPRESS, dry_run=argparse.SUPPRESS)

    def _add_shared(self, parser: argparse.ArgumentParser, *, json: Any, at: Any, dry_run: Any) -> None:
        parser.add_argument("--json", action="store_true", default=json, help="print JSON instead of a table")
        if self.takes_at:
            parser.add_argument("--at", type=moment, default=at, metavar="ISO-TIME", help="the moment; default: now")
        if self.changes_many:
            parser.add_argument("--dry-run", action="store_true", default=dry_run, help="only tell what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = [name for name, value in options.items() if isinstance(value, str) and not is_clean(value)]
        if unreadable:
            raise WrongUsage(f"not readable as text: {', '.join(unreadable)}")
        options["at"] = options.get("at") or timezone.now()
        # Jobs that a command does itself are told by its output, not by a line each on the terminal.
        logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
        output = self.perform(**options)
        if output is not None:
            self.stdout.write(as_json(output) if options["json"] else as_text(output))
        if self.failed:
            raise CommandFailed

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except BrokenPipeError:
            # Else the interpreter says so once more, when it flushes what nobody reads.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return self._end("Nobody reads what is printed.", 1)
        except CommandFailed as failed:
            return self._end("", failed.returncode)
        except BadInput as bad:
            return self._end(f"{bad.field}: {bad}" if bad.field else str(bad), 1 if bad.names_nothing else 2)
        except Refused as refused:
            return self._end(str(refused), 1)
        except CommandError as error:
            return self._end(str(error), error.returncode)

    def _end(self, reason: str, code: int) -> str | None:
        if not getattr(self, "_called_from_command_line", False):
            raise CommandError(reason, returncode=code)
        if reason:
            self.stderr.write(reason)
        sys.exit(code)

    def progress(self, done: int, total: int) -> None:
        """On a terminal only, so that what a script reads stays clean."""
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} / {total}", ending="\n" if done >= total else "")

    def sum_up(self, totals: Mapping[str, int]) -> None:
        """What became of how many, below many rows; on a terminal only, as above."""
        if self.stderr.isatty():
            self.stderr.write(", ".join(f"{name}: {count}" for name, count in totals.items()) or "nothing to do")


class CommandFailed(CommandError):
    """All was printed already; only the exit code says that something is wrong."""


def moment(text: str) -> datetime:
    """An ISO time; one without offset is UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO time, such as 2026-03-31T09:00:00+02:00") from None
    if not 2000 <= parsed.year < 3000:  # at the ends of the calendar no zone and no term could be computed
        raise argparse.ArgumentTypeError(f"{text!r} is not between the years 2000 and 2999")
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def tenant_called(slug: str) -> Tenant:
    """:raises Stop: no tenant has that slug"""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Stop(f"There is no tenant {slug!r}.")
    return tenant


def as_json(output: Output) -> str:
    return json.dumps(output, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)


def as_text(output: Row | Sequence[Row] | str) -> str:
    if isinstance(output, str):
        return output
    if isinstance(output, Mapping):
        width = max((len(str(name)) for name in output), default=0)
        return "\n".join(f"{name:<{width}}  {cell(value)}".rstrip() for name, value in output.items())
    return table(output) if output else "Nothing."


def table(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [[str(name) for name in names], *([cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(f"{text:<{w}}" for text, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(cell(part) for part in value)
    return str(value).replace("\n", " ")
