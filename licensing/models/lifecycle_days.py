from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models.catalogue import Product
from licensing.models.subscription import Channel, EndCause


class LifecycleDays(models.Model):
    """How many days a subscription stays expired and disabled: by the cause of its end, its channel and its product."""

    cause = models.CharField(_("cause"), max_length=20, choices=EndCause)
    # Empty: every channel that has no row of its own.
    channel = models.CharField(_("channel"), max_length=20, choices=Channel, blank=True)
    # None: every product that has no row of its own.
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, related_name="lifecycle_days", verbose_name=_("product")
    )
    expired_days = models.PositiveSmallIntegerField(_("days in grace"))
    disabled_days = models.PositiveSmallIntegerField(_("days disabled"))

    class Meta:
        verbose_name_plural = _("lifecycle days")
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "channel", "product"], name="lifecycle_days_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(cause__in=EndCause.values), name="lifecycle_cause_is_known"),
            models.CheckConstraint(condition=Q(channel__in=["", *Channel.values]), name="lifecycle_channel_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_cause_display()}: {self.expired_days} + {self.disabled_days}"

    @property
    def is_for_all(self) -> bool:
        """The row of a cause that holds wherever no narrower one does."""
        return self.channel == "" and self.product_id is None

    @property
    def breadth(self) -> tuple[bool, bool]:
        """In the order in which rows hold: a product's before a channel's, both before either."""
        return self.product_id is None, self.channel == ""
