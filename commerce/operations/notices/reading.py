"""The notices that somebody finds in the procurement view, read and unread."""

from datetime import datetime
from uuid import UUID

from commerce.models import Notice
from commerce.models.notice import NoticeQuerySet
from tenants.access import Actor, Right


def own(by: Actor) -> NoticeQuerySet:
    """What somebody may read where they act, with the roles of now."""
    if by.tenant is None or by.user is None:
        return Notice.objects.none()
    rights = [right.value for right in Right if by.may(right)]
    return Notice.objects.of(by.tenant).filter(user=by.user, in_app=True, right__in=rights)


def mark(*, notice: UUID | None, read: bool, by: Actor, at: datetime) -> int:
    """One of their own notices, or all of them (None): read, or not. Of somebody else's: nothing happens."""
    rows = own(by) if notice is None else own(by).filter(pk=notice)
    return rows.filter(read_at__isnull=read).update(read_at=at if read else None)
