from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import Tenant, User
from tenants.ids import new_id


class SavedFilterQuerySet(models.QuerySet["SavedFilter"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def usable_by(self, user: User) -> Self:
        """Their own, and what others share."""
        return self.filter(Q(user=user) | Q(shared=True))


class SavedFilter(models.Model):
    """What somebody asks of an organisation's purchases again and again, and in which columns they read it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="saved_filters")
    # Crosses tenants by design: whoever acts for an organisation may be no member of it.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("kept by"))
    name = models.CharField(_("name"), max_length=80)
    # Names of filters and their values, see `commerce.operations.procurement.found`.
    query = models.JSONField(default=dict)
    # Names of columns; empty: all.
    columns = models.JSONField(default=list)
    # With everybody who sees the organisation's purchases. Each finds what they may see.
    shared = models.BooleanField(_("shared"), default=False)
    created_at = models.DateTimeField(_("kept"))

    objects = SavedFilterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "name"], name="saved_filter_name_once_per_person"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_filter_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
