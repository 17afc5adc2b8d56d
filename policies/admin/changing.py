"""What a file of policies or a template would change, as the pages of policies name it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.admin.shown import applies_to, value_badge
from policies.forms import SettingsForm
from policies.models import LeaverDefault
from policies.operations.following import Following
from policies.operations.policy_files import Difference

# The stop of all self-service has a page of its own, and so no field of the form of settings.
_LABELS: Mapping[str, Any] = {
    **{name: field.label for name, field in SettingsForm.base_fields.items()},
    "self_service_enabled": gettext_lazy("People may buy themselves"),
}


@dataclass(frozen=True, kw_only=True)
class Changing:
    """What changes, what holds now, and what holds then."""

    what: str | Promise
    old: str | Promise
    new: str | Promise


def of_difference(one: Difference) -> Changing:
    if one.scope is None:
        return Changing(what=_LABELS[one.what], old=setting(one.what, one.old), new=setting(one.what, one.new))
    return Changing(what=applies_to(one.scope), old=_own(one.old), new=_own(one.new))


def of_following(one: Following) -> Changing:
    return Changing(what=one.product.name, old=value_badge(one.old), new=value_badge(one.new))


def setting(name: str, value: Any) -> str | Promise:
    """A setting's value in words."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if name == "default_for_new_products":
        return value_badge(value)
    if name == "leaver_default":
        return LeaverDefault(value).label
    return str(value) or _("Empty")


def _own(value: str | None) -> str:
    return value_badge(value) if value else _("Nothing of its own")
