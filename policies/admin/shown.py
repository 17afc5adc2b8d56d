"""How a policy is shown, wherever one is."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from policies.models import PolicyValue
from tenants.access import Actor
from tenants.directory.models import Tenant
from tenants.procurement import badge

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


def tenant_of(actor: Actor) -> Tenant:
    return actor.home.tenant
