"""
What a change of policy ends of what people have bought: each subscription by itself, resumed by a sweep; and that an
admin leaves a renewal to its owner again.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from commerce.models import TakeOver
from commerce.operations.changes import cancellations, lines
from commerce.operations.changes.cancellations import Cancellation
from licensing.models import Subscription
from licensing.operations import renewal_stops, subscriptions
from licensing.operations.lifecycle import WRONG_WITH_ONE
from licensing.operations.subscriptions import SubscriptionInactive
from policies.models import Ending, ExistingRule
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope
from tenants.text import require_plain

log = logging.getLogger(__name__)


def planned_for(subscriptions: Iterable[Subscription], *, at: datetime) -> dict[UUID, Ending]:
    """The next planned ending of each that has one, in one query."""
    found: dict[UUID, Ending] = {}
    # The last written is the nearest.
    for ending in Ending.objects.planned(at).filter(subscription__in=[row.pk for row in subscriptions]).reverse():
        found[ending.subscription_id] = ending
    return found


def is_stopped(subscription: Subscription) -> bool:
    """Its owner cannot renew it. What the organisation took over is its own to renew."""
    return subscription.renewal_stopped_at is not None and subscription.owner_id is not None


@transaction.atomic
def lift_stop(*, subscription: Subscription, reason: str, by: Actor, at: datetime) -> Subscription:
    """
    Leave a renewal that an admin has stopped to its owner again, and tell them. An owner who lifts it turns it on at
    once.

    :raises NotAllowed: `by` may not change what the tenant allows
    :raises BadInput: a reason that cannot be kept
    :raises RenewalNotStopped: nobody has stopped it, or somebody was faster
    :raises SubscriptionInactive: it has ended
    """
    require_plain(reason, field="reason")
    lifted = renewal_stops.lift(subscription=subscription, reason=reason, by=by, at=at)
    if by.is_member(lifted.owner_id):
        return subscriptions.set_auto_renew(subscription=lifted, auto_renew=True, by=by, at=at)
    jobs.enqueue("commerce.tell_lifted_stop", subscription_id=str(lifted.pk), lifted_at=at.isoformat())
    return lifted


def due(at: datetime) -> QuerySet[Ending]:
    """Those whose moment has come. What is just being taken over may be given back: till then they wait."""
    taken = TakeOver.objects.open().filter(subscription=OuterRef("subscription"))
    return Ending.objects.due(at).exclude(Exists(taken))


def apply_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    End what changes of policy ask for and whose moment has come, each in its own transaction, on behalf of who changed
    the policy. Returns how many were settled. One that cannot be ended now holds up no other; it is tried again.
    """
    waiting = among.of(due(at))
    settled = 0
    for pk in list(waiting.values_list("pk", flat=True)[:limit]):
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
