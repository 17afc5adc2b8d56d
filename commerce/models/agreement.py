from datetime import date
from typing import Any, Self

from django.db import models
from django.db.models import F, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Plan
from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def in_force(self, on: date) -> Self:
        """Those that hold on a day; `valid_to` is the first day on which one holds no longer."""
        return self.filter(Q(valid_to=None) | Q(valid_to__gt=on), valid_from__lte=on)

    def locked(self) -> Self:
        # Of the terms: an order is placed before they change, or after it.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_prices(self) -> Self:
        prices = AgreementPrice.objects.order_by("plan_id").select_related("plan__product")
        return self.select_related("tenant").prefetch_related(Prefetch("prices", prices))


class Agreement(models.Model):
    """Terms under which a tenant buys centrally: prices of its own, and whether it may pay by invoice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="agreements")
    name = models.CharField(_("name"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    pay_by_invoice = models.BooleanField(_("paid by invoice"), default=False)
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), default=30)
    created_at = models.DateTimeField(_("created"))

    objects = AgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        constraints = [
            unique_within_tenant("agreement"),
            models.UniqueConstraint(fields=["tenant", "name"], name="agreement_name_once"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="agreement_ends_after_it_begins"
            ),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="agreement_currency_is_a_code"),
            models.CheckConstraint(condition=Q(payment_days__lte=365), name="agreement_days_within_a_year"),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="agreement_page")]

    def __str__(self) -> str:
        return self.name

    def is_in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


class AgreementPriceQuerySet(models.QuerySet["AgreementPrice"]):
    def holding(self, *, tenant: Any, subscription: Any, plan: Any, currency: Any, day: Any) -> Self:
        """
        What an agreement that pays for a subscription says of its price on a day, in its currency, which never
        changes. What is asked for may come from an outer query.
        """
        return self.filter(
            Q(agreement__valid_to=None) | Q(agreement__valid_to__gt=day),
            tenant=tenant,
            plan=plan,
            agreement__currency=currency,
            agreement__valid_from__lte=day,
            agreement__pays_for__subscription=subscription,
        )


class AgreementPrice(models.Model):
    """What one seat of a plan costs for one term under an agreement, in the agreement's currency."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    agreement = TenantForeignKey(Agreement, on_delete=models.PROTECT, related_name="prices")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+", verbose_name=_("plan"))
    amount = models.DecimalField(_("price"), max_digits=12, decimal_places=3)

    objects = AgreementPriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agreement", "plan"], name="one_agreed_price_per_plan"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="agreed_price_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.plan}: {self.amount}"
