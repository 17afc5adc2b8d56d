"""Before a leaver's purchase is charged again: its admins and the leaver are told once for each charge."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from commerce.models import LeaverTask
from tenants.delivery import jobs
from tenants.scope import EVERYBODY, Scope


def warn(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """Tell of each charge that is at most seven days away. Returns of how many."""
    due = among.of(LeaverTask.objects.to_warn(at))
    return sum(_warn(pk, at=at) for pk in list(due.values_list("pk", flat=True)[:limit]))


@transaction.atomic
def _warn(pk: UUID, *, at: datetime) -> int:
    due = LeaverTask.objects.to_warn(at).filter(pk=pk).select_related("subscription")
    task = due.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if task is None:
        return 0
    task.warned_for = task.subscription.term_end
    task.save(update_fields=["warned_for"])
    jobs.enqueue("commerce.tell_leaver_task", task_id=str(task.pk), before_charge=True)
    return 1
