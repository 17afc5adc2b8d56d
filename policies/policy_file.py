"""The policies of tenants as an admin or operator writes them: YAML into entries that know their lines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

from licensing.files import Problems, once
from licensing.yaml_nodes import Entry, compose
from policies.models import MOST_LEAVER_GRACE, LeaverDefault

TEXTS = ("contact_email", "contact_url", "contact_message", "request_process_message", "request_process_url")
WISHES = ("tell_admins_of_failed_charges", "tell_admins_of_renewals")
LEAVERS, GRACE = "leaver_default", "leaver_grace_days"
DEFAULT, ENABLED = "default_for_new_products", "self_service_enabled"
_OF_ALL = ("default", "products", "families")
_OF_TENANTS = (DEFAULT, ENABLED, *TEXTS, *WISHES, LEAVERS, GRACE, "products", "families", "departments", "people")


@dataclass(frozen=True, kw_only=True)
class ValueEntry:
    """A value of the file and the line it stands at. What is empty, it is said for all of."""

    line: int
    value: str
    person: str = ""
    department: str = ""
    product: str = ""
    family: str = ""

    @property
    def name(self) -> str:
        named = (self.person, self.department, self.product, self.family)
        return " / ".join(part for part in named if part)


@dataclass(frozen=True, kw_only=True)
class TenantEntry:
    """A tenant of the file and the line it stands at. `settings` are those that the file names."""

    line: int
    slug: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    # At which line each of them stands.
    lines: Mapping[str, int] = field(default_factory=dict)
    values: tuple[ValueEntry, ...] = ()


def parse(text: str, problems: Problems, *, values: list[str]) -> list[TenantEntry]:
    """
    The tenants of a policy file; `values` are those that a policy may have. What is wrong is collected in `problems`.

    :raises FileRefused: no YAML at all
    """
    top = Entry.of(compose(text, problems.file), problems, known=["tenants"], what=_("The file"))
    if not top.has("tenants"):
        problems.add(top.line, _("%(key)s is missing.") % {"key": "tenants"})
    return [_tenant(slug, entry, values) for slug, entry in _below(top, "tenants", known=_OF_TENANTS)]


def _tenant(slug: str, entry: Entry, values: list[str]) -> TenantEntry:
    settings: dict[str, Any] = {name: _words(entry, name) for name in TEXTS if name in entry.nodes}
    if entry.has(ENABLED):
        settings[ENABLED] = entry.boolean(ENABLED, default=True)
    settings |= {name: entry.boolean(name, default=False) for name in WISHES if entry.has(name)}
    if entry.has(DEFAULT):
        settings[DEFAULT] = entry.choice(DEFAULT, values)
    if entry.has(LEAVERS):
        settings[LEAVERS] = entry.choice(LEAVERS, LeaverDefault.values)
    if entry.has(GRACE):
        settings[GRACE] = entry.integer(GRACE, smallest=0, largest=MOST_LEAVER_GRACE)
    said = [*_values(entry, values)]
    for name, of in _below(entry, "departments", known=_OF_ALL):
        said += _values(of, values, department=name)
    for email, of in _below(entry, "people", known=_OF_ALL):
        said += _values(of, values, person=email.strip().lower())
    once(((value.name, value) for value in said), _("value of %(name)r"), entry.problems)
    lines = {name: entry.line_of(name) for name in settings}
    return TenantEntry(line=entry.line, slug=slug, settings=settings, lines=lines, values=tuple(said))


def _values(entry: Entry, values: list[str], **people: str) -> Iterator[ValueEntry]:
    if people and entry.has("default"):
        yield ValueEntry(line=entry.line_of("default"), value=entry.choice("default", values), **people)
    for key, column in (("products", "product"), ("families", "family")):
        names = entry.mapping(key, known=_names(entry, key))
        for name in names.nodes:
            named = {**people, column: name}
            yield ValueEntry(line=names.line_of(name), value=names.choice(name, values), **named)


def _below(entry: Entry, key: str, *, known: tuple[str, ...]) -> Iterator[tuple[str, Entry]]:
    """The mappings below a key, by their names."""
    names = entry.mapping(key, known=_names(entry, key))
    for name in names.nodes:
        yield name, names.mapping(name, known=known)


def _names(entry: Entry, key: str) -> list[str]:
    """Every name that stands below a key: the file may name what it likes there, but each once."""
    node = entry.nodes.get(key)
    if not isinstance(node, yaml.MappingNode):
        return []
    return [name.value for name, _value in node.value if isinstance(name, yaml.ScalarNode)]


def _words(entry: Entry, key: str) -> str:
    """Text of any number of lines; empty takes it away."""
    node = entry.nodes[key]
    if isinstance(node, yaml.ScalarNode):
        return node.value.strip() if entry.has(key) else ""
    entry.wrong(key, _("must be a single value."))
    return ""
