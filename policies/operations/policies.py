"""What a tenant allows: read with its source, and changed under the tenant's lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from policies import rules
from policies.facts import Source
from policies.ground import policy_row
from policies.models import Policy, Reach
from policies.operations import values
from policies.operations.endings import LEAVE, Existing
from policies.operations.scopes import Scope
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.refusal import BadInput, Refused
from tenants.text import checked_reason


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
    # What saying it does to what people have; only just after a change that ends something.
    reach: Reach | None = None

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
    existing: Existing = LEAVE,
    expecting: str | None = None,
) -> ProductPolicy:
    """
    Say what the tenant allows for a product, and why. What was bought stays as it is, unless `existing` says otherwise.

    Each change is kept in the journal. The same value again with the same reason changes nothing; with another
    reason it is kept as a change of the reason. `expecting` is the version that the editor saw.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: an unknown value, a reason that is missing or cannot be kept, or an ending that makes no sense
    :raises PolicyChangedMeanwhile: another version than the expected one holds now
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    value, reason = values.checked_value(value), checked_reason(reason)
    values.check_existing(existing, value, at=at)
    organisations.lock(tenant)
    if expecting is not None:
        [seen] = in_force(tenant, [product], at=at)
        if expecting != seen.version:
            raise PolicyChangedMeanwhile(seen.version)
    scopes = [Scope(product=product)]
    [said] = values.apply(tenant=tenant, scopes=scopes, value=value, reason=reason, existing=existing, by=by, at=at)
    return replace(in_force(tenant, [product], at=at)[0], reach=said.reach)


@transaction.atomic
def set_product_policies(
    *,
    tenant: Tenant,
    products: Sequence[Product],
    value: str,
    reason: str,
    by: Actor,
    at: datetime,
    existing: Existing = LEAVE,
) -> list[ProductPolicy]:
    """
    Say the same of many products, of all or of none. What was bought stays as it is, unless `existing` says otherwise.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: no product, an unknown value, a reason that is missing or cannot be kept, or an ending that makes
        no sense
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    value, reason = values.checked_value(value), checked_reason(reason)
    values.check_existing(existing, value, at=at)
    if not products:
        raise BadInput(_("Choose at least one product."), field="products", code="required")
    organisations.lock(tenant)
    scopes = [Scope(product=product) for product in {product.pk: product for product in products}.values()]
    said = values.apply(tenant=tenant, scopes=scopes, value=value, reason=reason, existing=existing, by=by, at=at)
    held = in_force(tenant, [scope.product for scope in scopes if scope.product], at=at)
    return [replace(policy, reach=row.reach) for policy, row in zip(held, said, strict=True)]
