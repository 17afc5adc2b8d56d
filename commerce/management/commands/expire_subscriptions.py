from datetime import datetime
from typing import Any

from commerce.operations.changes import scheduled
from licensing.models import Subscription
from licensing.operations import lifecycle
from tenants.management.operator_command import OperatorCommand, Output

AT_ONCE = 500


class Command(OperatorCommand):
    help = "Ends terms and carries subscriptions on by the table of life, as far as they are due."
    takes_at = True
    changes_many = True

    def perform(self, *, at: datetime, dry_run: bool, **options: Any) -> Output:
        due = list(Subscription.objects.due(at).order_by("state_ends_at").select_related("tenant", "plan"))
        rows = [
            {
                "subscription": subscription.pk,
                "tenant": subscription.tenant.slug,
                "plan": subscription.plan_id,
                "was": subscription.state,
                "due": subscription.state_ends_at,
                "state": lifecycle.next_state(subscription),
            }
            for subscription in due
        ]
        if dry_run:
            return rows
        moved = 0
        while step := scheduled.advance_due(at=at, limit=AT_ONCE):
            moved += step
            self.progress(moved, len(due))
        states = dict(Subscription.objects.in_bulk([subscription.pk for subscription in due]))
        return [{**row, "state": states[subscription.pk].state} for row, subscription in zip(rows, due, strict=True)]
