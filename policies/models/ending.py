from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Subscription
from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class ExistingRule(models.TextChoices):
    """What a change of policy means for what people have bought already."""

    LEAVE = "leave", _("Leave it as it is")
    STOP_AT_RENEWAL = "stop_at_renewal", _("Stop it at its renewal")
    CANCEL = "cancel", _("Cancel it")


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How many subscriptions a change of policy ends, and how many it leaves alone since another value decides."""

    ended: int = 0
    left_alone: int = 0


ENDS = [ExistingRule.STOP_AT_RENEWAL.value, ExistingRule.CANCEL.value]


class EndingQuerySet(models.QuerySet["Ending"]):
    def waiting(self) -> Self:
        return self.filter(done_at=None)

    def planned(self, at: datetime) -> Self:
        """Those whose moment is still to come, the next one first."""
        return self.waiting().filter(due_at__gt=at).order_by("due_at", "pk")

    def due(self, at: datetime) -> Self:
        return self.waiting().filter(due_at__lte=at).order_by("due_at", "pk")


class Ending(models.Model):
    """That a change of policy ends a subscription that was bought before it, and whether that has been done."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="policy_endings")
    subscription = TenantForeignKey(Subscription, on_delete=models.CASCADE, related_name="policy_endings")
    how = models.CharField(max_length=20, choices=[(rule.value, rule.label) for rule in ExistingRule])
    reason = models.TextField(blank=True, max_length=500)
    # What was said that ends it, as `endings.key_of` writes it: a later word on the very same withdraws what waits.
    said_for = models.CharField(max_length=300, blank=True, default="")
    # On whose behalf it is done; none: an operator's command.
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    # Whether something was done: what had ended by itself needed nothing, and what was withdrawn never is.
    acted = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = EndingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(how__in=ENDS), name="ending_is_known"),
            # A later change of policy replaces what waits, it does not come on top.
            models.UniqueConstraint(
                fields=["subscription", "how"], condition=Q(done_at=None), name="one_ending_waits_per_subscription"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="ending_due", condition=Q(done_at=None)),
            models.Index(fields=["tenant", "said_for"], name="ending_waits_for", condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.subscription}: {self.get_how_display()}"
