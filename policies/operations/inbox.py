"""Products that came after the tenant and wait for it to say whether its people may buy them."""

from django.db.models import Exists, OuterRef, QuerySet

from policies.models import Policy, SelfServiceProduct
from tenants.directory.models import Tenant


def new_products(tenant: Tenant) -> QuerySet[SelfServiceProduct]:
    """Those without a value of their own, oldest first. To decide is to set one; until then the default holds."""
    decided = Policy.objects.of(tenant).for_products().filter(product=OuterRef("pk"))
    later = SelfServiceProduct.objects.filter(created_at__gt=tenant.created_at)
    return later.exclude(Exists(decided)).order_by("created_at", "pk")
