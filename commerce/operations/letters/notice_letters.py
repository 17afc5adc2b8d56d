"""What happened in an organisation, at once or as a digest, to one of those who wish to be told."""

from datetime import datetime
from uuid import UUID

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.models import NoticeLetter
from commerce.operations.notices import telling
from tenants.access import actor_at
from tenants.delivery import letters

# A digest of more says so, and leads to the list.
MOST_TOLD = 100


def deliver(*, letter_id: UUID, site: str, sender: str, at: datetime) -> None:
    """With the roles that the person has now: what they may not read any more is left out, perhaps everything."""
    letter = NoticeLetter.objects.select_related("tenant", "user").get(pk=letter_id)
    by = actor_at(letter.user, letter.tenant, at=at)
    if by is None:
        return
    tenant, with_events = letter.tenant, letter.notices.select_related("event").order_by("at", "pk")
    notices = telling.readable(with_events, by)
    if not notices:
        return
    with timezone.override(tenant.zone):
        told = telling.tell(notices[:MOST_TOLD], by=by)
        body = render_to_string(
            "commerce/mail/notices.txt",
            {
                "name": by.membership or letter.user,
                "tenant": tenant,
                "told": told,
                "more": len(notices) - len(told),
                "is_digest": letter.is_digest,
                "site": site,
                "list": site + reverse("admin:commerce_notice_changelist"),
                "settings": site + reverse("admin:commerce_notice_settings"),
            },
        )
    if len(told) == 1:
        subject = _("%(tenant)s: %(text)s") % {"tenant": tenant, "text": told[0].text}
    else:
        count = {"tenant": tenant, "count": len(notices)}
        subject = ngettext("%(tenant)s: %(count)d notice", "%(tenant)s: %(count)d notices", len(notices)) % count
    letters.send_text(
        " ".join(subject.split()),
        body.lstrip("\n"),
        to=letter.user,
        message_id=f"notices-{letter.pk}",
        sender=sender,
    )
