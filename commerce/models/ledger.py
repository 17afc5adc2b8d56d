"""
The ledger, in double entry: what was billed, taken, given back and contested, as movements between accounts. Written
once: the database refuses to change one, and one whose postings do not sum to zero.
"""

from typing import Any, Self

from django.db import models
from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from commerce.models.order import Order
from commerce.models.payment import Payment
from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class Account(models.TextChoices):
    # Owed by buyers for what they were granted.
    RECEIVABLE = "receivable", _("Owed by buyers")
    # Money that lies at the payment provider.
    PROVIDER = "provider", _("At the payment provider")
    # Earned, without tax: negative.
    SALES = "sales", _("Sales")
    # Owed to tax offices: negative.
    TAX = "tax", _("Tax")
    # Promised to cards and not there yet: negative.
    REFUNDS_DUE = "refunds_due", _("To be given back")
    # Taken with another amount or currency than agreed, until the operator decides: negative.
    SUSPENSE = "suspense", _("Set aside")
    # Taken back by a bank that has not decided yet.
    DISPUTED = "disputed", _("Contested")
    # Taken back by a bank for good.
    LOSSES = "losses", _("Lost to disputes")


class MovementKind(models.TextChoices):
    ORDER_BILLED = "order_billed", _("Order billed")
    CAPTURED = "captured", _("Payment received")
    SURPLUS_CAPTURED = "surplus_captured", _("Payment received that was not needed")
    SET_ASIDE_CAPTURED = "set_aside_captured", _("Payment received and set aside")
    REFUND_PROMISED = "refund_promised", _("Refund promised")
    CREDITED = "credited", _("Credited on an open invoice")
    SET_ASIDE_RELEASED = "set_aside_released", _("Refund of what was set aside promised")
    REFUND_SENT = "refund_sent", _("Refund sent")
    REFUND_RETURNED = "refund_returned", _("Refund came back")
    DISPUTE_OPENED = "dispute_opened", _("Charge contested")
    DISPUTE_WON = "dispute_won", _("Dispute won")
    DISPUTE_LOST = "dispute_lost", _("Dispute lost")


class MovementQuerySet(models.QuerySet["Movement"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def with_postings(self) -> Self:
        return self.prefetch_related("postings")

    def balances(self) -> "models.QuerySet[Movement, Any]":
        """Of these movements: `account`, `currency` and `balance`, by account and currency."""
        named = self.order_by().prefetch_related(None).annotate(account=F("postings__account"))
        return named.values("currency", "account").annotate(balance=Sum("postings__amount")).order_by("currency")


class Movement(models.Model):
    """A fact about money, posted once. `source` is the row that it follows from: an order, payment, refund, dispute."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="movements")
    kind = models.CharField(_("kind"), max_length=20, choices=MovementKind)
    source = models.UUIDField()
    order = TenantForeignKey(Order, on_delete=models.PROTECT, related_name="movements")
    payment = TenantForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="movements")
    currency = models.CharField(_("currency"), max_length=3)
    at = models.DateTimeField(_("when"))

    objects = MovementQuerySet.as_manager()

    class Meta:
        verbose_name = _("movement")
        verbose_name_plural = _("movements")
        constraints = [
            unique_within_tenant("movement"),
            models.UniqueConstraint(fields=["kind", "source"], name="a_fact_is_posted_once"),
            models.CheckConstraint(condition=Q(kind__in=MovementKind.values), name="movement_kind_is_known"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="movement_currency_is_a_code"),
        ]
        indexes = [
            models.Index(fields=["tenant", "at", "id"], name="movement_page"),
            models.Index(fields=["at", "id"], name="movement_page_of_operator"),
            models.Index(fields=["kind", "at", "id"], name="movement_page_of_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.source}"


class Posting(models.Model):
    """What a movement adds to an account: what comes in is positive, what goes out negative."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    # The unique constraint below finds the postings of a movement.
    movement = TenantForeignKey(Movement, on_delete=models.PROTECT, related_name="postings", db_index=False)
    account = models.CharField(_("account"), max_length=20, choices=Account)
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["movement", "account"], name="one_posting_per_account"),
            models.CheckConstraint(condition=Q(account__in=Account.values), name="account_is_known"),
            models.CheckConstraint(condition=~Q(amount=0), name="posting_is_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"


class LedgerChecked(models.Model):
    """
    The one row that says up to when every fact about money is known to be billed, credited and posted, and when that
    was last asked of all of history.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    until = models.DateTimeField()
    whole_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="the_ledger_is_checked_once")]

    def __str__(self) -> str:
        return self.until.isoformat()
