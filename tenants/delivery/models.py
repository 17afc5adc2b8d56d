from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.ids import new_id


class JobQuerySet(models.QuerySet["Job"]):
    def to_do(self) -> Self:
        return self.filter(done_at=None, set_aside_at=None)

    def set_aside(self) -> Self:
        return self.filter(set_aside_at__isnull=False)

    def free(self, at: datetime) -> Self:
        """Those that no process holds."""
        return self.to_do().filter(Q(leased_until=None) | Q(leased_until__lt=at))

    def locked(self) -> Self:
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Job(models.Model):
    """Work to do after a commit. The row makes it certain, a message to the worker makes it prompt."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100)
    arguments = models.JSONField(_("arguments"), default=dict)
    # By the clock, unlike what operations write: it only says since when the queue waits.
    created_at = models.DateTimeField(_("waits since"), default=timezone.now)
    # A lease, not a flag: a worker that died frees its job by the clock.
    leased_until = models.DateTimeField(null=True)
    # When a sweep last told the workers of it, as of one whose message was lost.
    sent_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # Of the latest attempt that failed; none where its process was killed.
    last_error = models.CharField(_("last error"), max_length=300, blank=True, default="", db_default="")
    done_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(_("set aside"), null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = [
            models.Index(fields=["created_at"], name="job_to_do", condition=Q(done_at=None, set_aside_at=None)),
            models.Index(fields=["done_at"], name="job_done", condition=Q(done_at__isnull=False)),
            models.Index(fields=["set_aside_at", "id"], name="job_set_aside", condition=Q(set_aside_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at=None) | Q(set_aside_at=None), name="a_job_is_done_or_set_aside_not_both"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SweepRun(models.Model):
    """The latest run of a sweep: when it began, ended or failed. A row for each sweep, for the operator's page."""

    name = models.CharField(max_length=100, primary_key=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def has_failed(self) -> bool:
        """Its latest run that came to an end."""
        return self.failed_at is not None and (self.ended_at is None or self.failed_at > self.ended_at)

    @property
    def is_running(self) -> bool:
        ends = [moment for moment in (self.ended_at, self.failed_at) if moment is not None]
        return not ends or max(ends) < self.started_at
