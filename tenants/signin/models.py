from typing import Self

from django.db import models

from tenants.directory.models import Tenant, User
from tenants.ids import new_id


class TokenTenant(models.Model):
    """The one tenant in which a bearer token acts; an operator's token acts in none."""

    token = models.OneToOneField(
        "oauth2_provider.AccessToken", on_delete=models.CASCADE, primary_key=True, related_name="acting"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")


class SecondFactor(models.Model):
    """The app on a person's telephone that tells them a new code every half minute. There is one at a time."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="second_factor")
    # Encrypted, see `tenants.signin.codes`: whoever reads the table can make no code.
    key = models.TextField()
    # Of the newest code that was used: neither it nor an older one is good again.
    last_step = models.BigIntegerField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.user_id)


class RecoveryCodeQuerySet(models.QuerySet["RecoveryCode"]):
    def left(self, user: User) -> Self:
        return self.filter(user=user, used_at=None)


class RecoveryCode(models.Model):
    """A code for the day on which the telephone is lost, good once. Only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    objects = RecoveryCodeQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once_per_person")]

    def __str__(self) -> str:
        return str(self.pk)
