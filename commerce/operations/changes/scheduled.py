"""Numbers of seats that wait for the end of a term."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import ChangeState, ScheduledChange
from licensing.models import Subscription
from licensing.operations import lifecycle, subscriptions
from licensing.operations.lifecycle import WRONG_WITH_ONE
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.refusal import Refused

log = logging.getLogger(__name__)


class NothingScheduled(Refused):
    message = _("No change of seats waits for the renewal.")


def waiting(subscription: Subscription) -> ScheduledChange | None:
    return ScheduledChange.objects.waiting().filter(subscription=subscription).first()


def schedule(*, subscription: Subscription, quantity: int, by: Actor, at: datetime) -> ScheduledChange:
    """
    Have another number of seats from the end of the term on, in place of what waits already. The caller holds the
    subscription's lock. Asked for twice: nothing changes.
    """
    there = waiting(subscription)
    if there and (there.quantity, there.takes_effect_at) == (quantity, subscription.term_end):
        return there
    if there:
        _settle(there, ChangeState.WITHDRAWN, by=by, at=at)
    change = ScheduledChange.objects.create(
        tenant=subscription.tenant,
        subscription=subscription,
        quantity=quantity,
        takes_effect_at=subscription.term_end,
        asked_by=by.home,
        created_at=at,
    )
    _record("scheduled", change, by=by, at=at)
    return change


def withdraw(*, subscription: Subscription, by: Actor, at: datetime) -> ScheduledChange | None:
    """Let what waits go. The caller holds the subscription's lock. Nothing waits: nothing changes."""
    there = waiting(subscription)
    if there:
        _settle(there, ChangeState.WITHDRAWN, by=by, at=at)
    return there


def advance_due(*, at: datetime, limit: int = 500) -> int:
    """
    At the end of a term: first what waited for it, then the state that follows. Returns how many subscriptions moved
    on, as `lifecycle.advance_due`.
    """
    apply_due(at=at, limit=limit)
    return lifecycle.advance_due(at=at, limit=limit)


def apply_due(*, at: datetime, limit: int = 500) -> int:
    """
    Apply the changes whose moment has come, each in its own transaction. Returns how many were settled.

    One that would take seats from people, and more seats that no renewal paid for, are dropped, and whoever asked is
    told.
    """
    settled = 0
    for pk in list(ScheduledChange.objects.due(at).values_list("pk", flat=True)):
        if settled >= limit:  # of those that could be: one that cannot holds up nobody behind it
            break
        try:
            settled += _apply(pk, at=at)
        except WRONG_WITH_ONE:
            log.exception("change %s cannot be applied", pk)
    return settled


@transaction.atomic
def _apply(pk: UUID, *, at: datetime) -> int:
    subscription_id = ScheduledChange.objects.values_list("subscription", flat=True).get(pk=pk)
    subscription = Subscription.objects.locked().select_related("tenant").get(pk=subscription_id)
    change = ScheduledChange.objects.due(at).filter(pk=pk).first()
    if change is None:
        return 0
    if _can_be_applied(change, subscription):
        count = subscription.quantity - change.quantity
        subscriptions.remove_seats(subscription=subscription, count=count, by=SYSTEM, at=at)
        _settle(change, ChangeState.APPLIED, by=SYSTEM, at=at)
    else:
        _settle(change, ChangeState.DROPPED, by=SYSTEM, at=at)
        jobs.enqueue("commerce.deliver_dropped_change", change_id=str(change.pk))
    return 1


def _can_be_applied(change: ScheduledChange, subscription: Subscription) -> bool:
    if not subscription.gives_access or subscription.term_end != change.takes_effect_at:
        return False
    return subscription.seats_assigned <= change.quantity < subscription.quantity


def _settle(change: ScheduledChange, state: ChangeState, *, by: Actor, at: datetime) -> None:
    change.state, change.settled_at = state, at
    change.save(update_fields=["state", "settled_at"])
    _record(state.value, change, by=by, at=at)


def _record(what: str, change: ScheduledChange, *, by: Actor, at: datetime) -> None:
    events.record(
        f"quantity_change.{what}",
        tenant=change.tenant,
        by=by,
        at=at,
        subject=change.subscription_id,
        quantity=change.quantity,
        takes_effect_at=change.takes_effect_at,
    )
