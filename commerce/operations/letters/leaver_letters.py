"""Letters about the purchase of somebody who left: to those who decide, and to the leaver, who still pays for it."""

from uuid import UUID

from django.urls import reverse

from commerce.models import LeaverTask, LeaverTaskState
from commerce.operations.leaving import links
from commerce.operations.letters import post
from commerce.operations.pricing import next_charge
from policies.operations import leavers


def deliver(*, task_id: UUID, before_charge: bool, site: str, sender: str) -> None:
    """Once they have left, and again before each charge that follows."""
    task = LeaverTask.objects.with_people().get(pk=task_id)
    if task.state == LeaverTaskState.CLOSED or task.member.is_active:
        return
    subscription = task.subscription
    context: dict[str, object] = {
        "task": task,
        "of": subscription,
        "before_charge": before_charge,
        "next": next_charge.of(subscription, tenant=task.tenant),
        "default": leavers.of(task.tenant).default,
    }
    about = f"{subscription.term_end:%Y%m%d}" if before_charge else "left"
    if task.is_open:
        link = site + reverse("admin:commerce_leavertask_change", args=[task.pk])
        for admin in post.buyers_of(task.tenant):
            post.send(
                "leaver_task",
                to=admin,
                context={**context, "link": link},
                message_id=f"leaver-{task.pk}-{about}-{admin.pk}",
                site=site,
                sender=sender,
            )
    if subscription.payer_id == task.member_id:
        token = links.sign(subscription, task.member)
        post.send(
            # A card names nobody to write to: its holder's own address is the only one that there is.
            "leaver_notice",
            to=task.member,
            context={**context, "link": site + reverse("leaver", kwargs={"token": token})},
            message_id=f"leaver-{task.pk}-{about}-{task.member_id}",
            site=site,
            sender=sender,
        )
