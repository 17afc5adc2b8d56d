"""Numbers of seats that wait for the end of a term."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import ChangeState, Renewal, ScheduledChange
from commerce.operations.renewing import due
from licensing.models import Subscription, SubscriptionState
from licensing.operations import lifecycle, subscriptions
from licensing.operations.lifecycle import WRONG_WITH_ONE
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.refusal import Refused
from tenants.scope import EVERYBODY, Scope, in_batches

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


def follow(subscription: Subscription, *, by: Actor, at: datetime) -> None:
    """The term ends later: what waits does, too. The caller holds the subscription's lock."""
    change = waiting(subscription)
    if change and change.takes_effect_at != subscription.term_end:
        change.takes_effect_at = subscription.term_end
        change.save(update_fields=["takes_effect_at"])
        _record("scheduled", change, by=by, at=at)


def quantity_of_next_term(subscription: Subscription, *, at: datetime) -> int:
    """
    How many seats the next term is charged for: as many as are wanted for it. A number that would take seats from
    people is dropped, and whoever asked is told. The caller holds the subscription's lock.
    """
    change = waiting(subscription)
    quantity = expected_quantity(subscription, change)
    if change and change.takes_effect_at == subscription.term_end and quantity != change.quantity:
        _drop(change, at=at)
    return quantity


def expected_quantity(subscription: Subscription, change: ScheduledChange | None) -> int:
    """
    How many seats the next term that is not paid yet is charged for, as things stand: as many as `change` wants, what
    waits for the renewal, unless people have more of them than that.
    """
    now = subscription.renewed_quantity if subscription.renewed_until else None
    if change is None or change.takes_effect_at != subscription.paid_until:
        return now or subscription.quantity
    return change.quantity if change.quantity >= subscription.seats_assigned else now or subscription.quantity


def apply_with_next_term(subscription: Subscription, quantity: int, *, at: datetime) -> None:
    """The next term is paid for that many seats, which it begins with. The caller holds the subscription's lock."""
    change = waiting(subscription) if quantity != subscription.quantity else None
    if change and (change.quantity, change.takes_effect_at) == (quantity, subscription.term_end):
        _settle(change, ChangeState.APPLIED, by=SYSTEM, at=at)


def advance_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    At the end of a term: first what waited for it, then the state that follows. Returns how many subscriptions moved
    on, as `lifecycle.advance_due`. None ends before its renewal was due, however late the sweeps are; no trial that
    converts ends, and nobody in grace loses access, before the charge that is due was tried once.
    """
    due.open_due(at=at, among=among)
    apply_due(at=at, limit=limit, among=among)
    return lifecycle.advance_due(at=at, limit=limit, among=among, but=_untried())


def _untried() -> Q:
    """
    Those whose charge is due and was not tried yet: of trials, which could not become purchases any more once they have
    ended, and in grace, which is there for tries.
    """
    untried = Renewal.objects.untried().filter(subscription=OuterRef("pk"), starts_at=OuterRef("term_end"))
    waits = Q(state=SubscriptionState.TRIAL, converts=True) | Q(state=SubscriptionState.EXPIRED)
    return waits & Q(auto_renew=True) & Q(Exists(untried))


def apply_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    Apply the changes whose moment has come, each in its own transaction. Returns how many were settled.

    One that would take seats from people, and more seats that no renewal paid for, are dropped, and whoever asked is
    told.
    """
    settled = 0
    for pk in in_batches(among.of(ScheduledChange.objects.due(at)), "takes_effect_at"):
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
        _drop(change, at=at)
    return 1


def _drop(change: ScheduledChange, *, at: datetime) -> None:
    _settle(change, ChangeState.DROPPED, by=SYSTEM, at=at)
    jobs.enqueue("commerce.deliver_dropped_change", change_id=str(change.pk))


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
