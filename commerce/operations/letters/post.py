"""E-mail to one person about what was bought, and who gets it."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from licensing.models import Subscription
from tenants.access import Right, has_right
from tenants.delivery import letters
from tenants.directory.models import Membership, MembershipQuerySet, Tenant


def page_of(subscription: Subscription) -> str:
    """Where it is managed: among its owner's own, or in the procurement view."""
    name = "my-subscription" if subscription.owner_id else "admin:commerce_purchase_change"
    return reverse(name, args=[subscription.pk])


def buyers_of(tenant: Tenant) -> MembershipQuerySet:
    """Who buys for the organisation: the ones that may open the pages of what is its own."""
    people = Membership.objects.of(tenant).active().filter(has_right(Right.BUY_CENTRALLY))
    return people.select_related("user", "tenant").order_by("pk")


def send(
    name: str,
    *,
    to: Membership,
    context: Mapping[str, Any],
    message_id: str,
    site: str,
    sender: str,
    subscription: Subscription | None = None,
) -> None:
    """
    Send `commerce/mail/<name>.txt`; links in it lead to `site`. Days are told in the subscription's zone, else in the
    tenant's.
    """
    path = page_of(subscription) if subscription else ""
    letters.send(
        f"commerce/mail/{name}.txt",
        to=to,
        told={"site": site, "subscription": subscription, "url": site + path, **context},
        message_id=message_id,
        sender=sender,
        zone=subscription.zone if subscription else None,
    )


def told_of_money(person: Membership) -> list[Membership]:
    """
    Who gets a letter about somebody's money: they themselves, or, once they have left or are disabled, whoever answers
    for the organisation's spending. Where nobody does, it still goes to them: they may still owe.
    """
    if person.is_active:
        return [person]
    return list(buyers_of(person.tenant)) or [person]
