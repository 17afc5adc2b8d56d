from collections import Counter
from datetime import datetime
from typing import Any

from commerce.operations.changes import scheduled
from licensing.models import Subscription
from licensing.operations import lifecycle
from tenants import clock
from tenants.management.operator_command import OperatorCommand, Output

AT_ONCE = 500


class Command(OperatorCommand):
    help = "Ends terms and carries subscriptions on by the table of life, as far as they are due."
    takes_at = True
    changes_many = True

    def perform(self, *, at: datetime, dry_run: bool, **options: Any) -> Output:
        scopes = list(clock.scopes(at))
        due = [
            subscription
            for scope, there in scopes
            for subscription in scope.of(Subscription.objects.due(there))
            .order_by("state_ends_at")
            .select_related("tenant", "plan")
        ]
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
        for scope, there in scopes:
            while step := scheduled.advance_due(at=there, limit=AT_ONCE, among=scope):
                moved += step
                self.progress(moved, len(due))
        states = dict(Subscription.objects.in_bulk([subscription.pk for subscription in due]))
        self.sum_up(Counter(subscription.state for subscription in states.values()))
        return [{**row, "state": states[subscription.pk].state} for row, subscription in zip(rows, due, strict=True)]
