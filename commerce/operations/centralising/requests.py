"""Asking the owner of a subscription to cancel it: asked, reminded, answered, and closed by what they do."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commerce.models import CancellationRequest
from commerce.models import RequestedCancellationState as State
from commerce.models.cancellation_request import LONGEST_REQUEST_MESSAGE, REMINDED_AFTER
from licensing.models import GIVES_ACCESS, Subscription
from tenants.access import SYSTEM, Actor, Right
from tenants.delivery import jobs
from tenants.directory.models import Membership, MemberState
from tenants.journal import events
from tenants.refusal import NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope
from tenants.text import checked, checked_reason

# Of a request, whose subscription goes on as it is.
_GOES_ON = Q(subscription__state__in=GIVES_ACCESS, subscription__auto_renew=True)
_THEIRS = Q(subscription__owner=F("member"), member__state=MemberState.ACTIVE)


class NobodyToAsk(Refused):
    message = _("Nobody can be asked: it is the organisation's own already, or whoever managed it has left.")


class EndsAnyway(Refused):
    message = _("It has ended already, or ends with its term. There is nothing to ask for.")


class RequestClosed(Refused):
    message = _("Nobody waits for this answer any more: the subscription was canceled, or the request withdrawn.")


def goes_on(subscription: Subscription) -> bool:
    """Whether it gives access and would be charged again as it stands."""
    return subscription.gives_access and subscription.auto_renew and not subscription.never_charged


def whom_to_ask(subscription: Subscription) -> Membership:
    """
    Its owner, who may cancel it.

    :raises NobodyToAsk: the organisation's own, or of somebody who has left
    :raises EndsAnyway: it has ended, or does not renew
    """
    if subscription.owner is None or not subscription.owner.is_active:
        raise NobodyToAsk
    if not goes_on(subscription):
        raise EndsAnyway
    return subscription.owner


@transaction.atomic
def ask(*, subscription: Subscription, message: str = "", by: Actor, at: datetime) -> CancellationRequest:
    """
    Ask whoever manages a subscription to cancel it, in a letter, with reminders after 2 and 5 days. Asked already and
    not answered: nothing changes. Answered with “I keep it”: they are asked again.

    :raises NotAllowed: somebody who does not end others' purchases
    :raises NobodyToAsk: :raises EndsAnyway: as `whom_to_ask`
    :raises BadInput: a message that cannot be kept
    """
    by.require_in(subscription.tenant, Right.END_PURCHASES_OF_OTHERS)
    message = checked(message, field="message", longest=LONGEST_REQUEST_MESSAGE)
    subscription = Subscription.objects.locked().select_related("tenant", "plan").get(pk=subscription.pk)
    owner = whom_to_ask(subscription)
    standing = CancellationRequest.objects.standing().filter(subscription=subscription)
    there = standing.select_related("tenant").locked().first()
    if there is not None and there.is_waiting and there.member_id == owner.pk:
        return there
    if there is not None:
        _close(there, State.WITHDRAWN if there.member_id == owner.pk else State.MOOT, by=by, at=at)
    made = CancellationRequest.objects.create(
        tenant=subscription.tenant,
        subscription=subscription,
        member=owner,
        asked_by=by.user,
        message=message,
        created_at=at,
        remind_at=at + REMINDED_AFTER[0],
    )
    _record("cancellation_request.made", made, by=by, at=at)
    jobs.enqueue("commerce.deliver_cancellation_request", request_id=str(made.pk), reminder=0)
    return made


@transaction.atomic
def promise(*, request: CancellationRequest, by: Actor, at: datetime) -> CancellationRequest:
    """
    Say that one will cancel; one is still reminded. Said already: nothing changes.

    :raises NotAllowed: somebody else was asked
    :raises RequestClosed: it was canceled, or the request withdrawn
    """
    return _answer(request, State.PROMISED, "", by=by, at=at)


@transaction.atomic
def keep(*, request: CancellationRequest, reason: str, by: Actor, at: datetime) -> CancellationRequest:
    """
    Say that one keeps it, and why; no reminder follows.

    :raises BadInput: no reason
    :raises NotAllowed: :raises RequestClosed: as `promise`
    """
    return _answer(request, State.KEPT, checked_reason(reason), by=by, at=at)


@transaction.atomic
def withdraw(*, request: CancellationRequest, by: Actor, at: datetime) -> CancellationRequest:
    """
    Let the purchaser keep it: nobody waits for an answer, or for a cancellation, any more. Over already: nothing
    changes.

    :raises NotAllowed: somebody who does not end others' purchases
    """
    by.require_in(request.tenant, Right.END_PURCHASES_OF_OTHERS)
    locked = CancellationRequest.objects.select_related("tenant").locked().get(pk=request.pk)
    if locked.is_standing or locked.state == State.MOOT:
        _close(locked, State.WITHDRAWN, by=by, at=at)
    return locked


def close_due(*, at: datetime, among: Scope = EVERYBODY, limit: int = 500) -> int:
    """Close those whose subscription was canceled, has ended, or is not theirs any more. Returns how many."""
    over = among.of(CancellationRequest.objects.standing()).exclude(_GOES_ON & _THEIRS)
    return sum(_close_one(pk, at=at) for pk in over.order_by("pk").values_list("pk", flat=True)[:limit])


def remind_due(*, at: datetime, among: Scope = EVERYBODY, limit: int = 500) -> int:
    """Remind whoever was asked 2 and 5 days ago and has neither canceled nor said no. Returns how many."""
    due = among.of(CancellationRequest.objects.due(at)).values_list("pk", flat=True)[:limit]
    return sum(_remind(pk, at=at) for pk in list(due))


@transaction.atomic
def _close_one(pk: UUID, *, at: datetime) -> int:
    found = CancellationRequest.objects.standing().filter(pk=pk).select_related("tenant", "subscription", "member")
    request = found.order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if request is None:
        return 0  # somebody is at it: the next sweep
    over = not goes_on(request.subscription)
    _close(request, State.CANCELED if over else State.MOOT, by=SYSTEM, at=at)
    return 1


@transaction.atomic
def _remind(pk: UUID, *, at: datetime) -> int:
    due = CancellationRequest.objects.due(at).filter(_GOES_ON & _THEIRS, pk=pk)
    request = due.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if request is None:
        return 0
    # Both days are over where nobody swept for long: one letter then, not two at once.
    passed = sum(at >= request.created_at + after for after in REMINDED_AFTER)
    request.reminded = passed
    request.remind_at = request.created_at + REMINDED_AFTER[passed] if passed < len(REMINDED_AFTER) else None
    request.save(update_fields=["reminded", "remind_at"])
    jobs.enqueue("commerce.deliver_cancellation_request", request_id=str(request.pk), reminder=passed)
    return 1


def _answer(request: CancellationRequest, state: State, reason: str, *, by: Actor, at: datetime) -> CancellationRequest:
    if not by.is_member(request.member_id):
        raise NotAllowed(_("Somebody else was asked."))
    locked = CancellationRequest.objects.select_related("tenant").locked().get(pk=request.pk)
    if not locked.is_standing:
        raise RequestClosed
    if (locked.state, locked.reason) == (state, reason):
        return locked
    locked.state, locked.reason, locked.answered_at = state, reason, at
    if state == State.KEPT:
        locked.remind_at = None
    locked.save(update_fields=["state", "reason", "answered_at", "remind_at"])
    _record("cancellation_request.answered", locked, by=by, at=at, answer=state.value, reason=reason)
    jobs.enqueue("commerce.tell_cancellation_answer", request_id=str(locked.pk))
    return locked


def _close(request: CancellationRequest, state: State, *, by: Actor, at: datetime) -> None:
    request.state, request.closed_at, request.remind_at = state, at, None
    request.save(update_fields=["state", "closed_at", "remind_at"])
    _record("cancellation_request.closed", request, by=by, at=at, outcome=state.value)


def _record(type: str, request: CancellationRequest, *, by: Actor, at: datetime, **more: str) -> None:
    events.record(
        type, tenant=request.tenant, by=by, at=at, subject=request.subscription_id, member=request.member_id, **more
    )
