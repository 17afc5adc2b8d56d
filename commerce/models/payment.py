from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import DecimalField, F, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from commerce.models.order import Order, OrderLine
from commerce.models.payment_method import PaymentMethod
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

_NOTHING = Value(0, output_field=DecimalField(max_digits=17, decimal_places=3))


class PaymentQuerySet(models.QuerySet["Payment"]):
    def live(self) -> Self:
        return self.filter(state__in=LIVE)

    def unanswered(self, since: datetime) -> Self:
        """Those whose answer was still not known here at a moment; `started` before `requires_action`."""
        # Cardholders who take their time hold up nobody whose answer was lost.
        return self.live().filter(started_at__lt=since).order_by("-state", F("asked_at").asc(nulls_first=True))

    def set_aside(self) -> Self:
        """Those that wait for the operator to give them back: `promised` of them was promised to the card before."""
        promises = Refund.objects.promises().filter(payment=models.OuterRef("pk")).order_by().values("payment")
        promised = Coalesce(Subquery(promises.annotate(sum=Sum("amount")).values("sum")), _NOTHING)
        waiting = self.filter(state=PaymentState.SET_ASIDE).annotate(promised=promised)
        return waiting.filter(captured__gt=F("promised")).uncontested()

    def with_free(self) -> Self:
        """`free`: what of them is neither refunded, nor contested, nor owed to the card by a refund that failed."""
        failed = Refund.objects.to_be_made_good().filter(payment=models.OuterRef("pk")).order_by().values("payment")
        owed = Coalesce(Subquery(failed.annotate(sum=Sum("amount")).values("sum")), _NOTHING)
        return self.annotate(free=F("captured") - F("refunded") - F("disputed") - owed)

    def uncontested(self) -> Self:
        """Those of which something may be refunded: neither disputed at the bank now, nor lost there."""
        taking = Dispute.objects.filter(payment=models.OuterRef("pk"), state__in=TAKING)
        return self.exclude(models.Exists(taking))

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
    # The kept card that was charged, known with the provider's answer at the latest.
    card = TenantForeignKey(PaymentMethod, on_delete=models.PROTECT, null=True, related_name="payments")
    gateway = models.CharField(max_length=20)
    gateway_ref = models.CharField(max_length=255, blank=True)
    action_url = models.CharField(max_length=500, blank=True)
    decline_code = models.CharField(max_length=60, blank=True)
    captured = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    refunded = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    # What open and lost disputes took.
    disputed = models.DecimalField(max_digits=17, decimal_places=3, default=0)
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
            models.CheckConstraint(
                condition=Q(refunded__lte=F("captured") - F("disputed")), name="refunded_and_disputed_within_captured"
            ),
            models.CheckConstraint(condition=Q(refunded__gte=0, disputed__gte=0), name="refunded_not_negative"),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(captured=F("amount")), name="a_paid_payment_is_captured_whole"
            ),
        ]
        indexes = [
            models.Index(
                fields=["started_at"], name="payment_unsettled", condition=Q(state__in=("started", "requires_action"))
            ),
            models.Index(fields=["tenant", "payer", "started_at"], name="payment_of_payer"),
            models.Index(fields=["started_at"], name="payment_set_aside", condition=Q(state="set_aside")),
            # A provider's books are compared by the time of its charges.
            models.Index(fields=["gateway", "started_at"], name="payment_of_gateway", condition=Q(captured__gt=0)),
            # What counts against the limits of declines, asked under a lock.
            models.Index(
                fields=["tenant", "started_at"], name="payment_declined", condition=Q(state__in=("failed", "started"))
            ),
            # As of orders: by when it became a fact about money.
            models.Index(fields=["settled_at"], name="payment_taken", condition=Q(captured__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @property
    def captured_in(self) -> str:
        """The currency of what was captured and goes back: the agreed one, unless it was set aside."""
        if self.state != PaymentState.SET_ASIDE:
            return self.currency
        return next((movement.currency for movement in self.movements.all()), self.currency)

    @property
    def is_contested(self) -> bool:
        """Disputed at the cardholder's bank, or lost there: nothing of it is refunded. Asks the database."""
        return Dispute.objects.taking(self).exists()


class RefundState(models.TextChoices):
    STARTED = "started", _("In progress")
    SUCCEEDED = "succeeded", _("Refunded")
    FAILED = "failed", _("Failed")


class RefundReason(models.TextChoices):
    CANCELED = "canceled", _("Canceled within the refund window")
    REDUCED = "reduced", _("Seats given back within the refund window")
    SURPLUS = "surplus", _("Charged although nothing was left to pay for")
    SET_ASIDE = "set_aside", _("Charged with another amount than agreed")
    TAKEN_OVER = "taken_over", _("Not used any more: the organisation took it over")
    # Made by hand in the provider's own pages and learned of from there.
    EXTERNAL = "external", _("Made at the payment provider")


class RefundQuerySet(models.QuerySet["Refund"]):
    def on_their_way(self, payment: Payment) -> Self:
        """Those of a payment that were promised and whose answer is not known here."""
        promised = self.filter(payment=payment, state=RefundState.STARTED)
        return promised.order_by("created_at", "pk").select_related("payment", "tenant")

    def promises(self) -> Self:
        """Those that promise something, and do not only make good what an earlier one failed to give."""
        return self.filter(replaces=None)

    def to_be_made_good(self) -> Self:
        """Promises that failed, are not being made good, and can be: the bank took nothing of their charge."""
        failed = self.promises().filter(state=RefundState.FAILED)
        under_way = Refund.objects.filter(replaces=models.OuterRef("pk")).exclude(state=RefundState.FAILED)
        taken = Dispute.objects.filter(payment=models.OuterRef("payment"), state__in=TAKING)
        return failed.exclude(models.Exists(under_way)).exclude(models.Exists(taken))

    def unanswered(self, since: datetime) -> Self:
        """Those whose answer was still not known here at a moment, oldest first."""
        waiting = self.filter(state=RefundState.STARTED, created_at__lt=since)
        return waiting.order_by(F("asked_at").asc(nulls_first=True), "created_at")


class Refund(models.Model):
    """
    Money that goes back to the card of a payment, by the key that is its id. Without a payment: a credit that lowers
    what is due on an open invoice.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="refunds")
    order = TenantForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="refunds")
    line = TenantForeignKey(OrderLine, on_delete=models.PROTECT, null=True, related_name="refunds")
    # Seats of the line that it is for.
    quantity = models.PositiveIntegerField(null=True)
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    # The part of the amount that is tax.
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3, default=0)
    reason = models.CharField(_("reason"), max_length=20, choices=RefundReason)
    # The refund that failed and that this one makes good: what it promised is not promised a second time.
    replaces = TenantForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replacements")
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
            models.CheckConstraint(condition=Q(tax__gte=0, tax__lte=F("amount")), name="refunded_tax_within_refund"),
            models.CheckConstraint(condition=Q(state__in=RefundState.values), name="refund_state_is_known"),
            models.CheckConstraint(condition=Q(reason__in=RefundReason.values), name="refund_reason_is_known"),
            # What failed is made good once, however many click at once.
            models.UniqueConstraint(
                fields=["replaces"], condition=~Q(state="failed"), name="one_replacement_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False) | Q(state="succeeded"), name="a_credit_is_never_on_its_way"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="refund_unsettled", condition=Q(state="started")),
            models.Index(fields=["created_at"], name="refund_that_failed", condition=Q(state="failed")),
            # By the provider's id, for those that were made there.
            models.Index(fields=["gateway_ref"], name="refund_by_reference", condition=~Q(gateway_ref="")),
            models.Index(fields=["created_at"], name="refund_promised"),
            models.Index(fields=["settled_at"], name="refund_settled", condition=Q(settled_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} ({self.state})"


class DisputeState(models.TextChoices):
    OPEN = "open", _("Open")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


# As long as it stands so, the money is gone.
TAKING = (DisputeState.OPEN, DisputeState.LOST)


class DisputeQuerySet(models.QuerySet["Dispute"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def taking(self, payment: Payment) -> Self:
        """Those that hold, or have taken, money of a payment."""
        return self.filter(payment=payment, state__in=TAKING)

    def keeping_ended(self, subscription: UUID) -> Self:
        """Those that keep access to a subscription away."""
        return self.filter(payment__order__subscription=subscription, ended_subscription=True)


class Dispute(models.Model):
    """A charge that its cardholder contests at the bank: the money is gone until, and unless, it is won."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="disputes")
    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    gateway_ref = models.CharField(max_length=255, unique=True)
    # At most what was captured and not refunded.
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    state = models.CharField(_("state"), max_length=10, choices=DisputeState, default=DisputeState.OPEN)
    # It keeps access away that would be there without it, so winning gives it back.
    ended_subscription = models.BooleanField(default=False)
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True)

    objects = DisputeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="dispute_not_negative"),
            models.CheckConstraint(condition=Q(state__in=DisputeState.values), name="dispute_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["opened_at"], name="dispute_open", condition=Q(state="open")),
            models.Index(fields=["closed_at"], name="dispute_closed", condition=Q(closed_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} ({self.state})"
