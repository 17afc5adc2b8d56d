from collections.abc import Iterable
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from tenants.access import Right, has_right
from tenants.directory.models import Department, Membership, Tenant
from tenants.directory.tree import and_below
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class ApproverQuerySet(models.QuerySet["Approver"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def with_people(self) -> Self:
        return self.select_related("tenant", "department", "member__user")


class Approver(models.Model):
    """A member who may approve the purchases of a department and of those below it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="approvers")
    department = TenantForeignKey(Department, on_delete=models.CASCADE, related_name="approvers")
    member = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="approves_for")

    # None: named before that was kept.
    created_at = models.DateTimeField(_("named"), null=True)

    objects = ApproverQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("approvers")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "department", "member"], name="approver_once_per_department")
        ]

    def __str__(self) -> str:
        return f"{self.member} · {self.department}"


def approvers_for(buyer: Membership, departments: Iterable[object]) -> "models.QuerySet[Membership]":
    """
    Who may approve what a member buys: whoever has the right in the tenant, and whoever is named for one of the
    departments (the buyer's own and those above it). Never the buyer.
    """
    named = Approver.objects.filter(member=OuterRef("pk"), department__in=list(departments))
    return (
        Membership.objects.filter(tenant_id=buyer.tenant_id)
        .active()
        .exclude(pk=buyer.pk)
        .filter(has_right(Right.APPROVE_PURCHASES) | Q(Exists(named)))
    )


def departments_of_approver(member: Membership) -> set[UUID]:
    """The departments that a member is named for, and all below them."""
    named = set(Approver.objects.filter(tenant_id=member.tenant_id, member=member).values_list("department", flat=True))
    if not named:
        return set()
    return and_below(named, dict(Department.objects.filter(tenant_id=member.tenant_id).values_list("pk", "parent")))
