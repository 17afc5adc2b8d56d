from typing import Self

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from commerce.models.price import Price
from licensing.models import Subscription
from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class PriceNoticeQuerySet(models.QuerySet["PriceNotice"]):
    def current(self) -> Self:
        """Those of a version as it stands: one that was rewritten before its day is announced again."""
        return self.filter(amount=F("price__amount"), created_at__gte=F("price__announced_at"))

    def binding(self) -> Self:
        """Those whose letter went out: a renewal takes no other price than one that somebody was told."""
        return self.current().filter(sent_at__isnull=False)


class PriceNotice(models.Model):
    """That the owner of a subscription was told of a new price, and from which renewal on it applies to them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="price_notices")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="notices")
    # As it was announced: a version that is not in force yet may still be changed, and is then announced again.
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=3)
    applies_from = models.DateTimeField(_("applies from"))
    created_at = models.DateTimeField()
    # When the letter went out. None: nobody was told yet, so no renewal takes it.
    sent_at = models.DateTimeField(_("told"), null=True)

    objects = PriceNoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "price", "amount"], name="a_price_is_announced_once")
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.price.currency}"
