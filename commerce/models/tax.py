from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commerce.tax import TaxTerms
from tenants.ids import new_id


class TaxRateQuerySet(models.QuerySet["TaxRate"]):
    def applying(self, on: date) -> Self:
        """One row for each country that has one: the version that applies on a day."""
        return self.filter(valid_from__lte=on).order_by("country", "-valid_from").distinct("country")

    def in_force(self, country: str, on: date) -> Self:
        """The version that applies in a country on a day, or nothing."""
        return self.applying(on).filter(country=country)


class TaxRate(models.Model):
    """A version of how purchases in a country are taxed, from a day on. A country without one is not taxed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    country = models.CharField(_("country"), max_length=2)
    # What people call the tax: VAT, MwSt., GST.
    name = models.CharField(_("name"), max_length=40)
    # 0.1900 is 19 %; zero ends what was taxed before.
    rate = models.DecimalField(_("rate"), max_digits=6, decimal_places=4)
    inclusive = models.BooleanField(_("prices include it"), default=False)
    # Whether an organisation with a tax number owes it itself when the seller sits in another country.
    reverse_charge = models.BooleanField(_("reverse charge"), default=False)
    valid_from = models.DateField(_("valid from"))

    objects = TaxRateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["country", "valid_from"], name="tax_rate_version_once"),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="tax_rate_country_is_alpha_2"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lt=1), name="tax_rate_is_a_part_of_the_price"),
            models.CheckConstraint(condition=~Q(name=""), name="tax_rate_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.rate * 100:.4f}".rstrip("0").rstrip(".") + "%"

    @property
    def terms(self) -> TaxTerms:
        """As they apply to whoever pays the tax to the seller."""
        return TaxTerms(name=self.name, rate=self.rate, inclusive=self.inclusive)
