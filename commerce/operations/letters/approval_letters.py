"""Telling approvers what waits for them, and buyers what became of what they asked for."""

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse

from commerce.models import Checkout
from commerce.operations.letters import post
from policies import limits
from policies.models import Approval
from policies.models.approver import approvers_for
from policies.operations import approval_grounds


def deliver_request(*, approval_id: UUID, site: str, sender: str) -> None:
    """To everybody who may approve it, as long as it waits."""
    approval = Approval.objects.with_people().get(pk=approval_id)
    if not approval.is_waiting:
        return
    checkout, departments = Checkout.objects.get(pk=approval.subject), limits.own_departments(approval.requester)
    for approver in approvers_for(approval.requester, departments).select_related("user", "tenant").order_by("pk"):
        post.send(
            "approval_request",
            to=approver,
            context={
                "approval": approval,
                "checkout": checkout,
                "grounds": approval_grounds.read(approval),
                "link": site + reverse("my-approval", args=[approval.pk]),
            },
            message_id=f"approval-{approval.pk}-{approver.pk}",
            site=site,
            sender=sender,
        )


def deliver_outcome(*, approval_id: UUID, site: str, sender: str) -> None:
    """To the buyer: approved, declined, or lapsed."""
    approval = Approval.objects.with_people().get(pk=approval_id)
    checkout = Checkout.objects.get(pk=approval.subject)
    _tell_buyer(
        "approval_outcome",
        approval,
        {"checkout": checkout, "is_charged": bool(checkout.kept_card_id or checkout.card_setup_id)},
        about=approval.state,
        site=site,
        sender=sender,
    )


def deliver_refusal(*, approval_id: UUID, reasons: Sequence[str], site: str, sender: str) -> None:
    """To the buyer: somebody wanted to approve it, and a rule forbids it by now."""
    approval = Approval.objects.with_people().get(pk=approval_id)
    _tell_buyer("approval_refused", approval, {"reasons": reasons}, about="refused", site=site, sender=sender)


def deliver_payment_request(*, checkout_id: UUID, why: str, site: str, sender: str) -> None:
    """To the buyer: it is approved, and the card that was kept has not paid."""
    approval = Approval.objects.with_people().filter(subject=str(checkout_id)).order_by("-created_at", "-pk").first()
    checkout = Checkout.objects.get(pk=checkout_id)
    if approval is not None:
        _tell_buyer(
            "approval_to_pay", approval, {"checkout": checkout, "why": why}, about=why, site=site, sender=sender
        )


def _tell_buyer(
    name: str, approval: Approval, context: dict[str, object], *, about: str, site: str, sender: str
) -> None:
    if not approval.requester.is_active:
        return
    link = site + reverse("checkout", args=[approval.subject])
    post.send(
        name,
        to=approval.requester,
        context={"approval": approval, "link": link, **context},
        message_id=f"approval-{approval.pk}-{about}",
        site=site,
        sender=sender,
    )
