from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Family(models.Model):
    """A group of products that are sold under one name, such as Power BI."""

    slug = models.SlugField(_("slug"), primary_key=True, max_length=63)
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        verbose_name_plural = _("families")

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(models.QuerySet["Product"]):
    def matching(self, text: str) -> Self:
        return self.filter(Q(name__icontains=text) | Q(summary__icontains=text) | Q(family__name__icontains=text))

    def with_plans(self) -> Self:
        return self.select_related("family").prefetch_related("plans")


class Product(models.Model):
    """What people use, such as Power BI Pro. It is bought by one of its plans."""

    id = models.CharField(_("id"), primary_key=True, max_length=40)
    slug = models.SlugField(_("slug"), max_length=63, unique=True)
    name = models.CharField(_("name"), max_length=200)
    family = models.ForeignKey(Family, on_delete=models.PROTECT, related_name="products", verbose_name=_("family"))
    self_service = models.BooleanField(_("self-service"), default=False)
    summary = models.CharField(_("summary"), max_length=500, blank=True)
    resources = models.JSONField(_("resources"), default=dict, blank=True)
    capacity = models.JSONField(_("capacity"), default=dict, blank=True)
    trial_days = models.PositiveSmallIntegerField(_("trial days"), null=True, blank=True)
    trial_seats = models.PositiveIntegerField(_("trial seats"), null=True, blank=True)
    # How long an ended trial is kept; none: as every other, by LifecycleDays.
    trial_disabled_days = models.PositiveSmallIntegerField(_("days an ended trial is kept"), null=True, blank=True)
    created_at = models.DateTimeField(editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(trial_days=None, trial_seats=None) | Q(trial_days__gte=1, trial_seats__gte=1),
                name="product_trial_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(trial_disabled_days=None) | Q(trial_days__isnull=False),
                name="product_keeps_only_trials_that_it_has",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Term(models.TextChoices):
    MONTH = "P1M", _("Monthly")
    YEAR = "P1Y", _("Annual")


class Plan(models.Model):
    """What is bought: a product for a term."""

    id = models.SlugField(_("id"), primary_key=True, max_length=80)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="plans", verbose_name=_("product"))
    term = models.CharField(_("term"), max_length=5, choices=Term)
    min_quantity = models.PositiveIntegerField(_("smallest quantity"), default=1)
    max_quantity = models.PositiveIntegerField(_("largest quantity"), default=10_000)
    # No: what runs of it ends with its term.
    renewable = models.BooleanField(_("renews"), default=True, db_default=True)

    class Meta:
        ordering = ["product", "term"]
        constraints = [
            models.UniqueConstraint(fields=["product", "term"], name="plan_term_once_per_product"),
            models.CheckConstraint(condition=Q(term__in=Term.values), name="plan_term_is_known"),
            models.CheckConstraint(
                condition=Q(min_quantity__gte=1) & Q(max_quantity__gte=F("min_quantity")),
                name="plan_quantity_is_a_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product.name}, {str(Term(self.term).label).lower()}"
