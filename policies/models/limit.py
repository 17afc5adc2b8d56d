from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from licensing.models import Product
from policies.models.commitment import AMOUNT, Commitment, CommitmentQuerySet, Counted
from policies.spending import period
from tenants.directory.models import Department, Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

_NOTHING = Value(Decimal(0), output_field=AMOUNT)


class Period(models.TextChoices):
    MONTH = "month", _("A month")
    YEAR = "year", _("A year")


class LimitMode(models.TextChoices):
    HARD = "hard", _("Refuse")
    APPROVAL = "approval", _("Ask for approval")


class LimitLevel(models.TextChoices):
    TENANT = "tenant", _("The organisation")
    DEPARTMENT = "department", _("A department")
    MEMBER = "member", _("A person")
    PRODUCT = "product", _("A product")


class SpendLimitQuerySet(models.QuerySet["SpendLimit"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def fitting(self, member: Membership, departments: list[Any]) -> Self:
        """Those that what a member buys may count towards; which product it is, is asked row by row."""
        nobody = Q(member=None, department=None)
        return self.filter(nobody | Q(member=member) | Q(department__in=departments), tenant=member.tenant_id)

    def locked(self) -> Self:
        # Row locks: what counts towards one limit is weighed and committed by one purchase after another.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_scope(self) -> Self:
        return self.select_related("department", "member__user", "product", "set_by")

    def with_sums(self, tenant: Tenant, month: int, without: UUID | None = None) -> Self:
        """
        Of one tenant, with what is taken of each limit in its period that `month` is in: `charged` by what was bought
        already, `committed` with what waits for its payment and the renewals to come. `without` leaves one subject out.
        """
        here = _at_once(_own(tenant, without))
        return self.with_committed(tenant, month, without).annotate(
            charged=_sum(here.filter(settled=True), F("amount"))
        )

    def with_committed(self, tenant: Tenant, month: int, without: UUID | None = None) -> Self:
        """As `with_sums`, but only `committed`, which is what a decision asks."""
        own = _own(tenant, without)
        again = own.again().counting_towards_outer().coming(tenant)
        start, end = _bound(0, month), _bound(1, month)
        bounded = self.filter(tenant=tenant).annotate(period_start=start, period_end=end)
        return bounded.annotate(committed=_sum(_at_once(own), F("amount")) + _sum(again, F("coming_amount")))


class SpendLimit(models.Model):
    """How much may be spent in a month or a year: in a tenant, a department and those below it, by one person, or on
    one product."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="spend_limits")
    level = models.CharField(_("level"), max_length=10, choices=LimitLevel)
    department = TenantForeignKey(Department, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    member = TenantForeignKey(Membership, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    period = models.CharField(_("period"), max_length=10, choices=Period)
    amount = models.DecimalField(_("amount"), max_digits=17, decimal_places=3)
    currency = models.CharField(_("currency"), max_length=3)
    mode = models.CharField(_("mode"), max_length=10, choices=LimitMode)
    counts = ArrayField(models.CharField(max_length=20, choices=Counted), verbose_name=_("counts"))
    reason = models.TextField(_("reason"), blank=True, max_length=500)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("set by"))
    set_at = models.DateTimeField(_("set at"))
    created_at = models.DateTimeField(editable=False)

    # Of the present period, put there by `with_sums`.
    charged: Decimal
    committed: Decimal

    objects = SpendLimitQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("spend_limit"),
            models.CheckConstraint(
                condition=Q(level="tenant", department=None, member=None, product=None)
                | Q(level="department", department__isnull=False, member=None, product=None)
                | Q(level="member", department=None, member__isnull=False, product=None)
                | Q(level="product", department=None, member=None, product__isnull=False),
                name="spend_limit_names_its_scope",
            ),
            models.UniqueConstraint(
                fields=["tenant", "department", "member", "product", "period", "mode"],
                nulls_distinct=False,
                name="spend_limit_once",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="spend_limit_not_negative"),
            models.CheckConstraint(condition=Q(period__in=Period.values), name="spend_limit_period_is_known"),
            models.CheckConstraint(condition=Q(mode__in=LimitMode.values), name="spend_limit_mode_is_known"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="spend_limit_has_a_currency"),
            models.CheckConstraint(
                condition=Q(counts__contained_by=Counted.values) & Q(counts__len__gte=1),
                name="spend_limit_counts_something",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="spend_limit_page")]

    def __str__(self) -> str:
        return str(self.department or self.member or self.product or self.get_level_display())

    @property
    def scope_id(self) -> str | None:
        """Of the department, person or product; none for the whole tenant."""
        named = self.department_id or self.member_id or self.product_id
        return str(named) if named else None

    def fits(self, product_id: str, counts_as: str) -> bool:
        return counts_as in self.counts and self.product_id in (None, product_id)


class LimitNotice(models.Model):
    """That people were told once how much of a limit's period is taken."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    limit = TenantForeignKey(SpendLimit, on_delete=models.CASCADE, related_name="notices")
    period_start = models.IntegerField()
    threshold = models.PositiveSmallIntegerField()
    told_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["limit", "period_start", "threshold"], name="limit_notice_once"),
            models.CheckConstraint(condition=Q(threshold__in=(50, 80, 100)), name="limit_notice_threshold_is_known"),
        ]


def _bound(which: int, month: int) -> Case:
    """The first month of a limit's period, or the first after it."""
    known = (When(period=kind, then=Value(period(kind, month)[which])) for kind in Period.values)
    return Case(*known, output_field=models.IntegerField())


def _own(tenant: Tenant, without: UUID | None) -> CommitmentQuerySet:
    own = Commitment.objects.of(tenant)
    return own.exclude(subject=without) if without else own


def _at_once(commitments: CommitmentQuerySet) -> CommitmentQuerySet:
    """The charges and refunds in the outer limit's period."""
    counted = commitments.at_once().counting_towards_outer()
    return counted.filter(first_month__gte=OuterRef("period_start"), first_month__lt=OuterRef("period_end"))


def _sum(commitments: CommitmentQuerySet, amount: Any) -> Any:
    summed = commitments.order_by().values("tenant").annotate(summed=Sum(amount, output_field=AMOUNT)).values("summed")
    return Coalesce(Subquery(summed, output_field=AMOUNT), _NOTHING, output_field=AMOUNT)
