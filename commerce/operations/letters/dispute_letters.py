"""What people are told of a contested charge: who manages the subscription, and who answers for the spending."""

from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from commerce.models import Dispute, DisputeState
from commerce.operations.accounts import ledger
from commerce.operations.letters import post
from licensing.models import EndCause, Subscription
from tenants.access import Right, has_right
from tenants.directory.models import Membership


def deliver(*, dispute_id: UUID, state: str, site: str, sender: str) -> None:
    """Tell each of them, once, that a dispute was opened, won or lost; links lead to `site`."""
    dispute = Dispute.objects.select_related("payment__order").get(pk=dispute_id)
    payment = dispute.payment
    subscription = Subscription.objects.with_people().filter(orders=payment.order).first()
    manager = subscription.owner_id if subscription else payment.payer_id
    for person in _told(dispute, manager):
        post.send(
            "dispute",
            to=person,
            context={
                "state": DisputeState(state).value,
                "amount": payment.captured,
                "currency": ledger.currency_of(payment),
                "charged_at": payment.settled_at or payment.started_at,
                "is_ended": bool(subscription and subscription.end_cause == EndCause.CHARGEBACK),
                "manages": person.pk == manager,
                "page": site + reverse("admin:commerce_purchase_change", args=[subscription.pk])
                if subscription
                else "",
            },
            message_id=f"dispute-{dispute.pk}-{state}-{person.pk}",
            site=site,
            sender=sender,
            subscription=subscription,
        )


def _told(dispute: Dispute, manager: UUID | None) -> list[Membership]:
    people = Membership.objects.of(dispute.tenant).active().select_related("user", "tenant")
    return list(people.filter(Q(pk=manager) | has_right(Right.BUY_CENTRALLY)).order_by("pk"))
