"""What a change of policy ends of what people have bought: each subscription by itself, resumed by a sweep."""

import logging
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import transaction

from commerce.operations.changes import cancellations, lines
from commerce.operations.changes.cancellations import Cancellation
from licensing.models import Subscription
from licensing.operations import renewal_stops
from licensing.operations.lifecycle import WRONG_WITH_ONE
from licensing.operations.subscriptions import SubscriptionInactive
from policies.models import Ending, ExistingRule
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.journal import events

log = logging.getLogger(__name__)


def apply_due(*, at: datetime, tenant_id: UUID | None = None, limit: int = 500) -> int:
    """
    End what changes of policy ask for and whose moment has come, each in its own transaction, on behalf of who changed
    the policy. Returns how many were settled. One that cannot be ended now holds up no other; it is tried again.
    """
    due = Ending.objects.due(at)
    due = due if tenant_id is None else due.filter(tenant=tenant_id)
    settled = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        try:
            settled += _apply(pk, at=at)
        except WRONG_WITH_ONE:
            log.exception("what policy ending %s asks for cannot be done yet", pk)
    return settled


def _apply(pk: UUID, *, at: datetime) -> int:
    ending = Ending.objects.due(at).filter(pk=pk).select_related("subscription").first()
    if ending is None:
        return 0
    if ending.how == ExistingRule.CANCEL:
        cancellations.release_cards(ending.subscription, at=at)
    with transaction.atomic():
        # Two workers never do one: who comes second finds the row taken, or done.
        taken = Ending.objects.due(at).filter(pk=pk).select_for_update(of=("self",), skip_locked=True)
        ending = taken.select_related("subscription__tenant", "asked_by", "tenant").first()
        if ending is None:
            return 0
        canceled = _carry_out(ending, at=at)
    if canceled is not None:
        lines.send_refunds(canceled.refunds, at=at)
    return 1


def _carry_out(ending: Ending, *, at: datetime) -> Cancellation | None:
    by = Actor(user=ending.asked_by)
    canceled = None
    if ending.how == ExistingRule.CANCEL:
        with suppress(SubscriptionInactive):
            canceled = cancellations.end(subscription=ending.subscription, reason=ending.reason, by=by, at=at)
    subscription = Subscription.objects.locked().select_related("tenant").get(pk=ending.subscription_id)
    # What is canceled but paid for runs to the end of its term: its owner does not turn it on again either.
    stopped = subscription.gives_access and renewal_stops.stop(subscription, reason=ending.reason, by=by, at=at)
    ending.done_at, ending.acted = at, canceled is not None or stopped
    ending.save(update_fields=["done_at", "acted"])
    if ending.acted:
        jobs.enqueue("commerce.tell_policy_ending", ending_id=str(ending.pk))
    events.record(
        "policy.applied",
        tenant=ending.tenant,
        by=SYSTEM,
        at=at,
        subject=ending.subscription_id,
        existing=ending.how,
        acted=ending.acted,
        asked_by=ending.asked_by_id,
        reason=ending.reason,
    )
    return canceled
