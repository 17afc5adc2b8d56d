from decimal import Decimal
from typing import Any, Self

from django.db import models
from django.db.models import F, Prefetch, Q, prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from commerce.models.agreement import Agreement
from commerce.models.checkout import Checkout
from licensing.models import Channel, Plan, Subscription
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class OrderKind(models.TextChoices):
    PURCHASE = "purchase", _("Purchase")
    SEATS = "seats", _("More seats")
    REACTIVATION = "reactivation", _("Reactivation")
    RENEWAL = "renewal", _("Renewal")
    ALIGNMENT = "alignment", _("Aligned end of term")
    # Of an adopted subscription: what goes back to who paid it before.
    REIMBURSEMENT = "reimbursement", _("Rest of a term that was taken over")


# Charged by themselves: nobody sits in front of them, and what pays is kept as it is.
UNASKED = (OrderKind.RENEWAL, OrderKind.REIMBURSEMENT)


class OrderState(models.TextChoices):
    PENDING = "pending", _("Not paid yet")
    # Granted on an agreement; its invoice is open.
    INVOICED = "invoiced", _("Invoiced")
    PAID = "paid", _("Paid")
    CANCELED = "canceled", _("Canceled")


GRANTED = (OrderState.INVOICED, OrderState.PAID)


class OrderQuerySet(models.QuerySet["Order"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def by_buyer(self, buyer: Membership) -> Self:
        return self.filter(tenant_id=buyer.tenant_id, buyer=buyer)

    def visible_to(self, by: Actor) -> Self:
        """What a person may see in the acting tenant: everything by right, else what they ordered."""
        return self.of(by.organisation).filter(Q() if by.may(Right.SEE_ALL_PURCHASES) else by.own("buyer"))

    def paid(self) -> Self:
        return self.filter(state=OrderState.PAID)

    def granted(self) -> Self:
        """Those that brought what they are for: paid, or to be paid by invoice."""
        return self.filter(state__in=GRANTED)

    def locked(self) -> Self:
        # The lock of the aggregate: an order's payments, refunds and disputes change only under it. Its checkout's
        # lock, where it has one, comes first.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_lines(self) -> Self:
        """With lines, tries of cards and refunds, each in the order in which they came to be."""
        lines = OrderLine.objects.order_by("pk").select_related("plan__product")
        return self.select_related("buyer__user").prefetch_related(Prefetch("lines", lines), "payments__refunds")

    def with_history(self) -> Self:
        """As `with_lines`, with what was credited, and what was captured for it in which currency."""
        return self.with_lines().prefetch_related("refunds", "payments__movements")


class Order(models.Model):
    """What was bought at once and is paid at once, however often a card is tried for it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="orders")
    buyer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="orders", verbose_name=_("buyer"))
    kind = models.CharField(_("kind"), max_length=20, choices=OrderKind, default=OrderKind.PURCHASE)
    channel = models.CharField(_("channel"), max_length=20, choices=Channel, default=Channel.SELF_SERVICE)
    # None: it was ordered without one, as more seats and central purchases are.
    checkout = TenantForeignKey(Checkout, on_delete=models.PROTECT, null=True, related_name="orders")
    agreement = TenantForeignKey(Agreement, on_delete=models.PROTECT, null=True, related_name="orders")
    # Of a purchase: none until it is granted.
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="orders")
    # Of an alignment: what later terms are counted from.
    anchor_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=OrderState, default=OrderState.PENDING)
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = models.DecimalField(_("subtotal"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3)
    total = models.DecimalField(_("total"), max_digits=17, decimal_places=3)
    # What credit notes took off before anything was paid: the rest is due.
    credited = models.DecimalField(max_digits=17, decimal_places=3, default=0)
    tax_name = models.CharField(max_length=40, blank=True)
    tax_rate = models.DecimalField(max_digits=6, decimal_places=4, default=0)
    tax_inclusive = models.BooleanField(default=False)
    reverse_charge = models.BooleanField(default=False)
    # Who bills, fixed with the tax, which depends on where it sits; none: quoted before that was kept.
    seller = models.ForeignKey("commerce.Seller", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("ordered"))
    granted_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(_("paid"), null=True)
    due_at = models.DateTimeField(_("due"), null=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("order"),
            models.UniqueConstraint(fields=["checkout"], name="one_order_per_checkout"),
            # More seats and a reactivation are charged one after another.
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(state="pending"), name="one_open_order_per_subscription"
            ),
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="order_state_is_known"),
            models.CheckConstraint(condition=Q(kind__in=OrderKind.values), name="order_kind_is_known"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="order_channel_is_known"),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="order_adds_up"),
            models.CheckConstraint(
                condition=Q(credited__gte=0, credited__lte=F("total")), name="credited_within_total"
            ),
            models.CheckConstraint(
                condition=Q(state="paid", paid_at__isnull=False) | ~Q(state="paid") & Q(paid_at=None),
                name="a_paid_order_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("paid", "invoiced"), granted_at__isnull=False)
                | ~Q(state__in=("paid", "invoiced")) & Q(granted_at=None),
                name="a_granted_order_says_when",
            ),
            models.CheckConstraint(
                condition=Q(kind="purchase", granted_at=None, subscription=None)
                | ~Q(kind="purchase", granted_at=None) & Q(subscription__isnull=False),
                name="an_order_has_its_subscription",
            ),
            models.CheckConstraint(
                condition=Q(kind="alignment", anchor_at__isnull=False) | ~Q(kind="alignment") & Q(anchor_at=None),
                name="an_alignment_has_its_anchor",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="order_page"),
            models.Index(fields=["tenant", "subscription"], name="order_of_subscription"),
            models.Index(
                fields=["created_at"], name="order_waiting", condition=Q(state="pending", checkout__isnull=True)
            ),
            # By when it became a fact about money, for whoever looks whether all of them were written down.
            models.Index(fields=["granted_at"], name="order_granted", condition=Q(granted_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def bought(self) -> "list[OrderLine]":
        """Its lines with their plans, read once: for whoever holds its lock, or has just placed it."""
        prefetch_related_objects(
            [self], Prefetch("lines", OrderLine.objects.order_by("pk").select_related("plan__product"))
        )
        return list(self.lines.all())

    @property
    def due(self) -> Decimal:
        """What is still to be paid for it."""
        return self.total - self.credited

    @property
    def credits(self) -> list[Any]:
        """The refunds that were taken off its invoice before anything was paid: no card has a part in them."""
        return [refund for refund in self.refunds.all() if refund.payment_id is None]


class OrderLine(models.Model):
    """One position of an order: a quantity of a plan at a unit price, for a period once it is paid."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    order = TenantForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.DecimalField(_("unit price"), max_digits=12, decimal_places=3)
    # Net; with prices that include it the tax was taken out of unit_price times quantity.
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3, default=0)
    tax_inclusive = models.BooleanField(default=False)
    # How much of a term is charged, in seconds; none: all of it.
    part_seconds = models.PositiveIntegerField(null=True)
    term_seconds = models.PositiveIntegerField(null=True)
    # Seats that were given back since.
    returned = models.PositiveIntegerField(default=0)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            unique_within_tenant("order_line"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_has_seats"),
            models.CheckConstraint(condition=Q(returned__lte=F("quantity")), name="returned_within_line"),
            models.CheckConstraint(
                condition=Q(part_seconds=None, term_seconds=None) | Q(part_seconds__lte=F("term_seconds")),
                name="order_line_is_a_part_of_a_term",
            ),
            models.CheckConstraint(
                condition=Q(part_seconds__isnull=False)
                | Q(tax_inclusive=False, amount=F("unit_price") * F("quantity"))
                | Q(tax_inclusive=True, amount=F("unit_price") * F("quantity") - F("tax")),
                name="order_line_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} × {self.quantity}"

    @property
    def seats_left(self) -> int:
        return self.quantity - self.returned


class BillingPeriodQuerySet(models.QuerySet["BillingPeriod"]):
    def of_terms_till_now(self) -> Self:
        """Without a term that is paid before it begins; the newest first."""
        return self.filter(starts_at__lt=F("subscription__term_end")).order_by("-starts_at")


class BillingPeriod(models.Model):
    """A term of a subscription that was charged once, with the price version that it was charged at."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="billing_periods")
    line = TenantForeignKey(OrderLine, on_delete=models.PROTECT, related_name="billing_periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    unit_price = models.DecimalField(max_digits=12, decimal_places=3)

    objects = BillingPeriodQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "starts_at"], name="one_period_per_start"),
            models.UniqueConstraint(fields=["subscription", "ends_at"], name="one_period_per_end"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="period_ends_after_it_starts"),
        ]
        # What costs more than an amount.
        indexes = [models.Index(fields=["tenant", "unit_price", "subscription"], name="period_by_price")]
