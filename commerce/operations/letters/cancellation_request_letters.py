"""Asking purchasers to cancel, reminding them, and telling who asked what they answered."""

from uuid import UUID

from django.urls import reverse

from commerce.models import CancellationRequest
from commerce.operations.centralising import requests
from commerce.operations.letters import post
from tenants.directory.models import Membership


def deliver_request(*, request_id: UUID, reminder: int, site: str, sender: str) -> None:
    """To whoever is asked, as long as it is not over; `reminder`: 0 for the first letter."""
    request = CancellationRequest.objects.with_people().get(pk=request_id)
    if not request.is_waiting or not request.member.is_active or not requests.goes_on(request.subscription):
        return
    post.send(
        "cancellation_request",
        to=request.member,
        subscription=request.subscription,
        context={
            "request": request,
            "of": request.subscription,
            "asked_by": _asker(request),
            "is_reminder": reminder > 0,
            "link": site + reverse("my-cancellation-request", kwargs={"request_id": request.pk}),
        },
        message_id=f"cancellation-request-{request.pk}-{reminder}",
        site=site,
        sender=sender,
    )


def deliver_answer(*, request_id: UUID, site: str, sender: str) -> None:
    """To the admin who asked, if they are still here."""
    request = CancellationRequest.objects.with_people().get(pk=request_id)
    asker = _asker(request)
    if asker is None or not asker.is_active or request.answered_at is None:
        return
    path = reverse("admin:commerce_purchase_change", args=[request.subscription_id])
    post.send(
        "cancellation_answer",
        to=asker,
        context={"request": request, "of": request.subscription, "link": site + path},
        message_id=f"cancellation-answer-{request.pk}-{request.answered_at.timestamp():.6f}",
        site=site,
        sender=sender,
    )


def _asker(request: CancellationRequest) -> Membership | None:
    people = Membership.objects.of(request.tenant).filter(user=request.asked_by_id)
    return people.select_related("user", "tenant").first() if request.asked_by_id else None
