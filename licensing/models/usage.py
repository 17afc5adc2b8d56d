"""What products and their vendors report of use: who used what last, and how much of what the seats bring is taken."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Max, Min, Q
from django.utils.translation import gettext_lazy as _

from licensing.models.catalogue import Product
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class ProductUseQuerySet(models.QuerySet["ProductUse"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def reported_products(self, at: datetime, days: int) -> "models.QuerySet[Any, Any]":
        """
        Each `product` of which use is still reported, with `since` when: a report that is older than that many days
        says nothing of today.
        """
        since = self.order_by().values("product").annotate(since=Min("first_reported_at"), last=Max("reported_at"))
        reported: models.QuerySet[Any, Any] = since.filter(last__gte=at - timedelta(days=days))
        return reported


class ProductUse(models.Model):
    """When somebody used a product last, as it was reported; nothing: it was reported that they never did."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="product_uses")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    last_used_at = models.DateTimeField(_("last used"), null=True)
    first_reported_at = models.DateTimeField()
    reported_at = models.DateTimeField(_("reported"))

    objects = ProductUseQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("product_use"),
            models.UniqueConstraint(fields=["member", "product"], name="product_use_once_per_member"),
            models.CheckConstraint(
                condition=Q(last_used_at=None) | Q(last_used_at__lte=models.F("reported_at")),
                name="product_use_is_not_in_the_future",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "product", "reported_at"], name="product_use_reported")]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.product_id}"


class CapacityUseQuerySet(models.QuerySet["CapacityUse"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)


class CapacityUse(models.Model):
    """How much of one kind of capacity of a product a tenant has in use, as it was reported last."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    # A key of what the catalogue says the product brings, such as `database_mb`.
    kind = models.CharField(_("kind"), max_length=40)
    in_use = models.BigIntegerField(_("in use"))
    reported_at = models.DateTimeField(_("reported"))

    objects = CapacityUseQuerySet.as_manager()

    class Meta:
        verbose_name = _("capacity")
        verbose_name_plural = _("capacity")
        constraints = [
            unique_within_tenant("capacity_use"),
            models.UniqueConstraint(fields=["tenant", "product", "kind"], name="capacity_use_once_per_kind"),
            models.CheckConstraint(condition=Q(in_use__gte=0), name="capacity_in_use_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id}: {self.kind}"
