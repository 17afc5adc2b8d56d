from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Channel, Plan
from tenants.ids import new_id


class PriceQuerySet(models.QuerySet["Price"]):
    def in_force(self, channel: str, on: date) -> Self:
        """One row for each plan and currency: the version that applies on a day."""
        return (
            self.filter(channel=channel, valid_from__lte=on)
            .order_by("plan_id", "currency", "-valid_from")
            .distinct("plan_id", "currency")
        )


class Price(models.Model):
    """A version of what one seat of a plan costs for one term, by channel and currency, from a day on."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prices", verbose_name=_("plan"))
    channel = models.CharField(_("channel"), max_length=20, choices=Channel)
    currency = models.CharField(_("currency"), max_length=3)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=3)
    valid_from = models.DateField(_("valid from"))
    # When it was published; none: with the first catalogue. A renewal takes it 30 days later at the earliest.
    announced_at = models.DateTimeField(_("announced"), null=True)

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "channel", "currency", "valid_from"], name="price_version_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="price_is_positive"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="price_channel_is_known"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="price_currency_is_a_code"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
