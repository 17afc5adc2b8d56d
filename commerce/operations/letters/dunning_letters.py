"""What people are told of a renewal that was not paid: why, when it is tried again, and until when they have access."""

from typing import cast
from uuid import UUID

from django.urls import reverse

from commerce.models import Purchase, Renewal, RenewalState
from commerce.models.renewal import OPEN
from commerce.operations.letters import decline_reasons, post
from licensing.models import SubscriptionState
from licensing.operations import lifecycle
from policies.operations import settings
from tenants.directory.models import Membership


def deliver(*, renewal_id: UUID, about: str, site: str, sender: str) -> None:
    """
    To whoever pays, and to those who answer for the organisation's spending, where it is theirs or they wish to know.
    Paid or given up since: to nobody. `about` names the letter, so that one that is sent twice is one.
    """
    renewal = Renewal.objects.get(pk=renewal_id)
    if renewal.state not in OPEN:
        return
    subscription = cast(Purchase, Purchase.objects.with_people().with_price().get(pk=renewal.subscription_id))
    if not subscription.gives_access:
        return
    told = {
        "reason": decline_reasons.why(renewal.decline_code),
        "next_try_at": renewal.next_try_at if renewal.state == RenewalState.RETRYING else None,
        "access_until": lifecycle.access_ends_at(subscription),
        "contact": subscription.tenant.contact_email,
    }
    for person, pays in readers(subscription):
        post.send(
            "renewal_failed",
            to=person,
            subscription=subscription,
            context={**told, "pays": pays, "url": site + _page(subscription, person)},
            message_id=f"renewal-{renewal.pk}-{about}-{person.pk}",
            site=site,
            sender=sender,
        )


def readers(subscription: Purchase) -> list[tuple[Membership, bool]]:
    """Who gets the letter, with whether it is theirs to pay."""
    admins = list(post.buyers_of(subscription.tenant))
    if subscription.payer is None:
        return [(admin, True) for admin in admins]
    payers = post.told_of_money(subscription.payer)
    known = {person.pk for person in payers}
    wish = settings.of(subscription.tenant).tell_admins_of_failed_charges
    return [(person, True) for person in payers] + [
        (admin, False) for admin in admins if wish and admin.pk not in known
    ]


def _page(subscription: Purchase, person: Membership) -> str:
    """Where they may choose another card, or pay; for all others its page in the procurement view."""
    if person.pk != subscription.owner_id:
        return reverse("admin:commerce_purchase_change", args=[subscription.pk])
    if subscription.state == SubscriptionState.EXPIRED:
        return reverse("my-subscription-reactivate", args=[subscription.pk])
    return reverse("my-subscription-payment-method", args=[subscription.pk])
