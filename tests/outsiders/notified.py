"""What an admin is told of, and sent again and again."""

from datetime import datetime, timedelta

from commerce.models import ExportSchedule, Notice
from tenants.access import Right
from tenants.directory.models import Membership
from tenants.journal.models import Event


def build(*, admin: Membership, word: str, at: datetime) -> None:
    """An admin finds a notice, and is sent a file again and again."""
    bought = Event.objects.of(admin.tenant).filter(type="order.paid").first()
    whose = {"tenant": admin.tenant, "user": admin.user}
    Notice.objects.create(
        **whose, event=bought, at=at, topics=["purchase"], right=Right.SEE_PURCHASES.value, in_app=True
    )
    ExportSchedule.objects.create(
        **whose, name=word, format="csv", every="week", next_at=at + timedelta(days=7), created_at=at
    )
