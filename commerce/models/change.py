from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Subscription
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class ChangeState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    APPLIED = "applied", _("Applied")
    # When its moment came it could not be applied; people were told.
    DROPPED = "dropped", _("Not applied")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ScheduledChangeQuerySet(models.QuerySet["ScheduledChange"]):
    def waiting(self) -> Self:
        return self.filter(state=ChangeState.WAITING)

    def due(self, at: datetime) -> Self:
        """Those whose moment has come; of what is just being taken over they wait, as its renewal does."""
        there = (
            self.waiting().filter(takes_effect_at__lte=at).exclude(subscription__in=Subscription.objects.taken_over())
        )
        return there.order_by("takes_effect_at", "pk")


class ScheduledChange(models.Model):
    """A number of seats that a subscription is to have from its next renewal on."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="scheduled_changes")
    quantity = models.PositiveIntegerField(_("quantity"))
    takes_effect_at = models.DateTimeField(_("takes effect"))
    asked_by = TenantForeignKey(Membership, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=ChangeState, default=ChangeState.WAITING)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    objects = ScheduledChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(state="waiting"), name="one_change_waits_per_subscription"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="scheduled_quantity_has_seats"),
            models.CheckConstraint(condition=Q(state__in=ChangeState.values), name="scheduled_change_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="waiting", settled_at=None) | ~Q(state="waiting") & Q(settled_at__isnull=False),
                name="a_settled_change_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["takes_effect_at"], name="scheduled_change_due", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return str(self.quantity)
