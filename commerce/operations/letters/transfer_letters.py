"""Telling people what is offered to them, and what became of what they offered."""

from uuid import UUID

from django.urls import reverse

from commerce.models import TransferOffer, TransferState
from commerce.operations.letters import post
from commerce.operations.pricing import next_charge
from tenants.directory.models import Membership


def deliver_offer(*, offer_id: UUID, site: str, sender: str) -> None:
    """To whoever is to take it over, as long as they may."""
    offer = TransferOffer.objects.with_people().get(pk=offer_id)
    if offer.state != TransferState.OPEN or not offer.to.is_active:
        return
    post.send(
        "transfer_offer",
        to=offer.to,
        context={
            "offer": offer,
            "of": offer.subscription,
            "next": next_charge.of(offer.subscription, tenant=offer.tenant),
            "link": site + reverse("my-transfer", kwargs={"offer_id": offer.pk}),
        },
        message_id=f"transfer-{offer.pk}",
        site=site,
        sender=sender,
    )


def deliver_outcome(*, offer_id: UUID, site: str, sender: str) -> None:
    """To both, whoever of them is still here."""
    offer = TransferOffer.objects.with_people().get(pk=offer_id)
    for member in _both(offer):
        mine = member.pk == offer.to_id
        path = reverse("my-subscriptions")
        if mine and offer.state == TransferState.ACCEPTED:
            path = reverse("my-subscription", kwargs={"subscription_id": offer.subscription_id})
        post.send(
            "transfer_outcome",
            to=member,
            context={"offer": offer, "of": offer.subscription, "is_recipient": mine, "link": site + path},
            message_id=f"transfer-{offer.pk}-{offer.state}-{member.pk}",
            site=site,
            sender=sender,
        )


def _both(offer: TransferOffer) -> list[Membership]:
    people = {member.pk: member for member in (offer.offered_by, offer.from_member, offer.to)}
    return [member for member in people.values() if member.is_active]
