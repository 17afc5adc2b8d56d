from typing import Self

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils.translation import gettext_lazy as _

from licensing.models.subscription import GIVES_ACCESS, Subscription
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class SeatQuerySet(models.QuerySet["Seat"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def open(self) -> Self:
        return self.filter(released_at=None)

    def with_access(self) -> Self:
        return self.open().filter(subscription__state__in=GIVES_ACCESS)

    def claimed_by_themselves(self) -> Self:
        """Open ones that their holders took on first use."""
        return self.open().filter(auto_claimed=True)

    def with_people(self) -> Self:
        return self.select_related("member__user")

    def matching(self, text: str) -> Self:
        return self.filter(Q(member__name__icontains=text) | Q(member__user__email__icontains=text))

    def by_name(self) -> Self:
        """As people look for each other: by name, or by address where there is no name."""
        shown = Coalesce(NullIf("member__name", Value("")), "member__user__email")
        return self.order_by(Lower(shown), "member__user__email", "pk")


class Seat(models.Model):
    """One member's use of a subscription. A released seat stays as history and is never reused."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="seats")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="seats")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="seats", verbose_name=_("member"))
    assigned_at = models.DateTimeField(_("assigned"))
    released_at = models.DateTimeField(_("released"), null=True, blank=True)
    # Taken by its holder on first use, not given: these count against the organisation's ceiling.
    auto_claimed = models.BooleanField(default=False, editable=False)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("seat"),
            # Partial: a member may come back after release, but holds one seat of a subscription at a time.
            models.UniqueConstraint(
                fields=["subscription", "member"], condition=Q(released_at=None), name="one_open_seat_per_member"
            ),
            models.CheckConstraint(
                condition=Q(released_at=None) | Q(released_at__gte=F("assigned_at")),
                name="seat_released_after_assigned",
            ),
        ]
        indexes = [
            models.Index(fields=["member"], name="seat_open_of_member", condition=Q(released_at=None)),
            models.Index(
                fields=["tenant", "subscription"],
                name="seat_claimed_by_itself",
                condition=Q(auto_claimed=True, released_at=None),
            ),
        ]

    def __str__(self) -> str:
        return str(self.member)
