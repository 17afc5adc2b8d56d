from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.order import Order, OrderLine
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class PaymentState(models.TextChoices):
    # Sent to the provider or about to be: what became of it is not known here yet.
    STARTED = "started", _("In progress")
    REQUIRES_ACTION = "requires_action", _("Waiting for the bank")
    SUCCEEDED = "succeeded", _("Paid")
    FAILED = "failed", _("Declined")
    CANCELED = "canceled", _("Canceled")
    # Captured although nothing was left to pay for: refunded in full.
    SURPLUS = "surplus", _("Refunded, not needed")
    # Captured with another amount or currency than the order's: grants nothing, the operator decides.
    SET_ASIDE = "set_aside", _("Set aside")


LIVE = (PaymentState.STARTED, PaymentState.REQUIRES_ACTION)


class PaymentQuerySet(models.QuerySet["Payment"]):
    def live(self) -> Self:
        return self.filter(state__in=LIVE)

    def unanswered(self, since: datetime) -> Self:
        """Those whose answer was still not known here at a moment; `started` before `requires_action`."""
        # Cardholders who take their time hold up nobody whose answer was lost.
        return self.live().filter(started_at__lt=since).order_by("-state", F("asked_at").asc(nulls_first=True))

    def tried_since(self, moment: datetime) -> Self:
        """Declines since a moment, and tries under way: any of them may still be declined."""
        return self.filter(state__in=(PaymentState.FAILED, PaymentState.STARTED), started_at__gte=moment)


class Payment(models.Model):
    """One try of one card for an order. Its id is the key by which the provider knows it, so it is charged once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="payments")
    order = TenantForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    payer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="payments")
    state = models.CharField(_("state"), max_length=20, choices=PaymentState, default=PaymentState.STARTED)
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    currency = models.CharField(_("currency"), max_length=3)
    # The provider's token for the card; card data itself never comes here.
    payment_method = models.CharField(max_length=255)
    gateway = models.CharField(max_length=20)
    gateway_ref = models.CharField(max_length=255, blank=True)
    action_url = models.CharField(max_length=500, blank=True)
    decline_code = models.CharField(max_length=60, blank=True)
    captured = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    refunded = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    started_at = models.DateTimeField(_("started"))
    # When a sweep last asked the provider: one that cannot be settled does not hold up the others.
    asked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            unique_within_tenant("payment"),
            # One try at a time, and none after one that succeeded.
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=("started", "requires_action", "succeeded")),
                name="one_live_payment_per_order",
            ),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_is_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_is_positive"),
            models.CheckConstraint(condition=Q(refunded__lte=F("captured")), name="refunded_within_captured"),
            models.CheckConstraint(condition=Q(refunded__gte=0), name="refunded_not_negative"),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(captured=F("amount")), name="a_paid_payment_is_captured_whole"
            ),
        ]
        indexes = [
            models.Index(
                fields=["started_at"], name="payment_unsettled", condition=Q(state__in=("started", "requires_action"))
            ),
            models.Index(fields=["tenant", "payer", "started_at"], name="payment_of_payer"),
            # What counts against the limits of declines, asked under a lock.
            models.Index(
                fields=["tenant", "started_at"], name="payment_declined", condition=Q(state__in=("failed", "started"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class RefundState(models.TextChoices):
    STARTED = "started", _("In progress")
    SUCCEEDED = "succeeded", _("Refunded")
    FAILED = "failed", _("Failed")


class RefundReason(models.TextChoices):
    CANCELED = "canceled", _("Canceled within the refund window")
    SURPLUS = "surplus", _("Charged although nothing was left to pay for")


class RefundQuerySet(models.QuerySet["Refund"]):
    def unanswered(self, since: datetime) -> Self:
        """Those whose answer was still not known here at a moment, oldest first."""
        waiting = self.filter(state=RefundState.STARTED, created_at__lt=since)
        return waiting.order_by(F("asked_at").asc(nulls_first=True), "created_at")


class Refund(models.Model):
    """Money that goes back to the card of a payment. Its id is the key by which the provider knows it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="refunds")
    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    line = TenantForeignKey(OrderLine, on_delete=models.PROTECT, null=True, related_name="refunds")
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    reason = models.CharField(_("reason"), max_length=20, choices=RefundReason)
    state = models.CharField(_("state"), max_length=10, choices=RefundState, default=RefundState.STARTED)
    gateway_ref = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(_("created"))
    asked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            unique_within_tenant("refund"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_is_positive"),
            models.CheckConstraint(condition=Q(state__in=RefundState.values), name="refund_state_is_known"),
            models.CheckConstraint(condition=Q(reason__in=RefundReason.values), name="refund_reason_is_known"),
            models.UniqueConstraint(fields=["line"], name="a_line_is_refunded_once", condition=~Q(state="failed")),
        ]
        indexes = [models.Index(fields=["created_at"], name="refund_unsettled", condition=Q(state="started"))]

    def __str__(self) -> str:
        return f"{self.amount}"
