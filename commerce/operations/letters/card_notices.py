"""Telling the holder of a card that pays for something that it will expire, once for each card and expiry."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from commerce.models import PaymentMethod, PaymentSource
from commerce.operations.letters import post
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope

BEFORE = timedelta(days=30)
NAMED = 20


def tell_expiring(*, at: datetime, among: Scope = EVERYBODY) -> int:
    """
    Tell of each card in use whose month ends within 30 days, by the clock of its tenant. Returns how many were told.

    One that has expired untold is told, too: something waits to be paid by it.
    """
    # A day more than any clock is ahead: each is looked at by its own.
    limit = (at + BEFORE + timedelta(days=1)).date()
    ends = among.of(PaymentMethod.objects.expiring_by(limit)).select_related("tenant")
    return sum(_tell(card, at=at) for card in ends.order_by("pk").iterator() if _is_due(card, at))


def deliver(*, payment_method_id: UUID, site: str, sender: str) -> None:
    """
    Send the notice of one card: to its holder, or to all who buy for the organisation. Removed since, or held by
    somebody who left: to nobody.
    """
    card = PaymentMethod.objects.kept().select_related("tenant").filter(pk=payment_method_id).first()
    if card is None:
        return
    paid = PaymentSource.objects.filter(payment_method=card).open().select_related("subscription__plan__product")
    names = sorted({source.subscription.plan.product.name for source in paid.order_by("pk")[:NAMED]})
    for holder in _holders(card):
        post.send(
            "card_expires",
            to=holder,
            context={"card": card, "names": names, "url": site + reverse("payment-methods")},
            message_id=f"card-{card.pk}-{card.exp_year}-{card.exp_month}-{holder.pk}",
            site=site,
            sender=sender,
        )


def _is_due(card: PaymentMethod, at: datetime) -> bool:
    today = at.astimezone(card.tenant.zone).date()
    return card.last_day - BEFORE <= today


@transaction.atomic
def _tell(card: PaymentMethod, *, at: datetime) -> int:
    # Of two sweeps one tells; a card that got a new expiry meanwhile is not told of the old one.
    same = PaymentMethod.objects.filter(
        pk=card.pk, exp_year=card.exp_year, exp_month=card.exp_month, expiry_told_at=None, removed_at=None
    )
    if not same.update(expiry_told_at=at):
        return 0
    events.record("payment_method.expiring", tenant=card.tenant, by=SYSTEM, at=at, subject=card.pk)
    jobs.enqueue("commerce.deliver_card_notice", payment_method_id=str(card.pk))
    return 1


def _holders(card: PaymentMethod) -> Iterable[Membership]:
    if card.member_id is None:
        return post.buyers_of(card.tenant)
    people = Membership.objects.of(card.tenant).active().select_related("user", "tenant")
    return people.filter(pk=card.member_id)
