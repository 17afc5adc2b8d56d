from datetime import date, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import OuterRef, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Channel, Plan
from tenants.ids import new_id

# How long before a renewal its price must be known.
NOTICE = timedelta(days=30)


class PriceQuerySet(models.QuerySet["Price"]):
    def in_force(self, channel: str, on: date) -> Self:
        """One row for each plan and currency: the version that applies on a day."""
        return (
            self.filter(channel=channel, valid_from__lte=on)
            .order_by("plan_id", "currency", "-valid_from")
            .distinct("plan_id", "currency")
        )

    def known_by(self, moment: Any) -> Self:
        """Those that had been published then."""
        return self.filter(Q(announced_at=None) | Q(announced_at__lte=moment))

    def replaced(self, on: Any) -> Self:
        """Whether a newer version applies on a day already, for `Exists` below a query of versions."""
        return self.filter(
            plan=OuterRef("plan"),
            channel=OuterRef("channel"),
            currency=OuterRef("currency"),
            valid_from__gt=OuterRef("valid_from"),
            valid_from__lte=on,
            announced_at__isnull=False,
        )

    def to_announce(self) -> Self:
        """Those that people who pay another price were not told of yet."""
        return self.filter(announced_at__isnull=False, told_at=None).order_by("announced_at", "pk")


class Price(models.Model):
    """A version of what one seat of a plan costs for one term, by channel and currency, from a day on."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prices", verbose_name=_("plan"))
    channel = models.CharField(_("channel"), max_length=20, choices=Channel)
    currency = models.CharField(_("currency"), max_length=3)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=3)
    valid_from = models.DateField(_("valid from"))
    # When it was published; none: before anybody was told of prices. Only who is told of a version renews at it.
    announced_at = models.DateTimeField(_("announced"), null=True)
    # When everybody who paid another price by then had been told.
    told_at = models.DateTimeField(null=True)

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "channel", "currency", "valid_from"], name="price_version_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="price_is_positive"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="price_channel_is_known"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="price_currency_is_a_code"),
        ]
        indexes = [
            models.Index(
                fields=["announced_at"], name="price_to_announce", condition=Q(announced_at__isnull=False, told_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
