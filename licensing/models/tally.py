"""
How many purchases with access a tenant has, with how many seats: kept by the database beside `Subscription`, so that
nothing is counted where it is shown and nobody who changes a subscription can forget it.
"""

from collections.abc import Collection
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q, Sum

from licensing.models.catalogue import Product
from licensing.models.subscription import Channel
from tenants.directory.models import Department, Tenant
from tenants.keys import TenantForeignKey


class SeatTallyQuerySet(models.QuerySet["SeatTally"]):
    def among(self, tenants: Collection[UUID] | None) -> Self:
        """Of these tenants; None: of all."""
        return self if tenants is None else self.filter(tenant__in=tenants)

    def of_channels(self, channels: Collection[str] | None) -> Self:
        return self if channels is None else self.filter(channel__in=channels)

    def summed_by(self, *fields: str) -> "models.QuerySet[Any, Any]":
        """`all_purchases`, `all_seats` and `all_used` for each value of some fields."""
        sums = {"purchases": Sum("purchases"), "seats": Sum("seats"), "used": Sum("used")}
        summed: models.QuerySet[Any, Any] = (
            self.order_by().values(*fields).annotate(**{f"all_{name}": each for name, each in sums.items()})
        )
        return summed.filter(all_purchases__gt=0)


class SeatTally(models.Model):
    """
    A part of a count. Each change adds a row, which nobody waits for; a sweep folds the rows of one product, channel
    and purchaser's department into one. The count is their sum.
    """

    # Written by the database alone, as many as there are changes.
    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", db_index=False)
    channel = models.CharField(max_length=20, choices=Channel)
    # Of the purchaser, as it is now; none: in no department.
    department = TenantForeignKey(Department, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    purchases = models.IntegerField()
    seats = models.BigIntegerField()
    used = models.BigIntegerField()
    folded = models.BooleanField(default=False)

    objects = SeatTallyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "product", "channel", "department"],
                condition=Q(folded=True),
                nulls_distinct=False,
                name="one_folded_seat_tally",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="seat_tally_to_fold", condition=Q(folded=False))]
