from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Case, F, Q, When
from django.utils.translation import gettext_lazy as _

from licensing.models import GIVES_ACCESS, Subscription
from tenants.directory.models import Membership, MemberState, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

# So long before a charge admins and the leaver are told once more.
BEFORE_CHARGE = timedelta(days=7)


class LeavingQuerySet(models.QuerySet["Leaving"]):
    def standing(self) -> Self:
        """Of people who are still away."""
        return self.filter(returned_at=None)

    def seats_due(self, at: datetime) -> Self:
        return self.standing().filter(seats_released_at=None, seats_due_at__lte=at).order_by("seats_due_at", "pk")

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Leaving(models.Model):
    """That a member was disabled or has left, and when the seats that they hold are taken back."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="leavings")
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="leavings")
    noticed_at = models.DateTimeField()
    seats_due_at = models.DateTimeField()
    seats_released_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)

    objects = LeavingQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("leaving"),
            models.UniqueConstraint(fields=["member"], condition=Q(returned_at=None), name="one_standing_leaving"),
        ]
        indexes = [
            models.Index(
                fields=["seats_due_at"],
                name="leaving_seats_due",
                condition=Q(seats_released_at=None, returned_at=None),
            )
        ]

    def __str__(self) -> str:
        return str(self.member)


class LeaverTaskState(models.TextChoices):
    OPEN = "open", _("To decide")
    DECIDED = "decided", _("Decided")
    # They came back, somebody else pays, or it has ended.
    CLOSED = "closed", _("Closed")


class LeaverChoice(models.TextChoices):
    TRANSFER = "transfer", _("Hand over to another member")
    LET_END = "let_end", _("Let it end")
    ADOPT = "adopt", _("Adopt it for the organisation")
    KEEP = "keep", _("Keep it as it is")


class LeaverTaskQuerySet(models.QuerySet["LeaverTask"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def open(self) -> Self:
        return self.filter(state=LeaverTaskState.OPEN)

    def standing(self) -> Self:
        return self.exclude(state=LeaverTaskState.CLOSED)

    def next_charged_first(self) -> Self:
        """In the order of their next charges; those of which none is to come last, the oldest first."""
        renews = Q(subscription__state__in=GIVES_ACCESS, subscription__auto_renew=True)
        charge = Case(When(renews, then=F("subscription__term_end")), default=None)
        return self.order_by(charge.asc(nulls_last=True), "created_at", "pk")

    def to_warn(self, at: datetime) -> Self:
        """Those whose next charge is near, and of which nobody was told before that one."""
        renews = Q(
            subscription__state__in=GIVES_ACCESS,
            subscription__auto_renew=True,
            subscription__term_end__lte=at + BEFORE_CHARGE,
            subscription__term_end__gt=at,
        )
        untold = Q(warned_for=None) | ~Q(warned_for=F("subscription__term_end"))
        return self.standing().filter(renews, untold, subscription__payer=F("member"))

    def moot(self) -> Self:
        """Standing ones that nothing is left to decide of."""
        back = Q(member__state=MemberState.ACTIVE)
        others = ~Q(subscription__owner=F("member")) | Q(subscription__owner=None)
        ended = ~Q(subscription__state__in=GIVES_ACCESS)
        return self.standing().filter(back | others | ended)

    def with_people(self) -> Self:
        return self.select_related(
            "tenant",
            "member__user",
            "member__tenant",
            "decided_by",
            "subscription__tenant",
            "subscription__plan__product",
            "subscription__owner__user",
            "subscription__payer__user",
        )

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class LeaverTask(models.Model):
    """A purchase of somebody who left: what its admins decide before it is charged again."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="leaver_tasks")
    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="leaver_tasks", verbose_name=_("subscription")
    )
    member = TenantForeignKey(
        Membership, on_delete=models.PROTECT, related_name="leaver_tasks", verbose_name=_("who left")
    )
    state = models.CharField(_("state"), max_length=10, choices=LeaverTaskState, default=LeaverTaskState.OPEN)
    choice = models.CharField(_("decision"), max_length=10, choices=LeaverChoice, blank=True)
    # None with a decision: nobody decided, the organisation's setting did.
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    # What the organisation's setting did the last time that nobody had decided.
    note = models.CharField(_("note"), max_length=30, blank=True)
    # Which term's end they were warned of.
    warned_for = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("since"))
    closed_at = models.DateTimeField(null=True)

    objects = LeaverTaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("purchase of a leaver")
        verbose_name_plural = _("purchases of leavers")
        constraints = [
            unique_within_tenant("leaver_task"),
            models.UniqueConstraint(
                fields=["subscription"], condition=~Q(state="closed"), name="one_leaver_task_per_subscription"
            ),
            models.CheckConstraint(condition=Q(state__in=LeaverTaskState.values), name="leaver_task_state_is_known"),
            models.CheckConstraint(condition=Q(choice__in=["", *LeaverChoice.values]), name="leaver_choice_is_known"),
            models.CheckConstraint(
                condition=~Q(state="decided") | ~Q(choice="") & Q(decided_at__isnull=False),
                name="a_decided_leaver_task_says_how",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | ~Q(state="closed") & Q(closed_at=None),
                name="a_closed_leaver_task_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="leaver_task_page"),
            models.Index(fields=["state"], name="leaver_task_standing", condition=~Q(state="closed")),
        ]

    def __str__(self) -> str:
        return str(self.subscription)

    @property
    def is_open(self) -> bool:
        return self.state == LeaverTaskState.OPEN
