"""Telling whoever opened a case that support has answered."""

from uuid import UUID

from django.urls import reverse

from commerce.models import SupportCase
from commerce.operations.letters import post


def deliver_answer(*, case_id: UUID, site: str, sender: str) -> None:
    """Send the newest answer, by the name of its message, so that a copy is known as one."""
    case = SupportCase.objects.with_messages().get(pk=case_id)
    answers = [message for message in case.messages.all() if message.from_support]
    post.send(
        "support_answer",
        to=case.member,
        context={
            "case": case,
            "answer": answers[-1],
            "link": site + reverse("my-support-case", kwargs={"case_id": case.pk}),
        },
        message_id=f"answer-{answers[-1].pk}",
        site=site,
        sender=sender,
    )
