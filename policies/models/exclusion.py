from datetime import date, datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from licensing.models import Family, Product
from tenants.directory.models import Sector, Tenant, User
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
    # Who said last what it says; none: by command, or before that was kept.
    set_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("set by")
    )
    # None: nobody has changed it since it was kept.
    set_at = models.DateTimeField(_("set at"), null=True, editable=False)

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

    @property
    def said_at(self) -> datetime:
        """Since when it says what it says."""
        return self.set_at or self.created_at

    @property
    def called(self) -> str:
        """Whom and what it excludes, in words."""
        sector = self.get_sector_display() if self.sector else ""
        country = countries.name(self.country) or self.country
        return " · ".join(str(part) for part in (sector, country, self.family, self.product) if part)

    def hits(self, tenant: Tenant, day: date) -> bool:
        """As `hitting` asks the database."""
        begun = self.valid_from is None or self.valid_from <= day
        holds = begun and (self.valid_to is None or self.valid_to > day)
        return holds and self.sector in ("", tenant.sector) and self.country in ("", tenant.country)

    def fits_product(self, product: Product) -> bool:
        return self.family_id in (None, product.family_id) and self.product_id in (None, product.pk)

    @property
    def names_only_a_sector(self) -> bool:
        return bool(self.sector) and not (self.country or self.family_id or self.product_id)
