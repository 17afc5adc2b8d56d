from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Product
from tenants.directory.models import Department, Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

# The member's own department and those above it.
_OWN_DEPARTMENTS = """
    WITH RECURSIVE own (id, parent_id) AS (
        SELECT id, parent_id FROM tenants_department WHERE id = %s AND tenant_id = %s
        UNION
        SELECT above.id, above.parent_id FROM tenants_department above JOIN own ON above.id = own.parent_id
    )
    SELECT id FROM own
"""


class GovernanceKind(models.TextChoices):
    RESIDENCY = "residency", _("Where data is kept")
    RETENTION = "retention", _("How long data is kept")
    SHARING = "sharing", _("With whom data is shared")
    LOSS_PREVENTION = "loss_prevention", _("What must not leave")
    ACCESS = "access", _("Who has access")


class GovernancePolicyQuerySet(models.QuerySet["GovernancePolicy"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_scopes(self) -> Self:
        scopes = models.Prefetch("scopes", GovernanceScope.objects.select_related("department"))
        return self.prefetch_related(scopes).select_related("tenant", "set_by")

    def fitting(self, product: Product) -> Self:
        """Those for the product, for its family, or for all products."""
        narrowed = GovernanceScope.objects.filter(policy=OuterRef("pk"), department=None)
        named = narrowed.filter(Q(product=product) | Q(family=product.family_id))
        return self.filter(~Exists(narrowed) | Exists(named))

    def shutting_out(self, member: Membership) -> Self:
        """Access policies that do not name the member's department or one above it."""
        own = RawSQL(_OWN_DEPARTMENTS, [member.department_id, member.tenant_id])  # noqa: S611  # its values are bound
        let_in = GovernanceScope.objects.filter(policy=OuterRef("pk"), department__in=own)
        return self.filter(~Exists(let_in), tenant=member.tenant_id, kind=GovernanceKind.ACCESS)


class GovernancePolicy(models.Model):
    """
    What a tenant says about the data of products, or who may use them, however they were bought. It is for the
    families and products that it names; where it names none, for all.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="governance_policies")
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=20, choices=GovernanceKind)
    # Texts by their names, such as {"Region": "European Union"}.
    settings = models.JSONField(_("settings"), default=dict)
    acknowledge = models.BooleanField(_("acknowledge before paying"), default=False)
    # Counts what it has said: whoever acknowledged an earlier version has not read this one.
    version = models.PositiveIntegerField(default=1)
    reason = models.TextField(_("reason"), blank=True, max_length=500)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("set by"))
    set_at = models.DateTimeField(_("set at"))
    created_at = models.DateTimeField(editable=False)

    objects = GovernancePolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("data and access policies")
        constraints = [
            unique_within_tenant("governance_policy"),
            models.UniqueConstraint(fields=["tenant", "name"], name="governance_name_once_per_tenant"),
            models.CheckConstraint(condition=Q(kind__in=GovernanceKind.values), name="governance_kind_is_known"),
            models.CheckConstraint(
                condition=~Q(kind="access") | Q(acknowledge=False), name="access_policy_asks_for_no_acknowledgement"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="governance_page")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_access(self) -> bool:
        return self.kind == GovernanceKind.ACCESS

    # Read from what `with_scopes` has fetched.

    @property
    def families(self) -> list[str]:
        return sorted(scope.family_id for scope in self.scopes.all() if scope.family_id)

    @property
    def products(self) -> list[str]:
        return sorted(scope.product_id for scope in self.scopes.all() if scope.product_id)

    @property
    def departments(self) -> list[Department]:
        named = [scope.department for scope in self.scopes.all() if scope.department]
        return sorted(named, key=lambda department: department.name)

    def fits(self, product: Product) -> bool:
        families, products = self.families, self.products
        return product.pk in products or product.family_id in families or not (families or products)


class GovernanceScope(models.Model):
    """A family, a product or a department that a policy names."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    policy = TenantForeignKey(GovernancePolicy, on_delete=models.CASCADE, related_name="scopes")
    family = models.ForeignKey(Family, on_delete=models.PROTECT, null=True, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, related_name="+")
    department = TenantForeignKey(Department, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "family", "product", "department"],
                nulls_distinct=False,
                name="governance_scope_once",
            ),
            models.CheckConstraint(
                condition=Q(family__isnull=False, product=None, department=None)
                | Q(family=None, product__isnull=False, department=None)
                | Q(family=None, product=None, department__isnull=False),
                name="governance_scope_names_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return str(self.family or self.product or self.department)


class Acknowledgement(models.Model):
    """That somebody has read a data policy before paying, with what it said then."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="acknowledgements")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    # The checkout that it was read for.
    subject = models.UUIDField()
    # Not a reference: what was read stays on record when the policy is removed.
    policy = models.UUIDField()
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=GovernanceKind)
    settings = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "subject", "member", "policy", "version"], name="acknowledged_once_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.member}"


def governance_of(tenant: Tenant, products: Iterable[Product]) -> dict[str, list[GovernancePolicy]]:
    """The policies that hold for each product, by product id: two queries, however many there are."""
    rows = governing(tenant.pk)
    return {product.pk: for_product(rows, product) for product in products}


def governing(tenant_id: UUID) -> list[GovernancePolicy]:
    """All that a tenant has said, data policies first, each kind by name; two queries."""
    rows = GovernancePolicy.objects.filter(tenant=tenant_id).with_scopes()
    by_kind: dict[str, list[GovernancePolicy]] = defaultdict(list)
    for row in rows.order_by("name"):
        by_kind[row.kind].append(row)
    return [row for kind in GovernanceKind.values for row in by_kind[kind]]


def for_product(rows: Sequence[GovernancePolicy], product: Product) -> list[GovernancePolicy]:
    return [row for row in rows if row.fits(product)]
