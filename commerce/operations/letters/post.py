"""E-mail to one person: a template, with its subject on the first line, and a Message-ID that names it."""

from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from licensing.models import Subscription
from tenants.access import RIGHTS, Right
from tenants.directory.models import Membership, Tenant

Attachment = tuple[str, bytes, str]
BUYERS = [role for role, rights in RIGHTS.items() if Right.BUY_CENTRALLY in rights]


def page_of(subscription: Subscription) -> str:
    """Where it is managed: among its owner's own, or in the procurement view."""
    name = "my-subscription" if subscription.owner_id else "admin:commerce_purchase_change"
    return reverse(name, args=[subscription.pk])


def buyers_of(tenant: Tenant) -> Iterable[Membership]:
    """Who buys for the organisation: the ones that may open the pages of what is its own."""
    people = Membership.objects.of(tenant).active().select_related("user", "tenant")
    return people.filter(role_grants__role__in=BUYERS).distinct().order_by("pk")


def send(
    name: str,
    *,
    to: Membership,
    context: Mapping[str, Any],
    message_id: str,
    site: str,
    sender: str,
    subscription: Subscription | None = None,
    attachments: Iterable[Attachment] = (),
) -> None:
    """
    Send `commerce/mail/<name>.txt`; links in it lead to `site`. Days are told in the subscription's zone, else in the
    tenant's. An attachment is its file name, bytes and media type.
    """
    path = page_of(subscription) if subscription else ""
    with timezone.override(subscription.zone if subscription else to.tenant.zone):
        told = {"to": to, "site": site, "subscription": subscription, "url": site + path, **context}
        subject, _, body = render_to_string(f"commerce/mail/{name}.txt", told).strip().partition("\n")
    letter = EmailMessage(
        subject=subject,
        body=body.lstrip("\n"),
        to=[to.user.email],
        from_email=sender,
        headers={"Message-ID": f"<{message_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"},
    )
    for attachment in attachments:
        letter.attach(*attachment)
    letter.send()


def told_of_money(person: Membership) -> list[Membership]:
    """
    Who gets a letter about somebody's money: they themselves, or, once they have left or are disabled, whoever answers
    for the organisation's spending. Where nobody does, it still goes to them: they may still owe.
    """
    if person.is_active:
        return [person]
    return list(buyers_of(person.tenant)) or [person]
