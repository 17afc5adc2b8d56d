from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from licensing.calendar import days_later, term_end
from licensing.models import Plan, Subscription
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class CheckoutState(models.TextChoices):
    OPEN = "open", _("Open")
    AWAITING_APPROVAL = "awaiting_approval", _("Waiting for approval")
    REQUIRES_ACTION = "requires_action", _("Waiting for your bank")
    PROCESSING = "processing", _("Payment in progress")
    COMPLETED = "completed", _("Completed")
    EXPIRED = "expired", _("Expired")
    CANCELED = "canceled", _("Canceled")


CLOSED = (CheckoutState.COMPLETED, CheckoutState.EXPIRED, CheckoutState.CANCELED)
# What runs out by itself.
RUNS_OUT = (CheckoutState.OPEN, CheckoutState.AWAITING_APPROVAL, CheckoutState.REQUIRES_ACTION)


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def by_buyer(self, buyer: Membership) -> Self:
        return self.filter(tenant_id=buyer.tenant_id, buyer=buyer)

    def payable(self, at: datetime) -> Self:
        return self.filter(state=CheckoutState.OPEN, expires_at__gt=at)

    def overdue(self, at: datetime) -> Self:
        return self.filter(expires_at__lte=at, state__in=RUNS_OUT)

    def to_charge(self) -> Self:
        """Approved, with a card that is kept to pay for them at once."""
        return self.filter(Q(kept_card__isnull=False) | Q(card_setup__isnull=False), state=CheckoutState.OPEN)

    def locked(self) -> Self:
        # The lock of the aggregate: a checkout's order and payments change only under it.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_plan(self) -> Self:
        return self.select_related("tenant", "buyer__user", "buyer__tenant", "plan__product__family", "card_setup")

    def with_outcome(self) -> Self:
        """With its order, the tries of cards, and what it brought; a trial without any of them."""
        return self.select_related("trial").prefetch_related("orders__subscription", "orders__payments")


class Checkout(models.Model):
    """One person's wish to buy, with the price that was shown. What was shown is what is charged."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="checkouts")
    buyer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="checkouts")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="checkouts")
    quantity = models.PositiveIntegerField(_("quantity"))
    # Membership ids; whoever has left by the time it is paid gets no seat.
    assign_to = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=20, choices=CheckoutState, default=CheckoutState.OPEN)
    currency = models.CharField(_("currency"), max_length=3)
    unit_price = models.DecimalField(_("unit price"), max_digits=12, decimal_places=3)
    subtotal = models.DecimalField(_("subtotal"), max_digits=17, decimal_places=3)
    tax = models.DecimalField(_("tax"), max_digits=17, decimal_places=3, default=0)
    total = models.DecimalField(_("total"), max_digits=17, decimal_places=3)
    # Fixed with the quote, whatever the rates are by the time it is paid.
    tax_name = models.CharField(max_length=40, blank=True)
    tax_rate = models.DecimalField(max_digits=6, decimal_places=4, default=0)
    tax_inclusive = models.BooleanField(default=False)
    reverse_charge = models.BooleanField(default=False)
    # Who bills, fixed with the tax, which depends on where it sits; none: quoted before that was kept.
    seller = models.ForeignKey("commerce.Seller", on_delete=models.PROTECT, null=True, related_name="+")
    # What is charged once it is approved: a card, or the try to keep one whose end is not known yet.
    kept_card = TenantForeignKey("commerce.PaymentMethod", on_delete=models.PROTECT, null=True, related_name="+")
    card_setup = TenantForeignKey("commerce.CardSetup", on_delete=models.PROTECT, null=True, related_name="+")
    # What is quoted is charged when a trial ends, which begins with a card that is kept.
    with_trial = models.BooleanField(default=False)
    # What it brought without an order: a trial.
    trial = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="trial_checkouts")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(_("expires"))

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("checkout"),
            models.CheckConstraint(condition=Q(state__in=CheckoutState.values), name="checkout_state_is_known"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="checkout_has_seats"),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="checkout_adds_up"),
            models.CheckConstraint(
                condition=Q(tax_inclusive=False, subtotal=F("unit_price") * F("quantity"))
                | Q(tax_inclusive=True, total=F("unit_price") * F("quantity")),
                name="checkout_line_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(trial=None) | Q(state="completed") & (Q(total=0) | Q(with_trial=True)),
                name="a_trial_is_free_and_begins_at_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                name="checkout_overdue",
                condition=Q(state__in=("open", "awaiting_approval", "requires_action")),
            ),
            models.Index(
                fields=["created_at"],
                name="checkout_to_charge",
                condition=Q(state="open") & (Q(kept_card__isnull=False) | Q(card_setup__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} × {self.quantity}"

    def would_end_at(self, at: datetime) -> datetime:
        """
        The end of the term if it is paid at a moment, or of the trial if that begins then; after its own end, as if it
        had been paid with the last.
        """
        if self.with_trial:
            return days_later(min(at, self.expires_at), self.tenant.zone, self.plan.product.trial_days or 0)
        return term_end(min(at, self.expires_at), self.tenant.zone, self.plan.term)
