"""Announcing a price, and telling it: what a test's sweep finds, its letters carry at the same moment."""

from datetime import datetime
from decimal import Decimal

from commerce.models import PriceNotice
from commerce.operations.letters import price_letters
from commerce.operations.pricing import price_notices
from tests.factories import PriceFactory

SITE, SENDER = "https://seats.example", "Seatwise <no@seats.example>"


def announce(plan, amount, valid_from, announced_at, **other):
    """A new version, of which nobody was told yet."""
    return PriceFactory(plan=plan, amount=Decimal(amount), valid_from=valid_from, announced_at=announced_at, **other)


def tell(at: datetime) -> int:
    """One sweep, and all letters that wait. Returns how many were told."""
    told = price_notices.announce_due(at=at)
    send_letters(at)
    return told


def send_letters(at: datetime) -> None:
    for notice in PriceNotice.objects.filter(sent_at=None):
        price_letters.deliver(notice_id=notice.pk, site=SITE, sender=SENDER, at=at)
