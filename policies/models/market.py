from datetime import date
from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Family
from tenants.ids import new_id


class MarketQuerySet(models.QuerySet["Market"]):
    def open_on(self, day: date) -> Self:
        return self.filter(Q(opens_on=None) | Q(opens_on__lte=day), Q(closes_on=None) | Q(closes_on__gt=day))

    def for_family(self, family: str) -> Self:
        """One row a country: a row with the family wins over one without."""
        own = Market.objects.filter(country=OuterRef("country"), family=family)
        return self.filter(Q(family=family) | Q(family=None) & ~Exists(own))


class Market(models.Model):
    """A country or region where a family (or, without one, every family) is sold, from and until which day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    country = models.CharField(_("country"), max_length=2)
    name = models.CharField(_("name"), max_length=200)
    family = models.ForeignKey(
        Family, on_delete=models.PROTECT, null=True, blank=True, related_name="markets", verbose_name=_("family")
    )
    opens_on = models.DateField(_("opens on"), null=True, blank=True)
    # The first day on which it is closed again.
    closes_on = models.DateField(_("closes on"), null=True, blank=True)

    objects = MarketQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["country", "family"], nulls_distinct=False, name="market_once"),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="market_country_is_alpha_2"),
            models.CheckConstraint(
                condition=Q(opens_on=None) | Q(closes_on=None) | Q(closes_on__gt=F("opens_on")),
                name="market_closes_after_it_opens",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.family_id})" if self.family_id else self.name

    def is_open(self, on: date) -> bool:
        return (self.opens_on is None or self.opens_on <= on) and (self.closes_on is None or on < self.closes_on)
