from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Product
from tenants.directory.models import Sector, Tenant
from tenants.ids import new_id


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    def hitting(self, tenant: Tenant, today: date) -> Self:
        """Those that fit a tenant on a day; an empty dimension fits everything. The product is asked row by row."""
        return self.holding_on(today).filter(
            Q(sector="") | Q(sector=tenant.sector), Q(country="") | Q(country=tenant.country)
        )

    def holding_on(self, day: date) -> Self:
        return self.filter(Q(valid_from=None) | Q(valid_from__lte=day), Q(valid_to=None) | Q(valid_to__gt=day))


class Exclusion(models.Model):
    """Where an operator refuses self-service: a sector, a country, a family or product, or any combination."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sector = models.CharField(_("sector"), max_length=20, choices=Sector, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    family = models.ForeignKey(Family, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    # The first day on which it is over.
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    ends_renewals = models.BooleanField(_("ends renewals"), default=False)
    reason = models.TextField(_("reason"), blank=True, max_length=500)
    created_at = models.DateTimeField(editable=False)

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sector__in=["", *Sector.values]), name="exclusion_sector_is_known"),
            models.CheckConstraint(
                condition=Q(country="") | Q(country__regex=r"^[A-Z]{2}$"), name="exclusion_country_is_alpha_2"
            ),
            models.CheckConstraint(
                condition=~Q(sector="") | ~Q(country="") | Q(family__isnull=False) | Q(product__isnull=False),
                name="exclusion_names_something",
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="exclusion_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, [self.sector, self.country, self.family_id, self.product_id]))

    def fits_product(self, product: Product) -> bool:
        return self.family_id in (None, product.family_id) and self.product_id in (None, product.pk)

    @property
    def names_only_a_sector(self) -> bool:
        return bool(self.sector) and not (self.country or self.family_id or self.product_id)
