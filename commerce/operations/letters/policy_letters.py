"""Telling people that their organisation ends what they bought, and why."""

from uuid import UUID

from commerce.operations.letters import post
from licensing.models import Subscription
from policies.models import Ending


def deliver_ending(*, ending_id: UUID, site: str, sender: str) -> None:
    """To the owner; once they have left, to whoever answers for the organisation's spending."""
    ending = Ending.objects.get(pk=ending_id)
    subscription = Subscription.objects.with_people().get(pk=ending.subscription_id)
    people = post.told_of_money(subscription.owner) if subscription.owner else post.buyers_of(subscription.tenant)
    for member in people:
        post.send(
            "policy_ending",
            to=member,
            subscription=subscription,
            context={"ending": ending, "contact": subscription.tenant.contact_email},
            message_id=f"ending-{ending.pk}-{member.pk}",
            site=site,
            sender=sender,
        )
