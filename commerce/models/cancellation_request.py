from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Subscription
from tenants.directory.models import Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

LONGEST_REQUEST_MESSAGE = 1000
# So long after they were asked, whoever has not cancelled is reminded.
REMINDED_AFTER = (timedelta(days=2), timedelta(days=5))


class RequestedCancellationState(models.TextChoices):
    ASKED = "asked", _("Asked")
    PROMISED = "promised", _("Will cancel")
    KEPT = "kept", _("Wants to keep it")
    CANCELED = "canceled", _("Canceled")
    # Nobody waits for an answer any more: withdrawn, or whom it was put to manages it no longer.
    WITHDRAWN = "withdrawn", _("Withdrawn")
    MOOT = "moot", _("No longer theirs")


WAITING = (RequestedCancellationState.ASKED, RequestedCancellationState.PROMISED)
STANDING = (*WAITING, RequestedCancellationState.KEPT)


class CancellationRequestQuerySet(models.QuerySet["CancellationRequest"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def waiting(self) -> Self:
        """Those whose purchaser has neither canceled nor said that they keep it."""
        return self.filter(state__in=WAITING)

    def standing(self) -> Self:
        return self.filter(state__in=STANDING)

    def put_to(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, member=member)

    def due(self, at: datetime) -> Self:
        return self.waiting().filter(remind_at__lte=at).order_by("remind_at", "pk")

    def with_people(self) -> Self:
        return self.select_related(
            "tenant",
            "member__user",
            "member__tenant",
            "asked_by",
            "subscription__tenant",
            "subscription__plan__product",
        )

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class CancellationRequest(models.Model):
    """That an admin asked the owner of a subscription to cancel it, what they answered, and what came of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="cancellation_requests")
    subscription = TenantForeignKey(Subscription, on_delete=models.PROTECT, related_name="cancellation_requests")
    # Who is asked: its owner.
    member = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="cancellation_requests")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    message = models.TextField(_("message"), blank=True, max_length=LONGEST_REQUEST_MESSAGE)
    state = models.CharField(
        _("state"), max_length=10, choices=RequestedCancellationState, default=RequestedCancellationState.ASKED
    )
    # Why they keep it.
    reason = models.TextField(_("reason"), blank=True, max_length=500)
    created_at = models.DateTimeField(_("asked"))
    answered_at = models.DateTimeField(null=True)
    reminded = models.PositiveSmallIntegerField(default=0)
    # None: no reminder follows.
    remind_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects = CancellationRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("cancellation_request"),
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(state__in=["asked", "promised", "kept"]),
                name="one_standing_cancellation_request",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestedCancellationState.values), name="cancellation_request_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "promised", "kept"], closed_at=None)
                | Q(state__in=["canceled", "withdrawn", "moot"], closed_at__isnull=False),
                name="a_closed_cancellation_request_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["promised", "kept"]) | Q(answered_at__isnull=False),
                name="an_answered_cancellation_request_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "created_at", "id"], name="cancellation_request_page"),
            models.Index(
                fields=["remind_at"],
                name="cancellation_request_due",
                condition=Q(state__in=["asked", "promised"], remind_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.subscription)

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING

    @property
    def is_standing(self) -> bool:
        return self.state in STANDING
