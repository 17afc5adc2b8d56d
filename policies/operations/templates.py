"""One template of policies for an organisation that lets a partner's person change them: as a file has it below one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from textwrap import indent

from django.utils.translation import gettext as _

from licensing.files import FileRefused
from policies.operations import policy_files
from policies.operations.policy_files import TenantPlan
from tenants.access import Actor


def plan(*, template: str, by: Actor, at: datetime) -> TenantPlan:
    """
    What it would change where the person acts; writes nothing.

    :raises FileRefused: something in it is wrong there
    :raises NotAllowed: without the right to change policies there
    """
    with _own_lines():
        [made] = policy_files.plan(text=_as_file(template, by), name=_name(), by=by, at=at)
    return made


def apply(*, template: str, reason: str, shown: str, by: Actor, at: datetime) -> TenantPlan:
    """
    Make it hold where the person acts, all of it or nothing. `shown`: the mark of what they read that it changes.

    :raises ChangedMeanwhile: it would change something else by now
    :raises FileRefused: something in it is wrong there
    :raises NotAllowed: without the right to change policies there
    :raises BadInput: a reason that cannot be kept
    """
    text = _as_file(template, by)
    with _own_lines():
        [made] = policy_files.apply(text=text, name=_name(), reason=reason, shown=shown, by=by, at=at)
    return made


def mark_of(made: TenantPlan) -> str:
    return policy_files.mark_of([made])


def _as_file(template: str, by: Actor) -> str:
    """Indented, no line of it can leave its place."""
    return f"tenants:\n  {by.organisation.slug}:\n{indent(template, '    ')}\n"


@contextmanager
def _own_lines() -> Iterator[None]:
    """What is wrong is told by the lines of the template: the file has two above them."""
    try:
        yield
    except FileRefused as refused:
        problems = [replace(each, line=max(each.line - 2, 0)) for each in refused.problems]
        raise FileRefused(refused.file, problems) from refused


def _name() -> str:
    return _("the template")
