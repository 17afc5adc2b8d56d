"""What an operator loads: the text of a file, what is wrong with it and where, and what loading it changed."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from tenants.refusal import Refused

LARGEST = 5 * 1024 * 1024
SHOWN = 50
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong at a line (0: the whole file), and how to mend it."""

    line: int
    message: str | Promise


class FileRefused(Refused):
    """Something in the file is wrong; nothing of it was written."""

    http_status = 400

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = sorted(set(problems))
        lines = [f"{file}:{p.line}: {p.message}" if p.line else f"{file}: {p.message}" for p in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(_("… and %(count)s more problems.") % {"count": len(self.problems) - SHOWN})
        super().__init__("\n".join([*lines, _("Nothing was written.")]))


@dataclass
class Problems:
    """Collects what is wrong, so that one run names all of it."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, message: str) -> None:
        self.found.append(Problem(line, message))

    def refuse_if_any(self) -> None:
        """:raises FileRefused: at least one problem was found"""
        if self.found:
            raise FileRefused(self.file, self.found)


class Entry(Protocol):
    """Whatever stands at a line of the file."""

    @property
    def line(self) -> int: ...


def once(named: Iterable[tuple[str, Entry]], what: str, problems: Problems) -> None:
    """Tell of each name that stands at a second line. `what` is a sentence's subject with %(name)r."""
    first: dict[str, int] = {}
    for name, entry in named:
        line = first.setdefault(name, entry.line)
        if name and line != entry.line:
            told = {"what": what % {"name": name}, "line": line}
            problems.add(entry.line, _("The %(what)s stands at line %(line)s already. Remove one.") % told)


class Effect(StrEnum):
    """What loading did to one row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """One row of the file and what became of it."""

    kind: str
    name: str
    effect: Effect


def tally(changes: Sequence[Change]) -> list[dict[str, object]]:
    """For each kind how many rows were added, changed and unchanged, and which were changed."""
    kinds = dict.fromkeys(change.kind for change in changes)
    counts = Counter((change.kind, change.effect) for change in changes)
    return [
        {
            "kind": kind,
            **{effect.value: counts[kind, effect] for effect in Effect},
            "which_changed": [c.name for c in changes if c.kind == kind and c.effect is Effect.CHANGED],
        }
        for kind in kinds
    ]


def read_text(path: Path) -> str:
    """
    The text of an UTF-8 file, with or without byte order mark.

    :raises FileRefused: missing, unreadable, empty, too large, not UTF-8, or with NUL characters
    """
    try:
        if path.stat().st_size > LARGEST:
            raise _refused(path, _("The file is larger than %(mb)s MB.") % {"mb": LARGEST // 1024**2})
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path itself
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _refused(path, _("The file can't be read: %(reason)s.") % {"reason": reason}) from None
    text = text_of(raw, str(path))
    if not text.strip():
        raise _refused(path, _("The file is empty."))
    return text


def text_of(raw: bytes, file: str) -> str:
    """:raises FileRefused: not UTF-8, with or without byte order mark, or with NUL characters"""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FileRefused(file, [Problem(line, _("This is not UTF-8. Save the file in UTF-8."))]) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileRefused(file, [Problem(line, _("There is a NUL character here. Remove it."))])
    return text


def _refused(path: Path, message: str) -> FileRefused:
    return FileRefused(str(path).replace("\0", "\\0"), [Problem(0, message)])


def day(text: str) -> date | None:
    """A date written as YYYY-MM-DD and nothing else; None when it is none."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) and text.isascii() else None
    except ValueError:
        return None


def is_printable(text: str) -> bool:
    """No control characters: they have no place in names and break what shows them."""
    return text.isprintable()
