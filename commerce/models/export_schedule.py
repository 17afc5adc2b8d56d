from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import Tenant, User
from tenants.ids import new_id

# How the address of the list of purchases, and a query that is kept of it, call its columns. No filter is called so.
OF_COLUMNS = "columns"


class Every(models.TextChoices):
    DAY = "day", _("Every day")
    WEEK = "week", _("Every Monday")
    MONTH = "month", _("On the first of each month")


class FileFormat(models.TextChoices):
    CSV = "csv", _("CSV")
    XLSX = "xlsx", _("XLSX")


class ExportScheduleQuerySet(models.QuerySet["ExportSchedule"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)


class ExportSchedule(models.Model):
    """A query of an organisation's purchases that somebody is sent again and again as a file."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    # Crosses tenants by design: whoever acts for an organisation may be no member of it.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=80)
    # What the address of the list said: filters as of a kept one, see `commerce.operations.procurement.found`, and its
    # columns, where some were chosen.
    query = models.JSONField(default=dict)
    format = models.CharField(_("format"), max_length=4, choices=FileFormat)
    every = models.CharField(_("sent"), max_length=5, choices=Every)
    next_at = models.DateTimeField(_("next"))
    created_at = models.DateTimeField()

    objects = ExportScheduleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "name"], name="export_schedule_name_once_per_person"),
            models.CheckConstraint(condition=~Q(name=""), name="export_schedule_has_a_name"),
            models.CheckConstraint(condition=Q(every__in=Every.values), name="export_schedule_interval_is_known"),
            models.CheckConstraint(condition=Q(format__in=FileFormat.values), name="export_schedule_format_is_known"),
        ]
        indexes = [models.Index(fields=["next_at"], name="export_schedule_due")]

    def __str__(self) -> str:
        return self.name

    @property
    def filters(self) -> dict[str, str]:
        return {name: value for name, value in self.query.items() if name != OF_COLUMNS}

    @property
    def columns(self) -> list[str]:
        """Of the list; none: all."""
        return list(self.query.get(OF_COLUMNS, ()))
