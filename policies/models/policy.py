from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Family, Product
from policies.models.ending import Reach
from tenants.directory.models import Department, Membership, Tenant, User
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class PolicyValue(models.TextChoices):
    """What a tenant allows, from the loosest to the strictest."""

    ENABLED = "enabled", _("Enabled")
    APPROVAL = "approval_required", _("Needs approval")
    TRIALS_ONLY = "only_trials_without_payment_method", _("Only trials without a card")
    DISABLED = "disabled", _("Disabled")


class PolicyQuerySet(models.QuerySet["Policy"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def in_force(self, at: datetime) -> Self:
        return self.filter(Q(valid_from=None) | Q(valid_from__lte=at), Q(valid_to=None) | Q(valid_to__gt=at))

    def standing(self) -> Self:
        """Without a beginning or an end: what holds when no row for a time does."""
        return self.filter(valid_from=None, valid_to=None)

    def for_products(self) -> Self:
        """The product level: no person, no group."""
        return self.filter(product__isnull=False, member=None, department=None)

    def for_everything(self) -> Self:
        """The tenant's own level: the default of all that has no narrower value."""
        return self.filter(member=None, department=None, product=None, family=None)


class Policy(models.Model):
    """
    What a tenant allows, said for a person, a group, a product, a family or for everything.

    A row names at most one of person and group, and at most one of product and family; what it leaves out, it
    means all of. For one such scope there is one standing row, and rows for a time that do not overlap; while one of
    these holds, it beats the standing row. Which row decides is written in `policies.rules`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="policies")
    member = TenantForeignKey(Membership, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    department = TenantForeignKey(Department, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    family = models.ForeignKey(Family, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    value = models.CharField(_("value"), max_length=40, choices=PolicyValue)
    reason = models.TextField(_("reason"), blank=True, max_length=500)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("set by"))
    set_at = models.DateTimeField(_("set at"))
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    # The first moment at which it is over.
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)

    # What saying it does to what people have; only on a row that was said just now.
    reach: Reach | None = None

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("policies")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "member", "department", "product", "family", "valid_from", "valid_to"],
                nulls_distinct=False,
                name="policy_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="policy_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=Q(member=None) | Q(department=None), name="policy_of_person_or_group"),
            models.CheckConstraint(condition=Q(product=None) | Q(family=None), name="policy_of_product_or_family"),
            models.CheckConstraint(condition=Q(value__in=PolicyValue.values), name="policy_value_is_known"),
        ]

    def __str__(self) -> str:
        return str(self.get_value_display())

    @property
    def level(self) -> str:
        """person, group, product, family or tenant: what the row speaks for, in the order of precedence."""
        if self.member_id:
            return "person"
        if self.department_id:
            return "group"
        if self.product_id:
            return "product"
        return "family" if self.family_id else "tenant"

    @property
    def for_a_time(self) -> bool:
        return self.valid_from is not None or self.valid_to is not None

    @property
    def breadth(self) -> int:
        """0 for one product, 1 for a family, 2 for everything."""
        if self.product_id:
            return 0
        return 1 if self.family_id else 2

    def fits_product(self, product: Product) -> bool:
        return self.family_id in (None, product.family_id) and self.product_id in (None, product.pk)


class LeaverDefault(models.TextChoices):
    """What becomes of a leaver's purchase when it is to be charged again and nobody has decided."""

    RENEW = "renew", _("Renew it")
    LET_END = "let_end", _("Let it end")
    ADOPT = "adopt", _("Adopt it for the organisation")


# Longer than that nobody keeps the seats of people who are gone.
MOST_LEAVER_GRACE = 365


class TenantSettings(models.Model):
    """A tenant's switches over all its policies. No row means the defaults."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, primary_key=True, related_name="policy_settings")
    self_service_enabled = models.BooleanField(default=True)
    # Whether members take free seats of what was bought centrally themselves.
    members_claim_seats = models.BooleanField(default=False)
    # How people ask for a licence where the tenant has a process of its own: what to do, and where.
    request_process_message = models.TextField(blank=True, default="", max_length=2000)
    # https or mailto
    request_process_url = models.CharField(blank=True, default="", max_length=500)
    leaver_default = models.CharField(max_length=10, choices=LeaverDefault, default=LeaverDefault.RENEW)
    # Days for which somebody who left keeps their seats.
    leaver_grace_days = models.PositiveSmallIntegerField(default=0)
    # Whether who answers for spending is told of each charge of a member that failed, and of each term that ends soon.
    tell_admins_of_failed_charges = models.BooleanField(default=False)
    tell_admins_of_renewals = models.BooleanField(default=False)
    # Whether the unused part of what the organisation takes over goes back to who paid it.
    take_over_refunds = models.BooleanField(default=True, db_default=True)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = _("tenant settings")

    @classmethod
    def said_by(cls, tenant: Tenant) -> "TenantSettings":
        """As they hold for a tenant, also for one that said nothing."""
        return cls.objects.filter(tenant=tenant).first() or cls(tenant=tenant)
