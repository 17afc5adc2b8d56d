from typing import Self

from django.db import models
from django.db.models import F, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.checkout import Checkout
from licensing.models import Plan, Subscription
from tenants.access import Actor, Right
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class OrderState(models.TextChoices):
    PENDING = "pending", _("Not paid yet")
    PAID = "paid", _("Paid")
    CANCELED = "canceled", _("Canceled")


class OrderQuerySet(models.QuerySet["Order"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def by_buyer(self, buyer: Membership) -> Self:
        return self.filter(tenant_id=buyer.tenant_id, buyer=buyer)

    def visible_to(self, by: Actor) -> Self:
        """What a person may see in the acting tenant: everything by right, else what they ordered."""
        return self.of(by.home.tenant) if by.may(Right.SEE_ALL_PURCHASES) else self.by_buyer(by.home)

    def paid(self) -> Self:
        return self.filter(state=OrderState.PAID)

    def with_lines(self) -> Self:
        """With lines, tries of cards and refunds, each in the order in which they came to be."""
        lines = OrderLine.objects.order_by("pk").select_related("plan__product")
        return self.select_related("buyer__user").prefetch_related(Prefetch("lines", lines), "payments__refunds")


class Order(models.Model):
    """What a checkout bought, one for each checkout however often its card was tried."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="orders")
    buyer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="orders", verbose_name=_("buyer"))
    checkout = TenantForeignKey(Checkout, on_delete=models.PROTECT, related_name="orders")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="orders")
    state = models.CharField(_("state"), max_length=10, choices=OrderState, default=OrderState.PENDING)
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = models.DecimalField(_("subtotal"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3)
    total = models.DecimalField(_("total"), max_digits=17, decimal_places=3)
    created_at = models.DateTimeField(_("ordered"))
    paid_at = models.DateTimeField(_("paid"), null=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("order"),
            models.UniqueConstraint(fields=["checkout"], name="one_order_per_checkout"),
            models.CheckConstraint(condition=Q(state__in=OrderState.values), name="order_state_is_known"),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="order_adds_up"),
            models.CheckConstraint(
                condition=Q(state="paid", paid_at__isnull=False, subscription__isnull=False)
                | ~Q(state="paid") & Q(paid_at=None, subscription=None),
                name="a_paid_order_has_its_subscription",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="order_page"),
            models.Index(fields=["tenant", "subscription"], name="order_of_subscription"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class OrderLine(models.Model):
    """One position of an order: a quantity of a plan at a unit price, for a period once it is paid."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    order = TenantForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.DecimalField(_("unit price"), max_digits=12, decimal_places=3)
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3, default=0)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            unique_within_tenant("order_line"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_has_seats"),
            models.CheckConstraint(condition=Q(amount=F("unit_price") * F("quantity")), name="order_line_adds_up"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} × {self.quantity}"


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

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "starts_at"], name="one_period_per_start"),
            models.UniqueConstraint(fields=["subscription", "ends_at"], name="one_period_per_end"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="period_ends_after_it_starts"),
        ]
