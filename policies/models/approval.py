from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Plan, Product
from tenants.directory.models import Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

LONGEST_MESSAGE = 1000


class ApprovalState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")
    LAPSED = "lapsed", _("Lapsed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def waiting(self) -> Self:
        return self.filter(state=ApprovalState.WAITING)

    def waiting_first(self) -> Self:
        """Then the newest."""
        return self.annotate(waits=Q(state=ApprovalState.WAITING)).order_by("-waits", "-created_at", "-pk")

    def asked_within(self, departments: Collection[object]) -> Self:
        """Asked for by people of these departments."""
        return self.filter(requester__department__in=list(departments))

    def with_people(self) -> Self:
        return self.select_related(
            "tenant", "requester__user", "requester__department", "decided_by", "plan__product__family"
        )

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Approval(models.Model):
    """
    Somebody's wish to buy that an approver has to allow, and what became of it. It holds for this buyer, this plan,
    this price and at most this quantity.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="approvals")
    requester = TenantForeignKey(
        Membership, on_delete=models.PROTECT, related_name="approvals", verbose_name=_("asked by")
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(_("quantity"))
    # What it costs in all, as it was quoted.
    amount = models.DecimalField(_("total"), max_digits=17, decimal_places=3)
    currency = models.CharField(max_length=3)
    # What is to be paid for once it is approved: the id of whatever asked.
    subject = models.CharField(max_length=64)
    # The rules that asked for it.
    codes = models.JSONField(default=list)
    # What those rules went by, as it stood then; empty: asked for before that was kept.
    grounds = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=10, choices=ApprovalState, default=ApprovalState.WAITING)
    created_at = models.DateTimeField(_("asked"))
    # The first moment at which nobody can approve it any more.
    lapses_at = models.DateTimeField(_("lapses"))
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    approved_quantity = models.PositiveIntegerField(_("approved"), null=True)
    # What the seats that were approved cost in all; none: not approved, or before that was kept.
    approved_amount = models.DecimalField(_("approved total"), max_digits=17, decimal_places=3, null=True)
    message = models.TextField(_("message"), blank=True, max_length=LONGEST_MESSAGE)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("approvals")
        constraints = [
            unique_within_tenant("approval"),
            models.UniqueConstraint(
                fields=["tenant", "subject"],
                condition=Q(state__in=("waiting", "approved")),
                name="one_approval_at_a_time",
            ),
            models.CheckConstraint(condition=Q(state__in=ApprovalState.values), name="approval_state_is_known"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="approval_asks_for_seats"),
            models.CheckConstraint(
                condition=Q(state="approved", approved_quantity__gte=1, approved_quantity__lte=F("quantity"))
                | ~Q(state="approved") & Q(approved_quantity=None),
                name="approved_for_no_more_than_asked",
            ),
            models.CheckConstraint(
                condition=Q(approved_amount=None) | Q(state="approved", approved_amount__lte=F("amount")),
                name="approved_costs_no_more_than_asked",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("approved", "declined"), decided_by__isnull=False)
                | ~Q(state__in=("approved", "declined")) & Q(decided_by=None),
                name="an_approval_says_who_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at=None) | ~Q(state="waiting") & Q(decided_at__isnull=False),
                name="an_approval_says_when_it_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="approval_page"),
            models.Index(fields=["subject"], name="approval_of_subject"),
            models.Index(fields=["lapses_at", "id"], name="approval_waiting", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.plan} × {self.quantity}"

    @property
    def is_waiting(self) -> bool:
        return self.state == ApprovalState.WAITING

    @property
    def product(self) -> Product:
        return self.plan.product

    @property
    def total(self) -> Decimal:
        """Of what was approved, else of what was asked for."""
        return self.amount if self.approved_amount is None else self.approved_amount

    @property
    def is_cut(self) -> bool:
        """Approved, but for fewer seats than were asked for."""
        return self.approved_quantity is not None and self.approved_quantity < self.quantity

    def waits_at(self, at: datetime) -> bool:
        return self.is_waiting and at < self.lapses_at
