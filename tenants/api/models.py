from django.db import models

from tenants.directory.models import Tenant, User
from tenants.ids import new_id


class IdempotencyKey(models.Model):
    """A client's key for one call, with the answer that was given to it. Kept 30 days."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    # Of method, path and body: the same key with another call is refused.
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    # A call that died frees its key by the clock.
    leased_until = models.DateTimeField(null=True)
    # Each take-over gets a new one, so that a call that was thought dead cannot store its answer over the new one's.
    lease = models.UUIDField(default=new_id)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)

    # Of this call, not of the row: another call held the key before, and died.
    taken_over = False

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user", "key"], nulls_distinct=False, name="idempotency_key_once")
        ]
