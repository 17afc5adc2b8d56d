"""A leaver's purchase about which nothing is left to decide."""

from datetime import datetime

from commerce.models import LeaverTask, LeaverTaskState
from licensing.models import Subscription
from tenants.scope import EVERYBODY, Scope


def close(subscription: Subscription, *, at: datetime) -> None:
    """Somebody else has it now. For a caller who holds the subscription's lock."""
    standing = LeaverTask.objects.standing().filter(subscription=subscription)
    standing.update(state=LeaverTaskState.CLOSED, closed_at=at)


def close_moot(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """Of people who came back, and of what has ended or has another owner. Returns how many."""
    moot = among.of(LeaverTask.objects.moot()).values_list("pk", flat=True)
    return LeaverTask.objects.standing().filter(pk__in=list(moot)).update(state=LeaverTaskState.CLOSED, closed_at=at)
