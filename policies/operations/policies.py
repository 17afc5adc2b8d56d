"""What a tenant allows: read with its source, and changed under the tenant's lock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from policies import rules
from policies.eligibility import policy_row
from policies.models import Policy, PolicyValue
from policies.rules import Source
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput, Refused
from tenants.text import require_plain

LONGEST_REASON = 500


class PolicyChangedMeanwhile(Refused):
    """Somebody else changed the policy since the editor saw it; `version` is what holds now."""

    message = _("Somebody changed this meanwhile. Look at what holds now, then save again.")

    def __init__(self, version: str) -> None:
        super().__init__()
        self.version = version


@dataclass(frozen=True, kw_only=True)
class ProductPolicy:
    """What holds for a product in a tenant before exceptions of persons and groups, and where that was said."""

    product: Product
    value: str
    source: Source
    reason: str = ""

    @property
    def version(self) -> str:
        """What tells this state from the next one."""
        moment = self.source.set_at.isoformat() if self.source.set_at else ""
        return f"{self.source.level} {self.value} {moment}"


def in_force(tenant: Tenant, products: Iterable[Product], *, at: datetime) -> list[ProductPolicy]:
    """The value of each product; one query. Its own row decides, else its family's, the tenant's, the system's."""
    rows = list(Policy.objects.of(tenant).in_force(at).filter(member=None, department=None).select_related("set_by"))
    return [_in_force(product, rows) for product in products]


def _in_force(product: Product, rows: Iterable[Policy]) -> ProductPolicy:
    fitting = {str(row.pk): row for row in rows if row.fits_product(product)}
    deciding = rules.deciding_policy([policy_row(row) for row in fitting.values()])
    if deciding is None:
        return ProductPolicy(product=product, value=rules.SYSTEM_DEFAULT, source=Source(level="system"))
    reason = fitting[deciding.source.id].reason
    return ProductPolicy(product=product, value=deciding.value, source=deciding.source, reason=reason)


@transaction.atomic
def set_product_policy(
    *,
    tenant: Tenant,
    product: Product,
    value: str,
    reason: str,
    by: Actor,
    at: datetime,
    expecting: str | None = None,
) -> ProductPolicy:
    """
    Say what the tenant allows for a product, and why. What was bought stays as it is.

    Each change is kept in the journal. The same value again with the same reason changes nothing; with another
    reason it is kept as a change of the reason. `expecting` is the version that the editor saw.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: an unknown value, or a reason that is missing or cannot be kept
    :raises PolicyChangedMeanwhile: another version than the expected one holds now
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    value, reason = _checked(value, reason)
    # The tenant's lock: of two admins at once the second finds what the first wrote, and both stand in the journal.
    organisations.lock(tenant)
    before = in_force(tenant, [product], at=at)[0]
    if expecting is not None and expecting != before.version:
        raise PolicyChangedMeanwhile(before.version)
    if before.source.level == "product" and (before.value, before.reason) == (value, reason):
        return before
    Policy.objects.update_or_create(
        tenant=tenant,
        product=product,
        member=None,
        department=None,
        family=None,
        valid_from=None,
        valid_to=None,
        defaults={"value": value, "reason": reason, "set_by": by.user, "set_at": at},
    )
    events.record(
        "policy.changed",
        tenant=tenant,
        by=by,
        at=at,
        subject=product.pk,
        product=product.pk,
        old=before.value,
        new=value,
        reason=reason,
    )
    return in_force(tenant, [product], at=at)[0]


def _checked(value: str, reason: str) -> tuple[str, str]:
    if value not in PolicyValue.values:
        known = ", ".join(PolicyValue.values)
        raise BadInput(
            _("Use one of these values: %(known)s.") % {"known": known}, field="value", code="invalid_choice"
        )
    reason = reason.strip()
    if not reason:
        raise BadInput(_("Say why, in a few words."), field="reason", code="required")
    if len(reason) > LONGEST_REASON:
        longest = {"longest": LONGEST_REASON}
        raise BadInput(_("Use at most %(longest)s characters.") % longest, field="reason", code="max_length")
    require_plain(reason, field="reason")
    return value, reason
