"""The types that somebody may choose to hear of: all that the code writes, and none of the operator's own."""

import ast
from pathlib import Path

from config.environment import BASE_DIR
from tenants.journal.types import SERVICE, TYPES

APPS = ("tenants", "licensing", "policies", "commerce")
OF_SERVICE = set(SERVICE.split())


def written() -> set[str]:
    """What stands as the first argument of a call that records something; not those whose ends are made up."""
    found = set()
    for path in (path for app in APPS for path in Path(BASE_DIR, app).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and "record" in called(node.func) and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and "." in str(first.value):
                    found.add(first.value)
    return found


def called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_type_that_is_written_can_be_chosen():
    found = written()
    assert len(found) > 90
    assert found <= TYPES | OF_SERVICE, "name the new type of event in tenants/journal/types.py"


def test_what_is_the_services_own_cannot():
    assert not TYPES & OF_SERVICE
