"""Products that came after the tenant and wait for it to say whether its people may buy them."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from policies.models import Policy, SelfServiceProduct
from tenants.directory.models import Tenant


def new_products(tenant: Tenant) -> QuerySet[SelfServiceProduct]:
    """Those without a value of their own, oldest first. To decide is to set one; until then the default holds."""
    return _new(tenant.pk, tenant.created_at).order_by("created_at", "pk")


def new_products_of_each() -> QuerySet[SelfServiceProduct]:
    """As `new_products`, in no order, for the tenant of an outer query."""
    return _new(OuterRef(OuterRef("pk")), OuterRef("created_at"))


def _new(tenant: Any, created_at: Any) -> QuerySet[SelfServiceProduct]:
    decided = Policy.objects.for_products().filter(tenant=tenant, product=OuterRef("pk"))
    return SelfServiceProduct.objects.filter(created_at__gt=created_at).exclude(Exists(decided))
