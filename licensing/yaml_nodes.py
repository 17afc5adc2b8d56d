"""Reads YAML that an operator wrote as a tree that remembers its lines, and asks it for values of a known shape."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import yaml
from django.utils.translation import gettext as _

from licensing.files import FileRefused, Problem, Problems, day, is_printable
from tenants.text import is_clean

DEEPEST = 20
_INTEGER = re.compile(r"0|[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_TEXT, _BOOL, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"


def compose(text: str, file: str) -> yaml.Node:
    """
    The tree of one YAML document.

    :raises FileRefused: no YAML, more than one document, nested too deeply, or with aliases (which let a small file
        become a huge one)
    """
    try:
        _refuse_tricks(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refused(file, mark.line + 1 if mark else 0, error.problem or str(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused(file, line, _("There is a character here that YAML does not allow. Remove it.")) from None
    except (ValueError, OverflowError):  # an escape such as "\\UFFFFFFFF" that names no character
        raise _refused(file, 0, _("An escape in double quotes names no character.")) from None
    if node is None:
        raise FileRefused(file, [Problem(0, _("The file is empty."))])
    return node


def _refused(file: str, line: int, reason: str) -> FileRefused:
    return FileRefused(file, [Problem(line, _("This is not valid YAML: %(reason)s") % {"reason": reason})])


def _refuse_tricks(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise FileRefused(file, [Problem(line, _("Aliases (*name) are not supported. Write the value out."))])
        if isinstance(event, yaml.ScalarEvent) and not is_clean(event.value):
            raise FileRefused(file, [Problem(line, _("This has control characters. Leave them out."))])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise FileRefused(file, [Problem(line, _("This is nested too deeply."))])


@dataclass
class Entry:
    """A mapping of the file. Each question names what is wrong and answers with an empty value then."""

    line: int
    nodes: dict[str, yaml.Node]
    problems: Problems

    @classmethod
    def of(cls, node: yaml.Node, problems: Problems, *, known: Iterable[str], what: str) -> "Entry":
        """Takes any node: what is no mapping, or has unknown or doubled keys, is told."""
        line = node.start_mark.line + 1
        entry = cls(line, {}, problems)
        if not isinstance(node, yaml.MappingNode):
            problems.add(line, _("%(what)s must be a mapping of keys and values.") % {"what": what})
            return entry
        known = list(known)
        for key, value in node.value:
            entry._take(key, value, known)
        return entry

    def _take(self, key: yaml.Node, value: yaml.Node, known: list[str]) -> None:
        line = key.start_mark.line + 1
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        if name not in known:
            names = {"name": name[:80], "known": ", ".join(known)}
            self.problems.add(line, _("The key %(name)r is unknown. Known here: %(known)s.") % names)
        elif name in self.nodes:
            self.problems.add(line, _("The key %(name)r stands here twice. Remove one.") % {"name": name})
        else:
            self.nodes[name] = value

    def line_of(self, key: str) -> int:
        return self.nodes[key].start_mark.line + 1 if key in self.nodes else self.line

    def has(self, key: str) -> bool:
        """Whether the key stands there with a value."""
        return key in self.nodes and self.nodes[key].tag != _NULL

    def wrong(self, key: str, message: str) -> None:
        self.problems.add(self.line_of(key), f"{key}: {message}")

    def _scalar(self, key: str, *, required: bool) -> yaml.ScalarNode | None:
        if not self.has(key):
            if required:
                self.problems.add(self.line_of(key), _("%(key)s is missing.") % {"key": key})
            return None
        node = self.nodes[key]
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(key, _("must be a single value."))
            return None
        return node

    def text(self, key: str, *, longest: int, required: bool = True, like: str = "", hint: str = "") -> str:
        """Printable text; `like` is the expression that it must match as a whole, `hint` says it in words."""
        node = self._scalar(key, required=required)
        if node is None:
            return ""
        value = node.value.strip()
        if node.tag != _TEXT:
            self.wrong(key, _("%(value)r is not text for YAML. Put it in quotes.") % {"value": value[:80]})
        elif not value:
            self.wrong(key, _("must not be empty."))
        elif len(value) > longest:
            self.wrong(key, _("is longer than %(longest)s characters.") % {"longest": longest})
        elif not is_printable(value):
            self.wrong(key, _("has line breaks or control characters. Write it in one line."))
        elif like and not re.fullmatch(like, value):
            self.wrong(key, _("%(value)r is wrong: %(hint)s.") % {"value": value[:80], "hint": hint})
        else:
            return value
        return ""

    def choice(self, key: str, choices: Iterable[str]) -> str:
        choices = list(choices)
        hint = _("use one of %(choices)s") % {"choices": ", ".join(choices)}
        return self.text(key, longest=80, like="|".join(map(re.escape, choices)), hint=hint)

    def boolean(self, key: str, *, default: bool) -> bool:
        node = self._scalar(key, required=False)
        if node is None:
            return default
        value = _BOOLEANS.get(node.value.lower()) if node.tag == _BOOL else None
        if value is None:
            self.wrong(key, _("must be true or false, without quotes."))
        return default if value is None else value

    def integer(self, key: str, *, smallest: int, largest: int, default: int | None = None) -> int | None:
        """A whole number in a range; None when it is absent without default, or wrong."""
        node = self._scalar(key, required=default is None)
        if node is None:
            return default
        if not _INTEGER.fullmatch(node.value) or not smallest <= int(node.value) <= largest:
            hint = {"smallest": smallest, "largest": largest}
            self.wrong(key, _("must be a whole number from %(smallest)s to %(largest)s.") % hint)
            return default
        return int(node.value)

    def decimal(self, key: str) -> Decimal | None:
        """A number as its digits stand there, in quotes or not: no float ever comes between."""
        node = self._scalar(key, required=True)
        if node is None:
            return None
        if not _DECIMAL.fullmatch(node.value):
            self.wrong(key, _('%(value)r is no amount. Write it as "9.99".') % {"value": node.value[:80]})
            return None
        return Decimal(node.value)

    def day(self, key: str, *, default: date) -> date:
        node = self._scalar(key, required=False)
        if node is None:
            return default
        value = day(node.value)
        if value is None:
            self.wrong(key, _("%(value)r is no date. Write it as 2020-01-14.") % {"value": node.value[:80]})
        return value or default

    def mapping(self, key: str, *, known: Iterable[str]) -> "Entry":
        """The mapping below a key; one without keys where there is none."""
        if not self.has(key):
            return Entry(self.line_of(key), {}, self.problems)
        return Entry.of(self.nodes[key], self.problems, known=known, what=key)

    def entries(self, key: str, *, known: Iterable[str], what: str, required: bool = True) -> "Iterator[Entry]":
        """The mappings of the list below a key."""
        if not self.has(key):
            if required:
                self.problems.add(self.line_of(key), _("%(key)s is missing.") % {"key": key})
            return
        node = self.nodes[key]
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(key, _("must be a list: each item begins with “- ”."))
            return
        known = list(known)
        for item in node.value:
            yield Entry.of(item, self.problems, known=known, what=what)
