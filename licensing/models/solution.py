from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models.catalogue import Product
from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.keys import unique_within_tenant

MOST_BESIDE_A_PRODUCT = 10


class SolutionState(models.TextChoices):
    WAITING = "waiting", _("Waits for approval")
    APPROVED = "approved", _("Shown")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class SolutionQuerySet(models.QuerySet["Solution"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def shown_beside(self, product: Product) -> Self:
        """Those that an operator let stand beside a product, as many as its pages show."""
        approved = self.filter(state=SolutionState.APPROVED, products=product)
        return approved.select_related("tenant").order_by("name", "pk")[:MOST_BESIDE_A_PRODUCT]


class Solution(models.Model):
    """What a partner offers that extends products; everybody reads it once an operator has approved it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="solutions", verbose_name=_("partner"))
    name = models.CharField(_("name"), max_length=100)
    text = models.CharField(_("text"), max_length=500)
    link = models.URLField(_("link"), max_length=500)
    products = models.ManyToManyField(Product, related_name="+", verbose_name=_("products"))
    state = models.CharField(_("state"), max_length=10, choices=SolutionState, default=SolutionState.WAITING)
    changed_at = models.DateTimeField(_("changed"))
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True)

    objects = SolutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("solution")
        verbose_name_plural = _("solutions")
        constraints = [
            unique_within_tenant("solution"),
            models.UniqueConstraint(fields=["tenant", "name"], name="solution_name_once"),
            models.CheckConstraint(condition=Q(state__in=SolutionState.values), name="solution_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(decided_at__isnull=False), name="solution_is_approved_by_decision"
            ),
        ]

    def __str__(self) -> str:
        return self.name
