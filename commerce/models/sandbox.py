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


class SandboxCard(models.Model):
    """A card that the sandbox keeps for a customer: a test token under a reference of its own."""

    reference = models.CharField(max_length=64, primary_key=True)
    customer = models.CharField(max_length=64)
    token = models.CharField(max_length=64)
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "token"], name="sandbox_card_once")]


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
    card = models.ForeignKey(SandboxCard, on_delete=models.PROTECT, null=True, related_name="charges")
    refunded = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(refunded__lte=F("amount")), name="sandbox_refunds_within_charge")
        ]
        indexes = [models.Index(fields=["customer", "payment_method"], name="sandbox_charge_of_customer")]


class SandboxRefundState(models.TextChoices):
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class SandboxRefund(models.Model):
    """A refund as the sandbox knows it; `by_hand` when somebody made it in the provider's own pages."""

    key = models.UUIDField(primary_key=True)
    charge = models.ForeignKey(SandboxCharge, on_delete=models.PROTECT, related_name="refunds")
    amount = models.DecimalField(max_digits=17, decimal_places=3)
    state = models.CharField(max_length=10, choices=SandboxRefundState, default=SandboxRefundState.SUCCEEDED)
    by_hand = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)


class SandboxSetup(models.Model):
    """A card that is being kept without a charge, found again by the caller's key."""

    key = models.UUIDField(primary_key=True)
    customer = models.CharField(max_length=64)
    token = models.CharField(max_length=64)
    state = models.CharField(max_length=20, choices=SandboxChargeState)
    decline_code = models.CharField(max_length=60, blank=True)
    return_url = models.CharField(max_length=500, blank=True)
    card = models.ForeignKey(SandboxCard, on_delete=models.PROTECT, null=True, related_name="setups")
    created_at = models.DateTimeField(auto_now_add=True)


class SandboxDisputeState(models.TextChoices):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class SandboxDispute(models.Model):
    """A charge that its cardholder contests, as the sandbox knows it."""

    reference = models.CharField(max_length=64, primary_key=True)
    charge = models.OneToOneField(SandboxCharge, on_delete=models.PROTECT, related_name="dispute")
    amount = models.DecimalField(max_digits=17, decimal_places=3)
    state = models.CharField(max_length=10, choices=SandboxDisputeState, default=SandboxDisputeState.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)


class SandboxEvent(models.Model):
    """News that the sandbox owes to whoever listens, until it was taken."""

    id = models.CharField(max_length=64, primary_key=True)
    type = models.CharField(max_length=64)
    reference = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Not before: a listener that does not take it is asked ever more seldom.
    next_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="sandbox_event_owed", condition=Q(delivered_at=None))]
