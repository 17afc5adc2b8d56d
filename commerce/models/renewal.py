from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from commerce.models.order import Order
from commerce.models.takeover import TakeOver
from licensing.models import Subscription, SubscriptionState
from tenants.directory.models import Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class RenewalState(models.TextChoices):
    DUE = "due", _("Due")
    # An order of it was placed, and what became of that is not known yet.
    CHARGING = "charging", _("Being charged")
    RETRYING = "retrying", _("Declined, tried again")
    # Not tried again before what pays for it changes.
    BLOCKED = "blocked", _("Waiting for another card")
    PAID = "paid", _("Paid")
    # A rule forbids it: the subscription ends with its term.
    REFUSED = "refused", _("Refused")
    # Nobody wants it any more, or another order brought its term.
    LAPSED = "lapsed", _("Withdrawn")


# A sweep takes these up when their time has come.
TRIED = (RenewalState.DUE, RenewalState.CHARGING, RenewalState.RETRYING)
OPEN = (*TRIED, RenewalState.BLOCKED)

# So often it may break for a reason of ours before people have to look at it.
FAULTS = 3


class RenewalQuerySet(models.QuerySet["Renewal"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def open(self) -> Self:
        """Those that may still be paid."""
        return self.filter(state__in=OPEN)

    def untried(self) -> Self:
        """Those whose first try is still to come, or not answered yet."""
        first = (RenewalState.DUE, RenewalState.CHARGING)
        return self.filter(state__in=first, first_failed_at=None, faults__lt=FAULTS)

    def dunned(self) -> Self:
        """Those that failed, and may still be paid."""
        return self.filter(state__in=OPEN, first_failed_at__isnull=False)

    def payable_by_another_card(self) -> Self:
        """The open ones, and those of trials that run on after their card was declined; none that was set aside."""
        declined = Q(state=RenewalState.REFUSED, first_failed_at__isnull=False, subscription__auto_renew=True)
        runs = Q(subscription__state=SubscriptionState.TRIAL, subscription__term_end=F("starts_at"))
        return self.filter(Q(state__in=OPEN) | declined & runs, faults__lt=FAULTS)

    def refused_of_running_terms(self, at: datetime) -> Self:
        """By a rule, on the last day of a term that is not over."""
        running = Q(
            subscription__state__in=(SubscriptionState.ACTIVE, SubscriptionState.TRIAL),
            subscription__state_ends_at__gt=at,
            subscription__auto_renew=True,
            subscription__term_end=F("starts_at"),
        )
        return self.filter(running, state=RenewalState.REFUSED, first_failed_at=None)

    def not_held(self) -> Self:
        """Without those of what is just being taken over: they wait until that is settled, or undone."""
        return self.exclude(Exists(TakeOver.objects.open().filter(subscription=OuterRef("subscription"))))

    def claimable(self, at: datetime, *, now: datetime | None = None) -> Self:
        """
        Those whose next try is due, that nobody works on, and that nothing is wrong with here. `now`: the world's time,
        by which leases run, where `at` may be another.
        """
        due = self.not_held().filter(state__in=TRIED, next_try_at__lte=at, faults__lt=FAULTS)
        return due.filter(Q(leased_until=None) | Q(leased_until__lte=now or at))

    def set_aside(self) -> Self:
        """Those that broke so often that an operator has to look at them."""
        return self.filter(state__in=TRIED, faults__gte=FAULTS)

    def locked(self) -> Self:
        # After its subscription and its order: a renewal changes only under the lock of one of them and its own.
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Renewal(models.Model):
    """The term that follows one of a subscription, from the day on which it is due until it is paid or given up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="renewals")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="renewals")
    # The end of the term before it.
    starts_at = models.DateTimeField(_("begins"))
    state = models.CharField(_("state"), max_length=10, choices=RenewalState, default=RenewalState.DUE)
    # None: not before something changes.
    next_try_at = models.DateTimeField(_("next try"), null=True)
    # Until then one process has it for itself; one that was killed loses it so.
    leased_until = models.DateTimeField(null=True)
    # Orders that were placed for it.
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    # How often it broke without an answer, for a reason of ours.
    faults = models.PositiveSmallIntegerField(default=0)
    # Dunning counts from there; `step` is the day of the last step that was taken.
    first_failed_at = models.DateTimeField(_("first failed"), null=True)
    step = models.PositiveSmallIntegerField(default=0)
    # When somebody is told again without another try; none: nothing but a try follows.
    next_letter_at = models.DateTimeField(null=True)
    decline_code = models.CharField(_("declined because"), max_length=60, blank=True)
    # The codes of the rules that refused it.
    refused_by = models.JSONField(default=list, blank=True)
    # The present try, or the one that paid.
    order = TenantForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="renewals")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    objects = RenewalQuerySet.as_manager()

    class Meta:
        verbose_name = _("renewal")
        verbose_name_plural = _("renewals")
        constraints = [
            unique_within_tenant("renewal"),
            models.UniqueConstraint(fields=["subscription", "starts_at"], name="one_renewal_per_term"),
            models.CheckConstraint(condition=Q(state__in=RenewalState.values), name="renewal_state_is_known"),
            models.CheckConstraint(
                condition=Q(state__in=("due", "charging", "retrying"), next_try_at__isnull=False)
                | ~Q(state__in=("due", "charging", "retrying")) & Q(next_try_at=None),
                name="a_renewal_that_is_tried_says_when",
            ),
            models.CheckConstraint(
                condition=Q(order__isnull=False) | ~Q(state__in=("charging", "paid")),
                name="a_charged_renewal_has_its_order",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("paid", "refused", "lapsed"), settled_at__isnull=False)
                | ~Q(state__in=("paid", "refused", "lapsed")) & Q(settled_at=None),
                name="a_settled_renewal_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], name="renewal_due", condition=Q(next_try_at__isnull=False)),
            models.Index(fields=["next_letter_at"], name="renewal_letter", condition=Q(next_letter_at__isnull=False)),
            models.Index(
                fields=["subscription"],
                name="renewal_open",
                condition=Q(state__in=("due", "charging", "retrying", "blocked")),
            ),
            models.Index(fields=["order"], name="renewal_of_order", condition=Q(order__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class NoticeKind(models.TextChoices):
    # It renews, unless somebody decides otherwise.
    RENEWS = "renews", _("Renews")
    ENDS = "ends", _("Ends")
    REFUSED = "refused", _("Will not renew")


class RenewalNotice(models.Model):
    """That people were told what comes at the end of a term: so many days before, or at once (0)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="renewal_notices")
    term_end = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=NoticeKind)
    # The reasons of the rules that will refuse it, as they were then.
    reasons = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "term_end", "days"], name="each_renewal_is_told_once"),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="renewal_notice_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.term_end:%Y-%m-%d} ({self.days})"


class DunningStepQuerySet(models.QuerySet["DunningStep"]):
    def in_force(self, tenant: Tenant | None) -> Self:
        """Those that hold for a tenant, or for everybody who has none of their own."""
        return self.filter(pk__in=[step.pk for step in self.for_each([tenant])[tenant]])

    def for_each(self, tenants: Iterable[Tenant | None]) -> dict[Tenant | None, list["DunningStep"]]:
        """
        Those that hold for each, in the order of their days: a tenant's own, which stand in place of all of the
        operator's, else those. One query.
        """
        asked = set(tenants)
        rows: dict[UUID | None, list[DunningStep]] = defaultdict(list)
        for step in self.filter(Q(tenant=None) | Q(tenant__in=asked - {None})).order_by("day"):
            rows[step.tenant_id].append(step)
        return {tenant: (rows.get(tenant.pk) if tenant else None) or rows[None] for tenant in asked}


class DunningStep(models.Model):
    """What happens so many days after a renewal first failed, at 09:00 of the tenant: of one tenant, or of all."""

    # None: of every tenant that has no steps of its own.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="dunning_steps")
    # 0: at once.
    day = models.PositiveSmallIntegerField(_("day"))
    retry = models.BooleanField(_("tries the card again"), default=True)
    mail = models.BooleanField(_("tells the payer"), default=True)

    objects = DunningStepQuerySet.as_manager()

    class Meta:
        verbose_name = _("dunning step")
        verbose_name_plural = _("dunning steps")
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "day"], nulls_distinct=False, name="one_dunning_step_per_day"),
            models.CheckConstraint(condition=Q(day__lte=30), name="dunning_ends_within_30_days"),
            models.CheckConstraint(condition=~Q(day=0, retry=True), name="nothing_is_tried_on_day_0"),
        ]

    def __str__(self) -> str:
        return str(self.day)


class HardDecline(models.Model):
    """A code by which a bank says that this card will never pay: it is not tried again before it is replaced."""

    code = models.CharField(_("code"), max_length=60, primary_key=True)

    class Meta:
        verbose_name = _("hard decline")
        verbose_name_plural = _("hard declines")

    def __str__(self) -> str:
        return self.code
