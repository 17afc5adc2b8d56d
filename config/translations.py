"""Finds words in templates that no translator would ever see."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from config.environment import BASE_DIR

# What is not said to a person, or is marked: in this order.
SILENT = re.compile(
    r"{#.*?#}"
    r"|{% *comment.*?{% *endcomment *%}"
    r"|{% *blocktrans(?:late)?\b.*?{% *endblocktrans(?:late)? *%}"
    r"|{{.*?}}"
    r"|<!--.*?-->"
    r"|<(script|style)\b.*?</\1>"
    r"|\bmaterial-symbols-outlined\"[^>]*>\w+"  # an icon's name, drawn and not read
    r"|{% *block bodyclass *%}.*?{% *endblock *%}"
    r"|{%.*?%}",
    re.DOTALL,
)
TAG = re.compile(r"<[^>]*>", re.DOTALL)
SPOKEN_ATTRIBUTE = re.compile(r"""\b(?:alt|aria-label|placeholder|title)=(["'])(.*?)\1""", re.DOTALL)
WORD = re.compile(r"[^\W\d_]{2,}")
ENTITY = re.compile(r"&#?\w+;")
NAMES = {"Seatwise"}


def unmarked(source: str) -> Iterator[tuple[int, str]]:
    """Line and word of everything said without `translate`."""
    source = SILENT.sub(blank, source)
    attributes = [(found.start(2), found.group(2)) for found in SPOKEN_ATTRIBUTE.finditer(source)]
    for start, text in [(0, ENTITY.sub(blank, TAG.sub(blank, source))), *attributes]:
        for word in WORD.finditer(text):
            if word.group() not in NAMES:
                yield source.count("\n", 0, start + word.start()) + 1, word.group()


def blank(found: re.Match[str]) -> str:
    """As long as what it stands for, with its line breaks: so that lines can be counted."""
    return re.sub(r"[^\n]", " ", found.group())


def main() -> int:
    found = [
        f"{path.relative_to(BASE_DIR)}:{line}: {word!r} is not marked for translation"
        for path in sorted(Path(BASE_DIR / "templates").rglob("*.*"))
        if path.suffix in {".html", ".txt"}
        for line, word in unmarked(path.read_text())
    ]
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
