"""How the journal reads the ids of products and plans."""

from collections.abc import Collection, Mapping

from licensing.models import Family, Plan, Product
from tenants.directory.models import Tenant
from tenants.journal.naming import SUBJECT, Named, Names


def products(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    return {product.pk: Named(product.name) for product in Product.objects.filter(pk__in=ids).only("pk", "name")}


def plans(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    return {plan.pk: Named(str(plan)) for plan in Plan.objects.filter(pk__in=ids).select_related("product")}


def families(tenant: Tenant | None, ids: Collection[str]) -> Mapping[str, Named]:
    return {family.pk: Named(family.name) for family in Family.objects.filter(pk__in=ids)}


NAMES: Names = {
    SUBJECT: (products, families),
    "product": (products,),
    "family": (families,),
    "plan": (plans,),
}
