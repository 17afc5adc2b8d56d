"""Price versions, as an operator's file has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from commerce import money
from commerce.models import Price
from licensing.files import Change, Effect, Problems
from licensing.operations.catalogue import once

# A version of the file without `valid_from`: it holds until another one begins.
FROM_THE_START = date(1970, 1, 1)
# Nowhere on earth is it a later day than at this offset from UTC.
FIRST_ZONE = timedelta(hours=14)


@dataclass(frozen=True, kw_only=True)
class PriceEntry:
    """A price version of the file and the line it stands at."""

    line: int
    plan: str
    channel: str
    currency: str
    amount: Decimal
    valid_from: date

    @property
    def key(self) -> tuple[str, str, str, date]:
        return self.plan, self.channel, self.currency, self.valid_from

    @property
    def name(self) -> str:
        return " ".join(map(str, self.key))


def publish(*, prices: Sequence[PriceEntry], problems: Problems, at: datetime) -> list[Change]:
    """
    Add price versions, and change those that nobody has seen in force. The caller holds the catalogue's lock.

    Nothing is written when a version stands twice in the file, or would rewrite what has applied already: that is
    added to `problems`, and the caller refuses the file.
    """
    existing = {(p.plan_id, p.channel, p.currency, p.valid_from): p for p in Price.objects.all()}
    once(((entry.name, entry) for entry in prices), _("price %(name)s"), problems)
    _check_past(prices, existing, problems, today=(at + FIRST_ZONE).date())
    if problems.found:
        return []
    added, changed, changes = [], [], []
    for entry in prices:
        price = existing.get(entry.key)
        if price is None:
            added.append(_row(entry))
            effect = Effect.ADDED
        elif price.amount != entry.amount:
            price.amount = entry.amount
            changed.append(price)
            effect = Effect.CHANGED
        else:
            effect = Effect.UNCHANGED
        changes.append(Change("price", entry.name, effect))
    Price.objects.bulk_create(added)
    Price.objects.bulk_update(changed, ["amount"])
    return changes


def _row(entry: PriceEntry) -> Price:
    return Price(
        plan_id=entry.plan,
        channel=entry.channel,
        currency=entry.currency,
        amount=entry.amount,
        valid_from=entry.valid_from,
    )


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
