"""The second moment of a take-over: money and records follow, by themselves a week later or when an admin says so."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce import money
from commerce.models import RefundReason, Renewal, TakeOver, TakeOverState
from commerce.operations.changes import lines, quotes, scheduled
from commerce.operations.changes.lines import GIVING_BACK
from commerce.operations.changes.quotes import Position
from commerce.operations.handover import offers
from commerce.operations.paying import charging
from commerce.operations.renewing import due, dunning, outcomes
from commerce.operations.takeover import previewing, reimbursing, returning
from licensing.models import Subscription
from licensing.operations import lifecycle
from licensing.operations.lifecycle import WRONG_WITH_ONE
from tenants.access import SYSTEM, Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.refusal import Refused
from tenants.scope import EVERYBODY, Scope

log = logging.getLogger(__name__)

# After something stood in the way for a moment, as a payment that is under way.
AGAIN_AFTER = timedelta(minutes=5)


class TakeOverUndone(Refused):
    message = _("This take-over was undone.")


def settle(*, take_over: TakeOver, by: Actor, at: datetime) -> TakeOver:
    """
    Settle now. What was moved or ended is deleted for good, and what is not used from the take-over on goes back to who
    paid it, unless the organisation has turned that off; nothing of a contested charge does. What was adopted can no
    longer be undone, and its renewal that waited is charged. Where the organisation takes on the rest of its term, it
    is charged that first, and then it goes back. Settled already: nothing changes. Outside any transaction.

    :raises NotAllowed: somebody who may not take over what others bought in this tenant
    :raises TakeOverUndone: it was undone
    :raises PaymentInProgress: an invoice of it is being paid in this moment, or the charge is not answered yet
    :raises CardDeclined: :raises PaymentCanceled: the organisation was not charged, so it stays open
    """
    previewing.require_taker(take_over.subscription, by)
    if take_over.reimburse and take_over.is_open:
        reimbursing.charge(take_over=take_over, at=at)
    settled, back = settle_rows(take_over=take_over, by=by, at=at)
    lines.send_refunds(back, at=at)
    return settled


@transaction.atomic
def settle_rows(*, take_over: TakeOver, by: Actor, at: datetime) -> tuple[TakeOver, Sequence[Position]]:
    """
    What `settle` does in the database, with what goes back: a sweep sends that where the caller does not. For runs.
    Where a card of the organisation is to be charged first, that follows soon, and it stays open until then.

    :raises: as `settle`
    """
    previewing.require_taker(take_over.subscription, by)
    subscription, _orders = lines.lock_after(take_over.subscription, since=take_over.started_at)
    held = TakeOver.objects.locked().with_people().get(pk=take_over.pk)
    held.subscription = subscription
    if held.state == TakeOverState.UNDONE:
        raise TakeOverUndone
    if held.state == TakeOverState.SETTLED:
        return held, ()
    if held.reimburse and not reimbursing.is_paid(held) and not reimbursing.bill(held, at=at):
        held.next_try_at = at
        held.save(update_fields=["next_try_at"])
        jobs.enqueue("commerce.settle_take_over", take_over_id=str(held.pk))
        return held, ()
    back = [line for line in returning.when_settled(held) if line.why in GIVING_BACK]
    close(held, TakeOverState.SETTLED, by=by, at=at)
    _record(held, back, by=by, at=at)
    if held.ends_it:
        _delete(held, by=by, at=at)
    else:
        due.open_one(subscription, at=at)
        # One that failed before it was taken over: what pays is another by now.
        dunning.try_at_once(subscriptions=[subscription.pk])
    jobs.enqueue("commerce.tell_take_over", take_over_id=str(held.pk), state=str(held.state))
    # Last: a credit note takes a number.
    lines.give_back(back, reason=RefundReason.TAKEN_OVER, by=by, at=at)
    return held, back


def settle_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    Settle those whose time has come, each by itself. One that cannot be settled now is tried again, and holds up no
    other. Returns how many were settled.
    """
    settled = 0
    for pk in list(among.of(TakeOver.objects.due(at)).values_list("pk", flat=True)[:limit]):
        try:
            settled += not settle_one(take_over_id=pk, at=at).is_open
        except (charging.CardDeclined, charging.PaymentCanceled):
            continue  # put off, and told
        except WRONG_WITH_ONE:
            log.exception("take-over %s cannot be settled yet", pk)
            TakeOver.objects.open().filter(pk=pk).update(next_try_at=at + AGAIN_AFTER)
    return settled


def settle_one(*, take_over_id: UUID, at: datetime) -> TakeOver:
    """As `settle`, when its time has come."""
    return settle(take_over=TakeOver.objects.with_people().get(pk=take_over_id), by=SYSTEM, at=at)


def close(held: TakeOver, state: TakeOverState, *, by: Actor, at: datetime) -> None:
    """It is over. The caller holds it."""
    held.state, held.closed_by, held.closed_at, held.next_try_at = state, by.user, at, None
    held.save(update_fields=["state", "closed_by", "closed_at", "next_try_at"])


def _delete(held: TakeOver, *, by: Actor, at: datetime) -> None:
    subscription: Subscription = held.subscription
    scheduled.withdraw(subscription=subscription, by=by, at=at)
    offers.take_back(subscription, by=by, at=at)
    for renewal in Renewal.objects.open().locked().filter(subscription=subscription):
        outcomes.lapse(renewal, subscription, at=at)
    lifecycle.close(subscription=subscription, by=by, at=at)


def _record(held: TakeOver, back: Sequence[Position], *, by: Actor, at: datetime) -> None:
    total, currency = sum((line.total for line in back), money.ZERO), quotes.currency_of(held.subscription)
    events.record(
        "subscription.take_over_settled",
        tenant=held.tenant,
        by=by,
        at=at,
        subject=held.subscription_id,
        mode=held.mode,
        target=held.target_id,
        **({"refund": money.text(total, currency), "currency": currency} if total else {}),
    )
