"""Every field of every body, query and form; for those that could name a row of somebody else, what the walk sends."""

from collections.abc import Iterator
from typing import Any

from django.forms import BaseForm

from tenants.api.reading import Input
from tests.outsiders.fields import commerce_api, commerce_pages, licensing, policies, tenants
from tests.outsiders.fields.body import Body

OURS = ("tenants", "licensing", "policies", "commerce", "config")


def every_field() -> dict[str, set[str]]:
    """The names of the fields of each body, query and form class of the site."""
    found = {}
    for shape in _below(Input):
        if shape.__module__.startswith(OURS):
            found[shape.__name__] = set(shape().fields)
    for form in _below(BaseForm):
        if form.__module__.startswith(OURS):
            found[form.__name__] = set(form.base_fields)
    return found


def _below(kind: type) -> Iterator[Any]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _below(sub)


APPS = (tenants, licensing, policies, commerce_api, commerce_pages)

# A new field fails the walk until it stands with its app; one that could name a row of somebody else needs a line in
# BODIES there.
KNOWN_FIELDS: dict[str, set[str]] = {name: fields for app in APPS for name, fields in app.KNOWN_FIELDS.items()}
assert len(KNOWN_FIELDS) == sum(len(app.KNOWN_FIELDS) for app in APPS), "a form or body stands in two tables"

BODIES: list[Body] = [body for app in APPS for body in app.BODIES]
