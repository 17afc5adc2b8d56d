from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.directory.models import Tenant, User
from tenants.ids import new_id
from tenants.keys import unique_within_tenant


class EventQuerySet(models.QuerySet["Event"]):
    def of(self, tenant: Tenant) -> Self:
        return self.filter(tenant=tenant)

    def positioned(self) -> Self:
        """Only what has its place: nothing ever appears below a position already given."""
        return self.filter(place__isnull=False).annotate(position=models.F("place__position"))

    def about(self, subject: object) -> Self:
        return self.filter(subject=str(subject))

    def oldest_first(self) -> Self:
        return self.order_by("place__position")


class Event(models.Model):
    """
    A fact of a tenant (or, without one, of the service). Append-only: a trigger refuses UPDATE and DELETE.

    `data` holds ids, codes and amounts, never names or addresses, so that a person can be erased and the journal stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="events")
    type = models.CharField(_("type"), max_length=60)
    at = models.DateTimeField(_("at"))
    # None: the system itself. Crosses tenants by design: an operator or a delegate acts in others' tenants.
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    on_behalf_of = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")
    subject = models.CharField(_("subject"), max_length=64, blank=True)
    data = models.JSONField(_("data"), default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [unique_within_tenant("event")]
        indexes = [
            models.Index(fields=["tenant", "subject", "at"], name="event_of_subject"),
            # For readers of a rare type, who would walk the whole journal. The key to the actor has its own.
            models.Index(fields=["tenant", "type"], name="event_of_type"),
        ]

    def __str__(self) -> str:
        return self.type


class EventPosition(models.Model):
    """An event's place in its tenant's journal, given after commit: 1, 2, 3 … without gaps. Insert-only."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="place")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    position = models.BigIntegerField(_("position"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "position"], name="event_position_once_per_tenant")]


class UnsequencedEvent(models.Model):
    """An event that waits for its position; written with it, removed when the position is given."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
