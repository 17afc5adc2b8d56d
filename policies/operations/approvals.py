"""Approvals: asked for, decided, withdrawn, lapsed. What they are for is the caller's, who holds the lock of it."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from licensing.models import Plan
from policies import eligibility
from policies.eligibility import Answer
from policies.facts import Remedy
from policies.models import Approval, ApprovalState
from policies.models.approval import LONGEST_MESSAGE, ApprovalQuerySet
from policies.models.approver import departments_of_approver
from policies.operations import approval_grounds, decisions
from policies.spending import Proposal
from tenants.access import Actor, Right, actor_of
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.text import checked

LASTS = timedelta(days=14)


class OwnApproval(Refused):
    http_status = 403
    message = _("You asked for this yourself, so somebody else has to decide it.")


class ApprovalNotWaiting(Refused):
    message = _("This was decided or withdrawn already.")


class ApprovalLapsed(Refused):
    message = _("Nobody decided this in time, so it has lapsed.")


@transaction.atomic
def ask(
    *,
    subject: object,
    plan: Plan,
    quantity: int,
    amount: Decimal,
    currency: str,
    answer: Answer,
    by: Actor,
    at: datetime,
) -> Approval:
    """
    Ask for an approval of what the actor wants to buy. Asked for the same subject already: that one.

    The caller holds the subject's lock and has an answer that needs an approval.
    """
    found = live(subject)
    if found is not None:
        return found
    approval = Approval.objects.create(
        tenant=by.home.tenant,
        requester=by.home,
        plan=plan,
        quantity=quantity,
        amount=amount,
        currency=currency,
        subject=str(subject),
        codes=[verdict.code for verdict in answer.failures],
        grounds=approval_grounds.to_keep(answer),
        created_at=at,
        lapses_at=at + LASTS,
    )
    events.record(
        "approval.requested",
        tenant=approval.tenant,
        by=by,
        at=at,
        subject=approval.pk,
        checkout=approval.subject,
        product=plan.product_id,
        plan=plan.pk,
        quantity=quantity,
        codes=approval.codes,
    )
    return approval


@transaction.atomic
def approve(
    *,
    approval: Approval,
    quantity: int | None = None,
    message: str = "",
    proposal: Proposal | None = None,
    by: Actor,
    at: datetime,
) -> tuple[Approval, Answer]:
    """
    Approve as many seats as were asked for, or fewer. The rules are asked again for the buyer: where one fails that no
    approval answers, the approval waits on as it is, and the answer that comes back with it is not `approvable`.
    `proposal` is what that many seats cost; the caller has locked the limits that it counts towards.

    :raises OwnApproval: nobody approves what they asked for
    :raises NotAllowed: neither somebody who approves for the tenant, nor named for the buyer's department
    :raises ApprovalNotWaiting: decided or withdrawn already
    :raises ApprovalLapsed: too late
    :raises BadInput: more seats than were asked for, or a message that cannot be kept
    """
    approval = _to_decide(approval, by=by, at=at)
    seats = approval.quantity if quantity is None else quantity
    if not 1 <= seats <= approval.quantity:
        message_ = _("Approve 1 to %(most)s seats.") % {"most": approval.quantity}
        raise BadInput(message_, field="quantity", code="quantity_out_of_range")
    message = _checked(message)
    buyer, plan = approval.requester, approval.plan
    answer = eligibility.decide(buyer, plan.product, plan=plan, quantity=seats, proposal=proposal, at=at)
    checkout = UUID(approval.subject)
    decisions.keep(answer=answer, plan=plan, quantity=seats, checkout=checkout, by=actor_of(buyer), at=at)
    if approvable(answer):
        approval.approved_quantity = seats
        approval.approved_amount = min(proposal.amount, approval.amount) if proposal else None
        _decide(approval, ApprovalState.APPROVED, message, by=by, at=at)
    return approval, answer


@transaction.atomic
def decline(*, approval: Approval, message: str = "", by: Actor, at: datetime) -> Approval:
    """
    Decline, with a message for the buyer.

    :raises OwnApproval: :raises NotAllowed: :raises ApprovalNotWaiting: :raises ApprovalLapsed: as `approve`
    :raises BadInput: a message that cannot be kept
    """
    approval = _to_decide(approval, by=by, at=at)
    _decide(approval, ApprovalState.DECLINED, _checked(message), by=by, at=at)
    return approval


def withdraw(*, subject: object, by: Actor, at: datetime) -> None:
    """The buyer does without. Nothing waits: nothing changes."""
    _end(subject, ApprovalState.WITHDRAWN, by=by, at=at)


def lapse(*, subject: object, by: Actor, at: datetime) -> Approval | None:
    """Nobody decided in time. Nothing waits: nothing changes."""
    return _end(subject, ApprovalState.LAPSED, by=by, at=at)


def live(subject: object) -> Approval | None:
    """The approval of a subject that waits, or that was given."""
    return newest(subject, state__in=(ApprovalState.WAITING, ApprovalState.APPROVED))


def given(subject: object) -> Approval | None:
    return newest(subject, state=ApprovalState.APPROVED)


def newest(subject: object, **such: object) -> Approval | None:
    return Approval.objects.filter(subject=str(subject), **such).with_people().order_by("-created_at", "-pk").first()


def approvable(answer: Answer) -> bool:
    """Whether an approval makes all that failed pass; given, it does not matter that nobody is left to ask."""
    return all(verdict.code == "no_approver" or verdict.remedy is Remedy.APPROVAL for verdict in answer.failures)


def answered(answer: Answer, *, subject: object, quantity: int) -> bool:
    """Whether a purchase may go through: every rule passes, or an approval makes those pass that do not."""
    if answer.allowed:
        return True
    approval = given(subject) if approvable(answer) else None
    return approval is not None and approval.approved_quantity is not None and quantity <= approval.approved_quantity


def seen_by(by: Actor) -> ApprovalQuerySet:
    """What an approver sees: all of the tenant's, or those of the people whom they are named for."""
    every = Approval.objects.of(by.organisation)
    return every if by.may(Right.APPROVE_PURCHASES) else every.asked_within(_departments(by))


def is_approver(by: Actor) -> bool:
    """Whether anybody's purchases are the actor's to approve."""
    return by.may(Right.APPROVE_PURCHASES) or bool(_departments(by))


def _departments(by: Actor) -> set[UUID]:
    """Whose purchases the acting membership was named for; a partner's people have none."""
    return departments_of_approver(by.membership) if by.membership is not None else set()


def _to_decide(approval: Approval, *, by: Actor, at: datetime) -> Approval:
    """
    The approval under its lock.

    :raises: as `approve`
    """
    # Row lock: of two approvers at once, or one and the buyer who withdraws, the second finds it decided.
    approval = Approval.objects.locked().get(pk=approval.pk)
    approval.requester = Membership.objects.select_related("tenant", "user").get(pk=approval.requester_id)
    _require_approver(approval, by)
    if not approval.is_waiting:
        raise ApprovalNotWaiting
    if approval.lapses_at <= at:
        raise ApprovalLapsed
    return approval


def _require_approver(approval: Approval, by: Actor) -> None:
    if by.tenant != approval.tenant:
        raise NotAllowed(_("You act in another organisation."))
    if by.user is not None and by.user.pk == approval.requester.user_id:
        raise OwnApproval
    if by.may(Right.APPROVE_PURCHASES):
        return
    if approval.requester.department_id not in _departments(by):
        raise NotAllowed(_("You are not named to approve this person's purchases."))


def _decide(approval: Approval, state: ApprovalState, message: str, *, by: Actor, at: datetime) -> None:
    approval.decided_by, approval.message = by.user, message
    _close(approval, state, by=by, at=at)


def _end(subject: object, state: ApprovalState, *, by: Actor, at: datetime) -> Approval | None:
    with transaction.atomic():
        approval = Approval.objects.locked().waiting().filter(subject=str(subject)).first()
        if approval is not None:
            _close(approval, state, by=by, at=at)
    return approval


def _close(approval: Approval, state: ApprovalState, *, by: Actor, at: datetime) -> None:
    approval.state, approval.decided_at = state, at
    approval.save(
        update_fields=["state", "decided_at", "decided_by", "approved_quantity", "approved_amount", "message"]
    )
    told = {"quantity": approval.approved_quantity} if state == ApprovalState.APPROVED else {}
    events.record(
        f"approval.{state.value}",
        tenant=approval.tenant,
        by=by,
        at=at,
        subject=approval.pk,
        checkout=approval.subject,
        asked=approval.quantity,
        **told,
    )


def _checked(message: str) -> str:
    return checked(message, field="message", longest=LONGEST_MESSAGE)
