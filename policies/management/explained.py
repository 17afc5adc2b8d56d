"""A decision as the command tells it: all of it for machines, in lines of a terminal's width for people."""

import textwrap
from collections.abc import Iterator
from typing import Any

from policies.explanation import Explanation, Line

WIDTH = 100
INDENT = " " * 8


def as_told(line: Line) -> dict[str, Any]:
    source = line.source
    return {
        "rule": line.rule,
        "title": line.title,
        "passed": line.passed,
        "code": line.code,
        "detail": line.detail,
        "would_pass": line.would_pass,
        "source": {"level": source.level, "id": source.id, "set_by": source.set_by, "set_at": source.set_at},
    }


def as_lines(told: Explanation) -> str:
    """Each rule in order with its verdict; below it why, what would make it pass, and what decided."""
    return "\n".join(row for line in told.lines for row in _rows(line))


def _rows(line: Line) -> Iterator[str]:
    verdict = "passed" if line.passed else "FAILED"
    yield from _wrapped(f"{verdict}  {line.title} ({line.rule})", first="")
    if not line.passed:
        yield from _wrapped(f"{line.code}: {line.detail}")
        yield from _wrapped(f"To pass: {line.would_pass}")
    yield from _wrapped(_source(line))


def _source(line: Line) -> str:
    source = line.source
    row = f", row {source.id}" if source.id else ""
    author = f", set by {line.set_by}" if line.set_by else ""
    moment = f", {source.set_at:%Y-%m-%d %H:%M %Z}" if source.set_at else ""
    return f"From {source.level}: {line.came_from}{row}{author}{moment}"


def _wrapped(text: str, *, first: str = INDENT) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=INDENT, break_on_hyphens=False)
