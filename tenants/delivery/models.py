from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.ids import new_id


class Job(models.Model):
    """Work to do after a commit. The row makes it certain, a message to the worker makes it prompt."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(_("name"), max_length=100)
    arguments = models.JSONField(_("arguments"), default=dict)
    # By the clock, unlike what operations write: it only says since when the queue waits.
    created_at = models.DateTimeField(default=timezone.now)
    # A lease, not a flag: a worker that died frees its job by the clock.
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="job_to_do", condition=Q(done_at=None, set_aside_at=None)),
            models.Index(fields=["done_at"], name="job_done", condition=Q(done_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name
