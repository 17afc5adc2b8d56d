"""Telling whose it was that the organisation took over what they bought, and what became of that."""

from uuid import UUID

from django.urls import reverse

from commerce import money
from commerce.models import Payment, TakeOver, TakeOverState
from commerce.operations.changes import quotes
from commerce.operations.letters import post
from commerce.operations.takeover import returning
from tenants.directory.models import Membership


def deliver(*, take_over_id: UUID, state: str, site: str, sender: str) -> None:
    """To whoever owned it and to whoever bought it; of people who are gone, to those who answer for the spending."""
    take_over = TakeOver.objects.with_people().get(pk=take_over_id)
    amount, currency = _refund(take_over, state), quotes.currency_of(take_over.subscription)
    for member in _told(take_over):
        post.send(
            "take_over",
            to=member,
            context={
                "take_over": take_over,
                "state": state,
                "of": take_over.subscription,
                "refund": amount,
                "currency": currency,
                "contact": take_over.tenant.contact_email,
                "link": site + reverse("my-subscriptions"),
            },
            message_id=f"take-over-{take_over.pk}-{state}-{member.pk}",
            site=site,
            sender=sender,
        )


def deliver_unpaid(*, take_over_id: UUID, payment_id: UUID, site: str, sender: str) -> None:
    """To whoever buys for the organisation: its card did not pay for the rest of a term that it takes on."""
    take_over = TakeOver.objects.with_people().get(pk=take_over_id)
    payment = Payment.objects.get(pk=payment_id)
    for member in post.buyers_of(take_over.tenant):
        post.send(
            "take_over_unpaid",
            to=member,
            subscription=take_over.subscription,
            context={"take_over": take_over, "payment": payment},
            message_id=f"take-over-unpaid-{payment.pk}-{member.pk}",
            site=site,
            sender=sender,
        )


def _refund(take_over: TakeOver, state: str) -> object:
    """What goes back, or went; nothing: none."""
    if state == TakeOverState.OPEN:
        return sum((line.total for line in returning.when_settled(take_over)), money.ZERO)
    return sum(returning.given(take_over)) if state == TakeOverState.SETTLED else money.ZERO


def _told(take_over: TakeOver) -> list[Membership]:
    people = {member.pk: member for member in (take_over.owner, take_over.subscription.purchaser) if member}
    told = {member.pk: member for person in people.values() for member in post.told_of_money(person)}
    return list(told.values())
