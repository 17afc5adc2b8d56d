from datetime import date, datetime, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from tenants.ids import new_id
from tenants.keys import TenantForeignKey, unique_within_tenant


class Sector(models.TextChoices):
    COMMERCIAL = "commercial", _("Commercial")
    GOVERNMENT = "government", _("Government")
    NONPROFIT = "nonprofit", _("Non-profit")
    EDUCATION = "education", _("Education")


class Tenant(models.Model):
    """An organisation with a directory of members."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(_("slug"), max_length=63, unique=True)
    name = models.CharField(_("name"), max_length=200)
    # ISO 3166-1 alpha-2, XK for Kosovo.
    country = models.CharField(_("country"), max_length=2)
    sector = models.CharField(_("sector"), max_length=20, choices=Sector, default=Sector.COMMERCIAL)
    # Managed: an administrator controls the directory. Only such a tenant's people may buy.
    managed = models.BooleanField(_("managed"), default=True)
    time_zone = models.CharField(_("time zone"), max_length=63, default="UTC")
    # As invoices name it; empty: as everybody does.
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    # Lines below the name, without the country.
    billing_address = models.TextField(_("billing address"), max_length=500, blank=True)
    # In its one writing, see `tenants.directory.tax_numbers`.
    tax_number = models.CharField(_("tax number"), max_length=40, blank=True)
    contact_email = models.EmailField(_("IT contact e-mail"), blank=True)
    contact_url = models.URLField(_("IT contact page"), blank=True)
    contact_message = models.TextField(_("IT contact message"), blank=True, max_length=2000)
    # Whoever holds a role here without one has no right of it until they have set one up.
    requires_second_factor = models.BooleanField(_("second factor for every role"), default=False, db_default=False)
    is_demo = models.BooleanField(default=False, editable=False)
    # Made to try things out: nothing in it is real, so its time need not be.
    is_sandbox = models.BooleanField(default=False, db_default=False, editable=False)
    # How far its clock runs ahead of the world's, see `tenants.clock`.
    clock_ahead = models.DurationField(_("ahead by"), default=timedelta, db_default=timedelta(), editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(clock_ahead__gte=timedelta()), name="tenant_clock_runs_forwards"),
            models.CheckConstraint(
                condition=Q(is_sandbox=True) | Q(clock_ahead=timedelta()), name="tenant_clock_is_moved_in_sandboxes"
            ),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="tenant_country_is_alpha_2"),
            models.CheckConstraint(condition=Q(sector__in=Sector.values), name="tenant_sector_is_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def billed_as(self) -> str:
        return self.legal_name or self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def today(self, at: datetime) -> date:
        """The tenant's own date at a moment."""
        return at.astimezone(self.zone).date()


class SandboxClock(Tenant):
    """An organisation that was made to try things out, as the operator's page of clocks shows it."""

    class Meta:
        proxy = True
        verbose_name = _("sandbox clock")
        verbose_name_plural = _("sandbox clocks")


class SignInRules(Tenant):
    """An organisation, as the page shows it that says how its people sign in."""

    class Meta:
        proxy = True
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-in")


class DomainQuerySet(models.QuerySet["Domain"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def verified(self) -> Self:
        return self.filter(verified_at__isnull=False)

    def leading_to_buyers(self) -> Self:
        """Those whose addresses may buy: verified, and of an organisation that manages its directory."""
        return self.verified().filter(tenant__managed=True)


class Domain(models.Model):
    """An e-mail domain of a tenant. Verified, it leads a work address to its tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="domains")
    name = models.CharField(_("name"), max_length=253, unique=True)
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)

    objects = DomainQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(name=Lower("name")), name="domain_is_lower_case")]

    def __str__(self) -> str:
        return self.name


class Department(models.Model):
    """A named group of members, with a parent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="departments")
    name = models.CharField(_("name"), max_length=200)
    parent = TenantForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")

    class Meta:
        constraints = [
            unique_within_tenant("department"),
            models.UniqueConstraint(fields=["tenant", "name"], name="department_name_once_per_tenant"),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="department_is_not_its_own_parent"),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person who can sign in. What they may do hangs on their memberships, never on the user."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(_("e-mail"), unique=True, max_length=254)
    name = models.CharField(_("name"), max_length=200, blank=True)
    # Staff of the vendor, a member of no tenant.
    is_operator = models.BooleanField(_("operator"), default=False)
    is_demo = models.BooleanField(default=False, editable=False)
    # Since when a sign-in asks for a second factor, which `tenants.signin` keeps; null: it asks for none.
    second_factor_since = models.DateTimeField(_("second factor since"), null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_lower_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # a row's state decides, see tenants.access
        return True


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def active(self) -> Self:
        return self.filter(state=MemberState.ACTIVE)

    def members(self) -> Self:
        return self.filter(kind=MemberKind.MEMBER)

    def by_email(self, emails: list[str]) -> Self:
        return self.filter(user__email__in=[e.lower() for e in emails])

    def with_people(self) -> Self:
        return self.select_related("user", "department")


class MemberKind(models.TextChoices):
    MEMBER = "member", _("Member")
    GUEST = "guest", _("Guest")


class MemberState(models.TextChoices):
    ACTIVE = "active", _("Active")
    DISABLED = "disabled", _("Disabled")
    LEFT = "left", _("Left")


class MemberSource(models.TextChoices):
    CLOUD = "cloud", _("Cloud")
    SYNCED = "synced", _("Synced")


class Membership(models.Model):
    """A user's relation to a tenant: a member of one home tenant, a guest in any number of others."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    # As this tenant typed it: of a guest it learns no other name.
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=MemberKind, default=MemberKind.MEMBER)
    state = models.CharField(_("state"), max_length=10, choices=MemberState, default=MemberState.ACTIVE)
    source = models.CharField(_("source"), max_length=10, choices=MemberSource, default=MemberSource.CLOUD)
    department = TenantForeignKey(Department, on_delete=models.PROTECT, null=True, blank=True, related_name="members")
    # The last day of a leave; none: not on leave.
    away_until = models.DateField(_("on leave until"), null=True, blank=True)
    created_at = models.DateTimeField(editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            unique_within_tenant("membership"),
            models.UniqueConstraint(fields=["tenant", "user"], name="membership_once_per_tenant"),
            models.UniqueConstraint(fields=["user"], condition=Q(kind="member"), name="one_home_tenant_per_user"),
            models.CheckConstraint(condition=Q(kind__in=MemberKind.values), name="membership_kind_is_known"),
            models.CheckConstraint(condition=Q(state__in=MemberState.values), name="membership_state_is_known"),
            models.CheckConstraint(condition=Q(source__in=MemberSource.values), name="membership_source_is_known"),
        ]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="membership_page")]

    def __str__(self) -> str:
        return self.name or self.user.email

    @property
    def is_active(self) -> bool:
        return self.state == MemberState.ACTIVE

    @property
    def is_guest(self) -> bool:
        return self.kind == MemberKind.GUEST


class Role(models.TextChoices):
    GLOBAL_ADMIN = "global_admin", _("Global admin")
    BILLING_ADMIN = "billing_admin", _("Billing admin")
    LICENSE_ADMIN = "license_admin", _("License admin")
    USER_ADMIN = "user_admin", _("User admin")
    GLOBAL_READER = "global_reader", _("Global reader")


class RoleGrant(models.Model):
    """A role that a member holds in the tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="role_grants")
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="role_grants")
    role = models.CharField(_("role"), max_length=20, choices=Role)
    granted_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "membership", "role"], name="role_granted_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return str(self.get_role_display())
