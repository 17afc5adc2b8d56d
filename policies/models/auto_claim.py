from typing import Self

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from licensing.models import Product, Seat, Subscription
from licensing.models.subscription import seats_free
from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.keys import unique_within_tenant


class AutoClaimQuerySet(models.QuerySet["AutoClaim"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def with_use(self) -> Self:
        """`seats_taken`: open seats that people took by using it. `seats_free`: the tenant's own that nobody has."""
        own = {"tenant": OuterRef("tenant"), "subscription__plan__product": OuterRef("product")}
        taken = Seat.objects.claimed_by_themselves().filter(**own).order_by().values("tenant")
        central = Subscription.objects.central_with_access().filter(
            tenant=OuterRef("tenant"), plan__product=OuterRef("product")
        )
        free = central.order_by().values("tenant").annotate(free=Sum(seats_free()))
        return self.annotate(
            seats_taken=Coalesce(Subquery(taken.annotate(count=Count("pk")).values("count")), 0),
            seats_free=Coalesce(Subquery(free.values("free")), 0),
        )

    def with_people(self) -> Self:
        return self.select_related("tenant", "product", "set_by")

    def locked(self) -> Self:
        # Whoever claims waits here: the ceiling is counted by one at a time.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class AutoClaim(models.Model):
    """That who uses a product for the first time takes a free central seat of it, and how many seats may go so."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="auto_claims")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", verbose_name=_("product"))
    # How many people may hold such a seat at the same time.
    ceiling = models.PositiveIntegerField(_("at most"))
    reason = models.TextField(_("reason"), blank=True, max_length=500)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("set by"))
    set_at = models.DateTimeField(_("set at"))

    # Only of rows that came by `with_use`.
    seats_taken: int
    seats_free: int

    objects = AutoClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("seats claimed on first use")
        verbose_name_plural = _("seats claimed on first use")
        constraints = [
            unique_within_tenant("auto_claim"),
            models.UniqueConstraint(fields=["tenant", "product"], name="auto_claim_once_per_product"),
            models.CheckConstraint(condition=Q(ceiling__gte=1), name="auto_claim_has_a_ceiling"),
        ]

    def __str__(self) -> str:
        return str(self.product)
