"""How a policy is shown, wherever one is."""

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.models import Policy, PolicyValue
from policies.operations.scopes import Scope
from tenants.access import Actor
from tenants.dates import listed_minute
from tenants.directory.models import Tenant
from tenants.journal.models import EventQuerySet
from tenants.procurement import BY_COMMAND, badge

HISTORY = 20

_VALUE_KIND = {
    PolicyValue.ENABLED: "green",
    PolicyValue.APPROVAL: "amber",
    PolicyValue.TRIALS_ONLY: "amber",
    PolicyValue.DISABLED: "red",
}
LEVELS: dict[str, str | Promise] = {
    "product": gettext_lazy("Set for this product"),
    "family": gettext_lazy("Set for its family"),
    "tenant": gettext_lazy("Set for all products"),
    "system": gettext_lazy("Nobody has set it"),
}


def value_badge(value: str) -> str:
    return badge(PolicyValue(value).label, _VALUE_KIND[PolicyValue(value)])


def applies_to(said: Policy | Scope) -> str:
    """What a value is for, and for whom where it is not for everybody."""
    what = str(said.product or said.family or _("all products"))
    who = said.member or said.department
    return f"{what} · {who}" if who else what


def tenant_of(actor: Actor) -> Tenant:
    return actor.organisation


def changes_of(events: EventQuerySet) -> list[dict[str, str]]:
    """The latest changes of policies among events, newest first."""
    changes = events.filter(type="policy.changed").select_related("actor").order_by("-at", "-pk")[:HISTORY]
    return [
        {
            "when": listed_minute(event.at),
            "who": str(event.actor or BY_COMMAND),
            "old": _told(event.data["old"]),
            "new": _told(event.data["new"]),
            "time": " – ".join(_moment(event.data.get(name)) for name in ("valid_from", "valid_to")).strip(" –"),
            "reason": event.data.get("reason", ""),
        }
        for event in changes
    ]


def _told(value: str | None) -> str:
    """A person or a group may have no value of their own."""
    return value_badge(value) if value else _("Nothing of its own")


def _moment(text: str | None) -> str:
    moment = parse_datetime(text) if text else None
    return listed_minute(moment) if moment else ""
