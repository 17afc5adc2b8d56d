"""
The sandbox provider's own ledger. It belongs to the provider: nothing of Seatwise refers to it, and it is
written through its own connection, so that it commits apart from our transactions.
"""

from django.db import models
from django.db.models import F, Q


class SandboxChargeState(models.TextChoices):
    REQUIRES_ACTION = "requires_action"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELED = "canceled"


class SandboxCharge(models.Model):
    """A charge as the sandbox knows it, found again by the caller's key."""

    key = models.UUIDField(primary_key=True)
    customer = models.CharField(max_length=64)
    payment_method = models.CharField(max_length=255)
    amount = models.DecimalField(max_digits=17, decimal_places=3)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=20, choices=SandboxChargeState)
    decline_code = models.CharField(max_length=60, blank=True)
    return_url = models.CharField(max_length=500, blank=True)
    refunded = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(refunded__lte=F("amount")), name="sandbox_refunds_within_charge")
        ]
        indexes = [models.Index(fields=["customer", "payment_method"], name="sandbox_charge_of_customer")]


class SandboxRefund(models.Model):
    """A refund as the sandbox knows it."""

    key = models.UUIDField(primary_key=True)
    charge = models.ForeignKey(SandboxCharge, on_delete=models.PROTECT, related_name="refunds")
    amount = models.DecimalField(max_digits=17, decimal_places=3)
    created_at = models.DateTimeField(auto_now_add=True)
