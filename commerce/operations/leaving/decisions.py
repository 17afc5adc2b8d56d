"""What becomes of a leaver's purchase: an admin decides, else the organisation's setting before the next charge."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import LeaverChoice, LeaverTask, LeaverTaskState
from commerce.operations.handover import offers
from commerce.operations.leaving import adoption, noticing
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Subscription, SubscriptionState
from licensing.operations import subscriptions
from licensing.operations.subscriptions import SubscriptionInactive
from policies.models import LeaverDefault
from policies.operations import leavers
from tenants.access import SYSTEM, Actor, Right
from tenants.directory.models import Membership, MemberState
from tenants.journal import events
from tenants.refusal import BadInput, Refused

# What the organisation's setting did when nobody had decided.
RENEWED, NOT_ADOPTED = "renewed", "not_adopted"


class LeaverTaskClosed(Refused):
    message = _("Nothing is left to decide here: the person is back, somebody else has it, or it has ended.")


@transaction.atomic
def decide(
    *,
    task: LeaverTask,
    choice: str,
    to: Membership | None = None,
    message: str = "",
    payer: Payer | None = None,
    by: Actor,
    at: datetime,
) -> LeaverTask:
    """
    Decide what becomes of a leaver's purchase; as long as that has not happened one may decide otherwise. `to` is who
    gets the offer of a transfer, `payer` what of the organisation's pays for what it adopts.

    :raises NotAllowed: somebody who may not end what others bought in this tenant
    :raises LeaverTaskClosed: nothing is left to decide
    :raises BadInput: an unknown choice, or one without what it needs
    :raises: as `offers.offer` and `adoption.adopt`
    """
    by.require_in(task.tenant, Right.END_PURCHASES_OF_OTHERS)
    if choice not in LeaverChoice.values:
        known = ", ".join(LeaverChoice.values)
        raise BadInput(_("Use one of these: %(known)s.") % {"known": known}, field="choice", code="invalid_choice")
    if choice == LeaverChoice.TRANSFER and to is None:
        raise BadInput(_("Name the member who is to have it."), field="to", code="required")
    subscription = Subscription.objects.locked().select_related("tenant", "plan").get(pk=task.subscription_id)
    task = LeaverTask.objects.select_related("tenant", "member").locked().get(pk=task.pk)
    if not _stands(task, subscription):
        raise LeaverTaskClosed
    offers.take_back(subscription, by=by, at=at)
    _take_end_back(task, subscription, by=by, at=at)
    if choice == LeaverChoice.TRANSFER and to is not None:
        offers.offer(subscription=subscription, to=to, message=message, by=by, at=at)
    elif choice == LeaverChoice.ADOPT:
        adoption.adopt(subscription=subscription, payer=payer or Payer(), by=by, at=at)
        task.refresh_from_db(fields=["state", "closed_at"])
    elif choice == LeaverChoice.LET_END:
        _let_end(subscription, by=by, at=at)
    return _decided(task, LeaverChoice(choice), by=by, at=at)


def decides(subscription: Subscription) -> bool:
    """Whether its owner is away, so that somebody, or the setting, decides whether it is charged."""
    return subscription.owner is not None and subscription.owner.state != MemberState.ACTIVE


def before_charge(*, subscription: Subscription, at: datetime) -> None:
    """
    Do what the organisation's setting says of a leaver's purchase that is about to be charged, and about which nobody
    has decided: for a caller who holds the subscription's lock, and reads it again before it charges. Anything but a
    leaver's purchase: nothing.
    """
    if subscription.owner_id is None:
        return
    task = noticing.task_of(subscription, at=at)
    if task is not None and task.is_open and _stands(task, subscription):
        _DEFAULTS[leavers.of(task.tenant).default](task, subscription, at)


def _stands(task: LeaverTask, subscription: Subscription) -> bool:
    here = task.state == LeaverTaskState.CLOSED or task.member.is_active
    return not here and subscription.owner_id == task.member_id and subscription.gives_access


def _take_end_back(task: LeaverTask, subscription: Subscription, *, by: Actor, at: datetime) -> None:
    """What was decided before turned its renewal off."""
    if task.choice == LeaverChoice.LET_END and subscription.renewal_stopped_at is None:
        subscriptions.turn_renewal(subscription, auto_renew=True, by=by, at=at)


def _let_end(subscription: Subscription, *, by: Actor, at: datetime) -> None:
    if subscription.is_trial and subscription.state != SubscriptionState.TRIAL:
        raise SubscriptionInactive
    subscriptions.turn_renewal(subscription, auto_renew=False, by=by, at=at)


def _decided(task: LeaverTask, choice: LeaverChoice, *, by: Actor, at: datetime) -> LeaverTask:
    if task.state != LeaverTaskState.CLOSED:
        task.state = LeaverTaskState.DECIDED
    task.choice, task.decided_by, task.decided_at, task.note = choice, by.user, at, ""
    task.save(update_fields=["state", "choice", "decided_by", "decided_at", "note"])
    events.record(
        "leaver.decided",
        tenant=task.tenant,
        by=by,
        at=at,
        subject=task.subscription_id,
        member=task.member_id,
        choice=choice.value,
    )
    return task


def _renew(task: LeaverTask, subscription: Subscription, at: datetime) -> None:
    _note(task, RENEWED, at=at)


def _end_by_default(task: LeaverTask, subscription: Subscription, at: datetime) -> None:
    _let_end(subscription, by=SYSTEM, at=at)
    _decided(task, LeaverChoice.LET_END, by=SYSTEM, at=at)


def _adopt_by_default(task: LeaverTask, subscription: Subscription, at: datetime) -> None:
    for payer in adoption.offered(subscription, at=at):
        try:
            adoption.adopt(subscription=subscription, payer=payer, by=SYSTEM, at=at)
        except (PaymentMethodNotAccepted, PaymentInProgress, SubscriptionInactive):
            continue
        task.refresh_from_db(fields=["state", "closed_at"])
        _decided(task, LeaverChoice.ADOPT, by=SYSTEM, at=at)
        return
    _note(task, NOT_ADOPTED, at=at)


def _note(task: LeaverTask, outcome: str, *, at: datetime) -> None:
    task.note = outcome
    task.save(update_fields=["note"])
    events.record(
        "leaver.defaulted",
        tenant=task.tenant,
        by=SYSTEM,
        at=at,
        subject=task.subscription_id,
        member=task.member_id,
        outcome=outcome,
    )


_DEFAULTS: dict[LeaverDefault, Callable[[LeaverTask, Subscription, datetime], None]] = {
    LeaverDefault.RENEW: _renew,
    LeaverDefault.LET_END: _end_by_default,
    LeaverDefault.ADOPT: _adopt_by_default,
}
