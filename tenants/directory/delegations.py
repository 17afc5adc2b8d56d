"""That an organisation lets a partner's people act in it, with named roles and for a time."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import MemberKind, Membership, MemberState, Role, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant

# How long before its end both sides are told of it, and then when it is over: each once.
TOLD_BEFORE = (timedelta(days=30), timedelta(days=7), timedelta())


class DelegationState(models.TextChoices):
    """Told by its moments, never stored: it ends by itself."""

    OFFERED = "offered", _("Waits for the partner")
    ACTIVE = "active", _("In force")
    ENDED = "ended", _("Ended")
    REVOKED = "revoked", _("Taken back")


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def to_partner(self, partner: Tenant) -> Self:
        return self.filter(partner=partner)

    def between(self, tenant: Tenant) -> Self:
        """Those that an organisation granted, and those that were granted to it."""
        return self.filter(Q(tenant=tenant) | Q(partner=tenant))

    def open(self, at: datetime) -> Self:
        """Neither over nor taken back; perhaps not accepted yet."""
        return self.filter(revoked_at=None, ends_at__gt=at)

    def in_force(self, at: datetime) -> Self:
        return self.open(at).filter(accepted_at__isnull=False)

    def for_person(self, user: User) -> Self:
        """Those that let this person in: one of the partner's own active people, never its guest."""
        return self.filter(
            partner__memberships__user=user,
            partner__memberships__kind=MemberKind.MEMBER,
            partner__memberships__state=MemberState.ACTIVE,
        )

    def to_tell_of(self) -> Self:
        """Those whose end nobody has had the last letter about."""
        return self.filter(revoked_at=None, told__lt=len(TOLD_BEFORE))

    def with_names(self) -> Self:
        return self.select_related("tenant", "partner", "granted_by__user", "accepted_by", "revoked_by")


class Delegation(models.Model):
    """Roles in a tenant that the people of a partner hold until a moment, once the partner has accepted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The customer's. The partner and who of it accepted stand in another tenant: that is what a delegation is.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="delegations")
    partner = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="customers", verbose_name=_("partner"))
    roles = ArrayField(models.CharField(max_length=20, choices=Role), verbose_name=_("roles"))
    granted_by = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("granted by"))
    granted_at = models.DateTimeField(_("granted"))
    ends_at = models.DateTimeField(_("ends"))
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(_("accepted"), null=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(_("taken back"), null=True)
    # Of `TOLD_BEFORE`, how many moments have had their letters or had passed when it was granted or renewed.
    told = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        verbose_name = _("delegation")
        verbose_name_plural = _("delegations")
        constraints = [
            unique_within_tenant("delegation"),
            models.CheckConstraint(condition=~Q(partner=F("tenant")), name="delegation_is_to_somebody_else"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("granted_at")), name="delegation_ends_after_it_begins"),
            models.CheckConstraint(condition=Q(roles__contained_by=Role.values), name="delegated_roles_are_known"),
            models.CheckConstraint(condition=~Q(roles=[]), name="delegation_has_roles"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="delegation_is_accepted_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "granted_at", "id"], name="delegation_page"),
            models.Index(fields=["partner", "granted_at", "id"], name="delegation_of_partner"),
            models.Index(
                fields=["ends_at", "id"],
                name="delegation_to_tell_of",
                condition=Q(revoked_at=None, told__lt=len(TOLD_BEFORE)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} · {self.partner_name}"

    def state_at(self, at: datetime) -> DelegationState:
        if self.revoked_at is not None:
            return DelegationState.REVOKED
        if self.ends_at <= at:
            return DelegationState.ENDED
        return DelegationState.OFFERED if self.accepted_at is None else DelegationState.ACTIVE

    @property
    def partner_name(self) -> str:
        """Who is behind a short name is nobody's to learn before they accept."""
        return self.partner.name if self.accepted_at is not None else self.partner.slug

    @property
    def role_names(self) -> list[str]:
        return [str(Role(role).label) for role in Role.values if role in self.roles]
