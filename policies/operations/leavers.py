"""What a tenant says of people who leave: how long they keep their seats, and what becomes of what they bought."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from policies.models import MOST_LEAVER_GRACE, LeaverDefault, TenantSettings
from tenants.directory.models import Tenant
from tenants.refusal import BadInput


@dataclass(frozen=True, kw_only=True)
class LeaverSettings:
    """`default` holds when a charge falls due and nobody has decided."""

    default: LeaverDefault
    grace: timedelta


def of(tenant: Tenant) -> LeaverSettings:
    """As they hold; unless somebody said otherwise purchases renew, and seats are released at once."""
    row = TenantSettings.said_by(tenant)
    return LeaverSettings(default=LeaverDefault(row.leaver_default), grace=timedelta(days=row.leaver_grace_days))


def check(*, default: str | None, grace_days: int | None) -> None:
    """:raises BadInput: an unknown default, or days that cannot be"""
    if default is not None and default not in LeaverDefault.values:
        known = ", ".join(LeaverDefault.values)
        said = _("Use one of these: %(known)s.") % {"known": known}
        raise BadInput(said, field="leaver_default", code="invalid_choice")
    if grace_days is not None and not 0 <= grace_days <= MOST_LEAVER_GRACE:
        said = _("Use a whole number from 0 to %(most)s.") % {"most": MOST_LEAVER_GRACE}
        raise BadInput(said, field="leaver_grace_days", code="invalid")
