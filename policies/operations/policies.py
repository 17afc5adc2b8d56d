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
from tenants.directory import operations as directory
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed

LONGEST_REASON = 500


@dataclass(frozen=True, kw_only=True)
class ProductPolicy:
    """What holds for a product in a tenant before exceptions of persons and groups, and where that was said."""

    product: Product
    value: str
    source: Source
    reason: str = ""


def in_force(tenant: Tenant, products: Iterable[Product]) -> list[ProductPolicy]:
    """The value of each product; one query. Its own row decides, else the family's, the tenant's, the system's."""
    rows = list(Policy.objects.of(tenant).filter(member=None, department=None).select_related("set_by"))
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
    *, tenant: Tenant, product: Product, value: str, reason: str, by: Actor, at: datetime
) -> ProductPolicy:
    """
    Say what the tenant allows for a product. What was bought stays as it is.

    Each change is kept in the journal. The same value again with the same reason or none changes nothing; with
    another reason it is kept as a change of the reason.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: an unknown value, or a reason that cannot be kept
    """
    _require(by, tenant)
    value, reason = _checked(value, reason)
    # The tenant's lock: of two admins at once the second finds what the first wrote, and both stand in the journal.
    directory.lock(tenant)
    before = in_force(tenant, [product])[0]
    if before.source.level == "product" and before.value == value and reason in ("", before.reason):
        return before
    Policy.objects.update_or_create(
        tenant=tenant,
        product=product,
        member=None,
        department=None,
        family=None,
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
    return in_force(tenant, [product])[0]


def _require(by: Actor, tenant: Tenant) -> None:
    if by.is_system or by.is_operator:
        return
    if by.tenant != tenant:
        raise NotAllowed(_("You act in another organisation."))
    by.require(Right.CHANGE_POLICY)


def _checked(value: str, reason: str) -> tuple[str, str]:
    if value not in PolicyValue.values:
        known = ", ".join(PolicyValue.values)
        raise BadInput(
            _("Use one of these values: %(known)s.") % {"known": known}, field="value", code="invalid_choice"
        )
    reason = reason.strip()
    if len(reason) > LONGEST_REASON:
        longest = {"longest": LONGEST_REASON}
        raise BadInput(_("Use at most %(longest)s characters.") % longest, field="reason", code="max_length")
    if "\0" in reason:
        raise BadInput(_("Remove the NUL character."), field="reason", code="null_characters_not_allowed")
    return value, reason
