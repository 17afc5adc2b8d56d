"""The file that somebody has asked for again and again, with what they may read when it is sent."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce.models import ExportSchedule
from commerce.operations.procurement import addresses, columns, exports
from tenants.access import Actor, Right, actor_at
from tenants.delivery import letters
from tenants.delivery.letters import Attachment
from tenants.refusal import BadInput
from tenants.spreadsheets import MEDIA_TYPES, XLSX, Cell, as_csv, as_xlsx

# What a mailbox takes, and what a job makes in its time. Larger files are fetched by the link.
MOST_ROWS = 20_000
MOST_BYTES = 8 * 1024 * 1024


def deliver(*, schedule_id: UUID, due_at: datetime, site: str, sender: str, at: datetime) -> None:
    """
    To whoever asked for it; `due_at` names the letter. Removed since, or no longer allowed: nothing is sent. Where the
    file is too large, or what the query names is gone, the letter says so.
    """
    schedule = ExportSchedule.objects.select_related("tenant", "user").filter(pk=schedule_id).first()
    by = actor_at(schedule.user, schedule.tenant, at=at) if schedule else None
    if schedule is None or by is None or not by.may(Right.EXPORT_PURCHASES):
        return
    wrong, content = "", None
    try:
        content = _file(schedule, by=by, at=at)
    except BadInput as bad:
        wrong = str(bad)
    query, chosen = schedule.filters, schedule.columns
    with timezone.override(schedule.tenant.zone):
        body = render_to_string(
            "commerce/mail/scheduled_export.txt",
            {
                "schedule": schedule,
                "name": by.membership or schedule.user,
                "tenant": schedule.tenant,
                "at": at,
                "is_attached": content is not None,
                "wrong": wrong,
                "url": site + addresses.of_file(query, chosen, format=schedule.format),
                "list": site + addresses.of_list(query, chosen),
                "manage": site + reverse("admin:commerce_purchase_schedules"),
            },
        )
    told = {"tenant": schedule.tenant, "name": schedule.name}
    letters.send_text(
        " ".join((_("%(tenant)s: %(name)s") % told).split()),
        body.lstrip("\n"),
        to=schedule.user,
        message_id=f"export-{schedule.pk}-{due_at:%Y%m%d%H%M}",
        sender=sender,
        attachments=[] if content is None else [_attached(schedule, content, at=at)],
    )


def _attached(schedule: ExportSchedule, content: bytes, *, at: datetime) -> Attachment:
    day = at.astimezone(schedule.tenant.zone)
    name = f"purchases-{day:%Y-%m-%d}.{schedule.format}"
    return name, content, MEDIA_TYPES[schedule.format].partition(";")[0]


def _file(schedule: ExportSchedule, *, by: Actor, at: datetime) -> bytes | None:
    """
    None: too large for a letter.

    :raises BadInput: what the query names is gone, or is nothing that the person may ask any more
    """
    chosen = columns.written(schedule.columns)
    export = exports.begin(query=schedule.filters, chosen=chosen, format=schedule.format, by=by, at=at)
    rows = list(islice(export.rows, MOST_ROWS + 1))
    if len(rows) > MOST_ROWS:
        return None
    content = b"".join(_bytes(schedule, export.heads, rows))
    return content if len(content) <= MOST_BYTES else None


def _bytes(schedule: ExportSchedule, heads: list[str], rows: list[list[Cell]]) -> Iterator[bytes]:
    zone = schedule.tenant.zone
    if schedule.format != XLSX:
        yield from as_csv(heads, rows, zone=zone)
        return
    with as_xlsx(heads, rows, zone=zone) as book:
        yield book.read()
