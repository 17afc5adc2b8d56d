"""What is done to many organisations at once, see `tenants.runs.deeds`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from policies.operations import templates
from tenants.access import Actor, actor_in
from tenants.refusal import Refused
from tenants.runs.deeds import deed

APPLY_TEMPLATE = "policies.apply_template"


class DelegationIsOver(Refused):
    message = _("The delegation is over: nothing was changed here.")


@deed(APPLY_TEMPLATE, title=_("Set policies of customers"), right=None)
def apply_template(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    """In one customer, by what it lets the person do at this very moment and by its own clock."""
    there = actor_in(by.user, UUID(subject)) if by.user is not None else None
    if there is None or not there.is_delegate:
        raise DelegationIsOver
    made = templates.apply(
        template=given["template"], reason=given["reason"], shown=given["shown"][subject], by=there, at=there.now()
    )
    count = len(made.differences)
    return ngettext("%(count)s change", "%(count)s changes", count) % {"count": count}
