"""E-mail to one person, with a Message-ID by which a copy of it is known as one."""

from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone

from tenants.directory.models import Membership, User

Attachment = tuple[str, bytes, str]


def send(
    template: str,
    *,
    to: Membership,
    told: Mapping[str, Any],
    message_id: str,
    sender: str,
    zone: ZoneInfo | None = None,
) -> None:
    """Send a template, with its subject on the first line. Days in it are told in `zone`, else in the tenant's."""
    with timezone.override(zone or to.tenant.zone):
        subject, _, text = render_to_string(template, {"to": to, **told}).strip().partition("\n")
    send_text(subject, text.lstrip("\n"), to=to.user, message_id=message_id, sender=sender)


def send_text(
    subject: str,
    text: str,
    *,
    to: User,
    message_id: str,
    sender: str,
    attachments: Iterable[Attachment] = (),
) -> None:
    """Send what is written already. An attachment is its file name, bytes and media type."""
    letter = EmailMessage(
        subject=subject,
        body=text,
        to=[to.email],
        from_email=sender,
        headers={"Message-ID": f"<{message_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"},
    )
    for attachment in attachments:
        letter.attach(*attachment)
    letter.send()
