from typing import Self

from django.db import models
from django.db.models import Prefetch, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Subscription
from tenants.directory.models import Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

MOST_TEXT = 5000
LONGEST_SUBJECT = 200


class CaseKind(models.TextChoices):
    QUESTION = "question", _("Question")
    END_SUBSCRIPTION = "end_subscription", _("End a subscription")


class CaseState(models.TextChoices):
    OPEN = "open", _("Waiting for support")
    ANSWERED = "answered", _("Answered")
    CLOSED = "closed", _("Closed")


class SupportLevel(models.TextChoices):
    # The vendor's own, for whoever bought; never counted against what the tenant's own contract of support grants.
    STANDARD = "standard", _("Standard support")


class SupportCaseQuerySet(models.QuerySet["SupportCase"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def opened_by(self, member: Membership) -> Self:
        return self.filter(tenant_id=member.tenant_id, member=member)

    def unsettled(self) -> Self:
        return self.exclude(state=CaseState.CLOSED)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def with_messages(self) -> Self:
        messages = SupportMessage.objects.select_related("author").order_by("at", "pk")
        related = self.select_related("tenant", "member__user", "subscription__plan__product")
        return related.prefetch_related(Prefetch("messages", messages))


class SupportCase(models.Model):
    """What a purchaser asks the vendor's support, or an admin who wants a subscription ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="support_cases")
    member = TenantForeignKey(
        Membership, on_delete=models.PROTECT, related_name="support_cases", verbose_name=_("opened by")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=CaseKind)
    support = models.CharField(_("support"), max_length=20, choices=SupportLevel, default=SupportLevel.STANDARD)
    state = models.CharField(_("state"), max_length=10, choices=CaseState, default=CaseState.OPEN)
    subject = models.CharField(_("subject"), max_length=LONGEST_SUBJECT)
    subscription = TenantForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, related_name="support_cases", verbose_name=_("subscription")
    )
    created_at = models.DateTimeField(_("opened"))
    changed_at = models.DateTimeField(_("last change"))

    objects = SupportCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("support case")
        verbose_name_plural = _("support cases")
        constraints = [
            unique_within_tenant("support_case"),
            models.CheckConstraint(condition=Q(kind__in=CaseKind.values), name="case_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=CaseState.values), name="case_state_is_known"),
            models.CheckConstraint(condition=Q(support__in=SupportLevel.values), name="case_support_is_known"),
            models.CheckConstraint(
                condition=~Q(kind="end_subscription") | Q(subscription__isnull=False), name="what_is_to_end_is_named"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "member", "created_at", "id"], name="support_case_page"),
            models.Index(fields=["state", "changed_at"], name="support_case_waiting"),
        ]

    def __str__(self) -> str:
        return self.subject


class SupportMessage(models.Model):
    """One text of a case, by whoever opened it or by an operator."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    case = TenantForeignKey(SupportCase, on_delete=models.PROTECT, related_name="messages")
    # An operator is of no tenant; none: support, by no person.
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    from_support = models.BooleanField()
    body = models.TextField(_("text"), max_length=MOST_TEXT)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.body[:60]
