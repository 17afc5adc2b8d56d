"""Products that nobody names but a change reaches: they follow the default, or their family."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from licensing.models import Product
from policies.models import SelfServiceProduct
from policies.operations.proposed import About, Change, Proposed
from tenants.directory.models import Tenant

# Nobody's key: whoever it is, no exception of a person or a group is theirs.
ANYBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Following:
    """A product that a change does not name and whose value becomes another one, for whoever has no exception."""

    product: Product
    old: str
    new: str


def of(tenant: Tenant, change: Change, *, named: frozenset[str] = frozenset(), at: datetime) -> Sequence[Following]:
    """`named`: products that are told of already. By name; three queries."""
    proposed, found = Proposed(tenant, change, at=at), []
    for product in SelfServiceProduct.objects.exclude(pk__in=named).order_by("name", "pk"):
        about = About(member=ANYBODY, department=None, product=product.pk, family=product.family_id)
        old, new = proposed.value_before(about), proposed.answer(about).value
        if old != new:
            found.append(Following(product=product, old=old, new=new))
    return found
