from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import new_id

# As the gateways' protocol has them, which lies above.
KINDS = ("charge", "setup", "refund", "dispute", "other")


class IncomingState(models.TextChoices):
    RECEIVED = "received", _("Received")
    HANDLED = "handled", _("Handled")
    # Of a type that nothing here follows from, or about something that is not ours.
    IGNORED = "ignored", _("Ignored")
    # Tried three times in vain: the operator looks.
    FAILED = "failed", _("Failed")


# Nothing follows from it any more.
OVER = (IncomingState.HANDLED, IncomingState.IGNORED)


class IncomingEventQuerySet(models.QuerySet["IncomingEvent"]):
    def waiting(self, since: datetime) -> Self:
        """Those that came before a moment and are not handled: their task was lost, or could not finish."""
        return self.filter(state=IncomingState.RECEIVED, received_at__lt=since).order_by(
            F("tried_at").asc(nulls_first=True), "received_at"
        )

    def over(self, before: datetime) -> Self:
        """Those of which all that follows was done before a moment; not those that an operator must look at."""
        return self.filter(state__in=OVER, settled_at__lt=before)

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class IncomingEvent(models.Model):
    """An event of a payment provider, stored before anything is done about it. Once, however often it is sent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gateway = models.CharField(_("provider"), max_length=20)
    reference = models.CharField(_("provider's id"), max_length=255)
    type = models.CharField(_("type"), max_length=100)
    # What it is about; how that stands is asked for afresh.
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    subject = models.CharField(_("about"), max_length=255)
    state = models.CharField(_("state"), max_length=10, choices=IncomingState, default=IncomingState.RECEIVED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    note = models.CharField(_("note"), max_length=500, blank=True)
    received_at = models.DateTimeField(_("received"))
    tried_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(_("handled"), null=True)

    objects = IncomingEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("incoming event")
        verbose_name_plural = _("incoming events")
        constraints = [
            models.UniqueConstraint(fields=["gateway", "reference"], name="an_event_is_stored_once"),
            models.CheckConstraint(condition=Q(state__in=IncomingState.values), name="incoming_event_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["received_at", "id"], name="incoming_event_page"),
            models.Index(fields=["received_at"], name="incoming_event_waiting", condition=Q(state="received")),
            models.Index(fields=["settled_at"], name="incoming_event_over", condition=Q(state__in=OVER)),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"
