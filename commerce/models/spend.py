"""What tenants spend, month by month: kept beside the ledger, so that nothing is summed up where it is shown."""

from collections.abc import Collection
from datetime import date
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q, Sum

from commerce.models.ledger import Account, MovementKind
from licensing.models import Channel
from tenants.directory.models import Tenant

# Billed, with its tax, less what was given back, and what a bank took back: what these accounts hold is spent.
SPENT_ON = (Account.SALES, Account.TAX, Account.DISPUTED, Account.LOSSES)
# The movements that change what they hold together. A dispute that is lost moves from one of them to another.
SPENT_BY = (
    MovementKind.ORDER_BILLED,
    MovementKind.REFUND_PROMISED,
    MovementKind.CREDITED,
    MovementKind.DISPUTE_OPENED,
    MovementKind.DISPUTE_WON,
)


class MonthlySpendQuerySet(models.QuerySet["MonthlySpend"]):
    def among(self, tenants: Collection[UUID] | None) -> Self:
        """Of these tenants; None: of all."""
        return self if tenants is None else self.filter(tenant__in=tenants)

    def since(self, month: date) -> Self:
        return self.filter(month__gte=month)

    def summed(self) -> "models.QuerySet[MonthlySpend, Any]":
        """`spent` for each `month`, `channel` and `currency`."""
        scopes = self.order_by("currency", "month", "channel").values("month", "channel", "currency")
        return scopes.annotate(spent=Sum("amount"))


class MonthlySpend(models.Model):
    """
    A part of what a tenant spent in a month of its own time zone. Each movement of the ledger that changes it adds a
    row, which nobody waits for; a sweep folds the rows of one month, channel and currency into one. What was spent is
    their sum.
    """

    # Written in SQL, a row for each movement.
    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Its first day.
    month = models.DateField()
    channel = models.CharField(max_length=20, choices=Channel)
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=20, decimal_places=3)
    folded = models.BooleanField(default=False)

    objects = MonthlySpendQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "month", "channel", "currency"],
                condition=Q(folded=True),
                name="one_folded_spend_per_month",
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="a_month_begins_on_its_first_day"),
        ]
        indexes = [
            models.Index(fields=["tenant", "month"], name="spend_of_tenant"),
            models.Index(fields=["id"], name="spend_to_fold", condition=Q(folded=False)),
        ]
