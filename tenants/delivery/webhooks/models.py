"""Where an organisation's news goes, and what went there."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.journal.models import Event, EventPosition
from tenants.keys import TenantForeignKey, unique_within_tenant


class EndpointState(models.TextChoices):
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    # By the service; somebody may make it active again.
    DISABLED = "disabled", _("Disabled")


class DisabledBecause(models.TextChoices):
    GONE = "gone", _("It said that it is there no more (status 410).")
    FAILING = "failing", _("It has taken nothing for five days.")


class DeliveryState(models.TextChoices):
    DUE = "due", _("Due")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def active(self) -> Self:
        return self.filter(state=EndpointState.ACTIVE)

    def behind(self) -> Self:
        """Those that have not come to the end of their journal."""
        further = EventPosition.objects.filter(tenant=OuterRef("tenant"), position__gt=OuterRef("position"))
        return self.active().filter(Exists(further))

    def with_due(self, at: datetime) -> Self:
        return self.active().filter(Exists(WebhookDelivery.objects.due(at).filter(endpoint=OuterRef("pk"))))

    def free(self, at: datetime) -> Self:
        """Those that no process sends to, and none to another one of the same tenant: its trouble takes one hand."""
        held = WebhookEndpoint.objects.filter(tenant=OuterRef("tenant"), leased_until__gt=at)
        return self.unleased(at).filter(~Exists(held))

    def unleased(self, at: datetime) -> Self:
        """By a column of their own: of a row that changed until it is locked, a subquery answers as it was before."""
        return self.filter(Q(leased_until=None) | Q(leased_until__lte=at))

    def locked(self, *, skip_locked: bool = False) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)


class WebhookEndpoint(models.Model):
    """An address that hears of what happens in a tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(_("address"), max_length=500)
    # None named: all.
    types = ArrayField(models.CharField(max_length=60), default=list)
    state = models.CharField(_("state"), max_length=10, choices=EndpointState, default=EndpointState.ACTIVE)
    disabled_because = models.CharField(max_length=10, choices=DisabledBecause, blank=True, default="")
    disabled_at = models.DateTimeField(null=True)
    # Sealed, see `tenants.sealing`. The one before signs as well until then.
    secret = models.TextField()
    previous_secret = models.TextField(blank=True, default="")
    previous_until = models.DateTimeField(null=True)
    # Of the last event that it was asked whether it wants it.
    position = models.BigIntegerField()
    # A lease, not a flag: a process that died frees it by the clock.
    leased_until = models.DateTimeField(null=True)
    turn_at = models.DateTimeField(null=True)
    # Since when it has taken nothing, and the latest try that failed.
    failing_since = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    created_by = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("webhook_endpoint"),
            models.CheckConstraint(condition=Q(state__in=EndpointState.values), name="webhook_state_is_known"),
            models.CheckConstraint(condition=Q(position__gte=0), name="webhook_position_counts"),
            models.CheckConstraint(
                condition=Q(state="disabled", disabled_at__isnull=False, disabled_because__in=DisabledBecause.values)
                | (~Q(state="disabled") & Q(disabled_at=None, disabled_because="")),
                name="webhook_is_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_until=None)
                | (~Q(previous_secret="") & Q(previous_until__isnull=False)),
                name="webhook_previous_secret_ends",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="webhook_endpoint_page")]

    def __str__(self) -> str:
        return self.url

    def wants(self, type: str) -> bool:
        return not self.types or type in self.types


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def due(self, at: datetime) -> Self:
        return self.filter(state=DeliveryState.DUE, next_try_at__lte=at)

    def in_turn(self) -> Self:
        return self.order_by("next_try_at", "pk")

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class WebhookDelivery(models.Model):
    """One event for one endpoint, and what came of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    endpoint = TenantForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = TenantForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    # Of the latest try: what was answered, or why nothing was.
    tried_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_text = models.CharField(max_length=500, blank=True, default="")
    error = models.CharField(max_length=40, blank=True, default="")
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("webhook_delivery"),
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once_for_an_event"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="webhook_delivery_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="due", next_try_at__isnull=False) | (~Q(state="due") & Q(next_try_at=None)),
                name="webhook_delivery_is_tried_when_due",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "created_at", "id"], name="webhook_delivery_page"),
            models.Index(
                fields=["endpoint", "next_try_at", "id"], name="webhook_delivery_due", condition=Q(state="due")
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
