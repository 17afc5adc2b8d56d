"""What a change of policy means for what people have bought: asked for with the change, done by commerce."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from policies.models import Ending, ExistingRule
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.directory.models import Tenant
from tenants.refusal import BadInput

FURTHEST = timedelta(days=3_660)
# Statements stay of a size, whatever an organisation has bought.
WRITTEN_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class Existing:
    """Leave what was bought, stop it at its renewal, or cancel it at a moment; without one, when the change holds."""

    rule: str = ExistingRule.LEAVE
    at: datetime | None = None

    @property
    def ends(self) -> bool:
        return self.rule != ExistingRule.LEAVE

    @property
    def told(self) -> dict[str, object]:
        """As the journal keeps it with the change."""
        if not self.ends:
            return {}
        return {"existing": str(self.rule), **({"existing_at": self.at} if self.at else {})}


LEAVE = Existing()


def require_sensible(existing: Existing, *, allows_all: bool, at: datetime) -> None:
    """
    :raises BadInput: an unknown rule, a moment that cannot be, or what people have is to end although all may buy it
    """
    if existing.rule not in ExistingRule.values:
        known = ", ".join(ExistingRule.values)
        raise BadInput(_("Use one of these: %(known)s.") % {"known": known}, field="existing", code="invalid_choice")
    if existing.at is not None and existing.rule != ExistingRule.CANCEL:
        raise BadInput(_("A moment belongs to “cancel” alone."), field="at", code="not_of_this_choice")
    if existing.at is not None and existing.at < at - timedelta(minutes=5):
        raise BadInput(_("It must be in the future."), field="at", code="in_the_past")
    if existing.at is not None and existing.at > at + FURTHEST:
        raise BadInput(_("Choose a time that is nearer."), field="at", code="too_far")
    if existing.ends and allows_all:
        raise BadInput(
            _("What people have is not ended by a value that lets everybody buy."),
            field="existing",
            code="nothing_ends",
        )


def ask(
    *,
    tenant: Tenant,
    subscriptions: Sequence[UUID],
    existing: Existing,
    since: datetime,
    reason: str,
    by: Actor,
    at: datetime,
) -> int:
    """
    Have subscriptions ended, in the transaction of the change; `since`: when the change holds. What waits for one of
    them already is replaced, in a fixed number of statements for every thousand. Returns how many.
    """
    due_at = existing.at or max(since, at)
    Ending.objects.filter(
        tenant=tenant, subscription__in=subscriptions, how=existing.rule, done_at=None
    ).delete()  # rows of what never happened; the journal has what was asked for
    Ending.objects.bulk_create(
        [
            Ending(
                tenant=tenant,
                subscription_id=pk,
                how=existing.rule,
                reason=reason,
                asked_by=by.user,
                due_at=due_at,
                created_at=at,
            )
            for pk in subscriptions
        ],
        batch_size=WRITTEN_AT_ONCE,
    )
    if subscriptions and due_at <= at:
        jobs.enqueue("commerce.apply_policy_change", tenant_id=str(tenant.pk))
    return len(subscriptions)
