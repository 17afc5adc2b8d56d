from collections.abc import Iterator
from datetime import datetime
from typing import Any

from commerce.models import Payment, Refund
from commerce.operations import settlement
from commerce.operations.settlement import ASK_AFTER
from tenants.management.operator_command import OperatorCommand, Output, Row


class Command(OperatorCommand):
    help = "Asks the payment provider what became of payments and refunds without an answer for 60 seconds."
    takes_at = True
    changes_many = True

    def perform(self, *, at: datetime, dry_run: bool, **options: Any) -> Output:
        waiting = Payment.objects.unanswered(at - ASK_AFTER).select_related("tenant")
        owed = Refund.objects.unanswered(at - ASK_AFTER).select_related("tenant", "payment")
        asked: list[Payment | Refund] = [*waiting, *owed]
        if not dry_run:
            settlement.reconcile(at=at, limit=len(asked))
            self.progress(len(asked), len(asked))
        return list(_rows(asked, dry_run=dry_run))


def _rows(asked: list[Payment | Refund], *, dry_run: bool) -> Iterator[Row]:
    for row in asked:
        was = row.state
        if not dry_run:
            row.refresh_from_db(fields=["state"])
        yield {
            "kind": "payment" if isinstance(row, Payment) else "refund",
            "id": row.pk,
            "tenant": row.tenant.slug,
            "amount": row.amount,
            "was": was,
            "state": row.state,
        }
