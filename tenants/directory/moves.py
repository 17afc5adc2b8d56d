"""That the clock of a sandbox organisation is on its way to another time."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.keys import unique_within_tenant


class ClockMoveQuerySet(models.QuerySet["ClockMove"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def under_way(self) -> Self:
        return self.filter(done_at=None)

    def free(self, at: datetime) -> Self:
        """Under way, and walked by no process at this moment."""
        return self.under_way().filter(Q(leased_until=None) | Q(leased_until__lte=at)).order_by("asked_at", "pk")


class ClockMove(models.Model):
    """
    From one time of a tenant to another. What falls due in between is done in its order, up to `reached_at`; whoever
    walks it may die at any moment, and the next one goes on from there.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="clock_moves")
    begins_at = models.DateTimeField()
    target = models.DateTimeField()
    reached_at = models.DateTimeField()
    # These three by the world's clock.
    asked_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    # How many of each kind were sent on the way, by the name of their job.
    letters = models.JSONField(default=dict)

    objects = ClockMoveQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("clockmove"),
            models.UniqueConstraint(fields=["tenant"], condition=Q(done_at=None), name="clock_moves_once_at_a_time"),
            models.CheckConstraint(
                condition=Q(reached_at__gte=F("begins_at"), target__gte=F("reached_at")),
                name="clock_move_reaches_its_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.begins_at:%Y-%m-%d} → {self.target:%Y-%m-%d}"
