from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Value, When
from django.db.models.functions import Cast, Coalesce, ExtractMonth, ExtractYear, Greatest
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from licensing.models import Product, Subscription, SubscriptionState
from tenants.arrays import in_array
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey

AMOUNT = models.DecimalField(max_digits=24, decimal_places=7)
_WHOLE = models.IntegerField()


class Counted(models.TextChoices):
    """What a limit may count, and as what a commitment counts."""

    SELF_SERVICE = "self_service", _("Self-service")
    CENTRAL = "central", _("Central")
    TRIAL = "trial", _("Trials")


class CommitmentQuerySet(models.QuerySet["Commitment"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def at_once(self) -> Self:
        """Charges and refunds, each in its month."""
        return self.filter(step=0)

    def again(self) -> Self:
        """What comes again: of what waits for its payment, and of subscriptions that renew."""
        runs = Q(subscription__state=SubscriptionState.ACTIVE)
        # A trial with a card is charged when it ends, as what renews is.
        converts = Q(subscription__state=SubscriptionState.TRIAL, subscription__converts=True)
        renews = Q(runs | converts, subscription__auto_renew=True)
        return self.filter(Q(subscription=None) | renews, step__gt=0)

    def counting_towards_outer(self) -> Self:
        """Those that the limit of the outer query counts."""
        own_department = models.Func(
            OuterRef("department"), template="ARRAY[%(expressions)s]", output_field=ArrayField(models.UUIDField())
        )
        return self.filter(
            Q(Exact(OuterRef("level"), Value("tenant")))
            | Q(member=OuterRef("member"))
            | Q(product=OuterRef("product"))
            | Q(departments__contains=own_department),
            Q(Exact(F("currency"), OuterRef("currency"))),
            Q(in_array(F("counts_as"), OuterRef("counts"))),
        )

    def coming(self, tenant: Tenant) -> Self:
        """With the amount that renewals bring in the outer query's period."""
        # What is paid ahead is counted as a charge.
        end_of_term = Coalesce("subscription__renewed_until", "subscription__term_end")
        month = ExtractYear(end_of_term, tzinfo=tenant.zone) * 12 + ExtractMonth(end_of_term, tzinfo=tenant.zone) - 1
        first = Case(When(subscription=None, then=F("first_month")), default=Cast(month, _WHOLE), output_field=_WHOLE)
        known = self.annotate(first=first)
        times = _before("period_end") - _before("period_start")
        return known.annotate(
            coming_amount=models.ExpressionWrapper(
                times * F("amount") * Coalesce("subscription__quantity", "quantity"), output_field=AMOUNT
            )
        )


class Commitment(models.Model):
    """
    What counts towards spend limits: with step 0 an amount of one month (a charge, or a refund below zero); with a
    step of months what one seat costs at each renewal. The renewals of a subscription come when and for as many seats
    as it says itself, so that nothing has to be told twice; those of what waits for its payment from `first_month` on.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="commitments")
    # The checkout, order or refund that it is of.
    subject = models.UUIDField()
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+")
    # The member's department and those above it as they were then.
    departments = ArrayField(models.UUIDField(), default=list)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, null=True, related_name="commitments")
    counts_as = models.CharField(max_length=20, choices=Counted)
    # Exact, with the tax: what renews is not rounded yet.
    amount = models.DecimalField(max_digits=24, decimal_places=7)
    quantity = models.PositiveIntegerField(default=1)
    currency = models.CharField(max_length=3)
    first_month = models.IntegerField()
    step = models.PositiveSmallIntegerField(default=0)
    # Paid or invoiced; else it waits for its payment or an approval.
    settled = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = CommitmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "subject", "step"], name="commitment_once"),
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(step__gt=0, subscription__isnull=False),
                name="one_renewal_commitment_per_subscription",
            ),
            models.CheckConstraint(condition=Q(counts_as__in=Counted.values), name="commitment_counts_as_known"),
            models.CheckConstraint(condition=Q(step__in=(0, 1, 12)), name="commitment_step_is_known"),
            models.CheckConstraint(condition=Q(step=0) | Q(amount__gte=0), name="renewal_not_negative"),
        ]
        indexes = [
            models.Index(fields=["tenant", "first_month"], name="commitment_at_once", condition=Q(step=0)),
            models.Index(fields=["tenant"], name="commitment_again", condition=Q(step__gt=0)),
        ]


def _before(bound: str) -> Any:
    """As `policies.spending`: how often something comes before a month of the outer query."""
    since = OuterRef(bound) - F("first") + F("step") - 1
    return Greatest(models.ExpressionWrapper(since / F("step"), output_field=_WHOLE), Value(0), output_field=_WHOLE)
