from typing import Self

from django.db import models

from licensing.models.catalogue import Product
from licensing.models.subscription import Subscription
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class TrialUseQuerySet(models.QuerySet["TrialUse"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def by_person(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, member=member)


class TrialUse(models.Model):
    """That a member had their trial of a product, for ever: there is one for each person, tenant and product."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="trial_uses")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="trial_uses")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="trial_uses")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="trial_uses")
    started_at = models.DateTimeField()
    # Once, by an admin.
    extended_at = models.DateTimeField(null=True)
    # The end that its holder was reminded of: another one after an extension is told again.
    told_of_end = models.DateTimeField(null=True)

    objects = TrialUseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "member", "product"], name="one_trial_per_person_and_product"),
            models.UniqueConstraint(fields=["subscription"], name="one_use_per_trial"),
        ]

    def __str__(self) -> str:
        return f"{self.member}: {self.product}"


def used_by(member: Membership) -> frozenset[str]:
    """The products of which a member had their trial; one query."""
    return frozenset(TrialUse.objects.by_person(member).values_list("product_id", flat=True))
