"""Price versions, as an operator's file has them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from commerce import money
from commerce.catalogue_file import PriceEntry
from commerce.models import Price
from licensing.files import Change, Problems, once
from licensing.operations.loading import upsert
from tenants.access import Actor

# Nowhere on earth is it a later day than at this offset from UTC.
FIRST_ZONE = timedelta(hours=14)
KEY = ("plan_id", "channel", "currency", "valid_from")


def publish(*, prices: Sequence[PriceEntry], problems: Problems, by: Actor, at: datetime) -> list[Change]:
    """
    Add price versions, and change those that nobody has seen in force. The caller holds the catalogue's lock, and
    records the event of the whole file.

    Nothing is written when a version stands twice in the file, or would rewrite what has applied already: that is
    added to `problems`, and the caller refuses the file.
    """
    by.require_operator()
    existing = {(p.plan_id, p.channel, p.currency, p.valid_from): p for p in Price.objects.all()}
    once(((entry.name, entry) for entry in prices), _("price %(name)s"), problems)
    _check_past(prices, existing, problems, today=(at + FIRST_ZONE).date())
    if problems.found:
        return []
    wanted = {entry.key: {"amount": entry.amount} for entry in prices}
    changes = upsert(Price, "price", wanted, key=KEY, of_new={"announced_at": at})
    # A price that is not in force yet and changes is announced again.
    changed = [row.pk for key, row in existing.items() if key in wanted and row.amount != wanted[key]["amount"]]
    Price.objects.filter(pk__in=changed).update(announced_at=at, told_at=None)
    return changes


def _check_past(
    prices: Sequence[PriceEntry],
    existing: dict[tuple[str, str, str, date], Price],
    problems: Problems,
    *,
    today: date,
) -> None:
    for entry in prices:
        price = existing.get(entry.key)
        if price and price.amount != entry.amount and price.valid_from <= today:
            told = {"amount": money.text(price.amount, price.currency), "currency": price.currency}
            message = _("This version is in force at %(amount)s %(currency)s and is never rewritten.") % told
            problems.add(entry.line, f"{message} {_('Add a new version with its own valid_from instead.')}")
