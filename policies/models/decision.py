from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Plan, Product
from tenants.directory.models import Membership, Tenant
from tenants.ids import new_id
from tenants.keys import TenantForeignKey


class Outcome(models.TextChoices):
    ALLOWED = "allowed", _("Allowed")
    TRIAL_ONLY = "trial_only", _("Only a trial")
    NEEDS_APPROVAL = "needs_approval", _("Needs approval")
    REFUSED = "refused", _("Refused")


class Decision(models.Model):
    """What was answered when a person wanted to buy, allowed or refused; a dry run reads these."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="decisions")
    member = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="decisions")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="+")
    quantity = models.PositiveIntegerField(null=True)
    # Whether a trial without a card was asked for.
    trial = models.BooleanField(default=False)
    outcome = models.CharField(max_length=20, choices=Outcome)
    reasons = models.JSONField(default=list)
    # For each reason what would mend it; empty: kept before that was.
    remedies = models.JSONField(default=list)
    # The checkout that it was answered for, each time anew; none: there was none, or it was kept before that was.
    checkout = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="decision_outcome_is_known")
        ]
        indexes = [models.Index(fields=["tenant", "at"], name="decision_of_tenant")]
