"""Telling people that their organisation ends what they bought, or will, or lets it go on after all, and why."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from commerce.operations.letters import post
from licensing.models import Subscription
from policies.models import Ending


def deliver_ending(*, ending_id: UUID, site: str, sender: str) -> None:
    """To the owner; once they have left, to whoever answers for the organisation's spending."""
    ending = Ending.objects.get(pk=ending_id)
    subscription = Subscription.objects.with_people().get(pk=ending.subscription_id)
    told = {"ending": ending}
    _send("policy_ending", subscription, told, about=f"ending-{ending.pk}", site=site, sender=sender)


def deliver_planned(*, ending_ids: Iterable[str], site: str, sender: str, at: datetime) -> None:
    """To the owners, of what still waits for its day: what was withdrawn or done since has a letter of its own."""
    for ending in _of(ending_ids).filter(done_at=None, due_at__gt=at):
        subscription = Subscription.objects.with_people().get(pk=ending.subscription_id)
        if subscription.gives_access:
            told = {"ending": ending}
            _send("planned_ending", subscription, told, about=f"planned-{ending.pk}", site=site, sender=sender)


def deliver_withdrawn(*, ending_ids: Iterable[str], site: str, sender: str) -> None:
    """To the owners: what they were told is no longer planned."""
    for ending in _of(ending_ids):
        subscription = Subscription.objects.with_people().get(pk=ending.subscription_id)
        if subscription.gives_access:
            told = {"ending": ending}
            _send("withdrawn_ending", subscription, told, about=f"withdrawn-{ending.pk}", site=site, sender=sender)


def deliver_lifted_stop(*, subscription_id: UUID, lifted_at: str, site: str, sender: str) -> None:
    """To the owner: renewal is theirs to decide about again."""
    subscription = Subscription.objects.with_people().get(pk=subscription_id)
    if subscription.owner is not None and subscription.renewal_stopped_at is None:
        about = f"lifted-{subscription.pk}-{lifted_at}"
        _send("lifted_stop", subscription, {}, about=about, site=site, sender=sender)


def deliver_stopped_renewal(*, subscription_id: UUID, stopped_at: str, reason: str, site: str, sender: str) -> None:
    """To the owner: it ends with its term. Not where an admin has changed their mind since."""
    subscription = Subscription.objects.with_people().get(pk=subscription_id)
    if subscription.owner is not None and subscription.renewal_stopped_at is not None:
        about = f"stopped-{subscription.pk}-{stopped_at}"
        _send("stopped_renewal", subscription, {"reason": reason}, about=about, site=site, sender=sender)


def _of(ending_ids: Iterable[str]) -> Any:
    return Ending.objects.filter(pk__in=[UUID(pk) for pk in ending_ids]).order_by("pk")


def _send(
    name: str, subscription: Subscription, told: Mapping[str, Any], *, about: str, site: str, sender: str
) -> None:
    people = post.told_of_money(subscription.owner) if subscription.owner else post.buyers_of(subscription.tenant)
    for member in people:
        post.send(
            name,
            to=member,
            subscription=subscription,
            context={**told, "contact": subscription.tenant.contact_email},
            message_id=f"{about}-{member.pk}",
            site=site,
            sender=sender,
        )
