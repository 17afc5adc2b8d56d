"""Loads a file of tax rates: how much, where, from which day."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from commerce import tax_rates_file
from commerce.models import TaxRate
from commerce.operations.pricing.price_list import FIRST_ZONE
from commerce.tax_rates_file import TaxRateEntry
from licensing.files import Change, Effect, Problems
from licensing.operations.loading import upsert
from tenants.access import Actor
from tenants.journal import events

# The first key of the advisory locks of this app; the rates are one thing and have one lock.
TAX_RATES_LOCK = 7_341


@transaction.atomic
def load(*, text: str, name: str, by: Actor, at: datetime, dry_run: bool = False) -> list[Change]:
    """
    Check the whole file, then write all of it or nothing. What the file leaves out stays as it is, and so does a
    version that somebody has seen in force: a new rate is a new row with its own date.

    :raises NotAllowed: neither an operator nor the system
    :raises FileRefused: something is wrong, with file and line of each
    """
    by.require_operator()
    problems = Problems(name)
    entries = tax_rates_file.parse(text, problems)
    # Two loads at once would each miss what the other adds.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [TAX_RATES_LOCK])
    _check_past(entries, problems, today=(at + FIRST_ZONE).date())
    problems.refuse_if_any()
    changes = upsert(TaxRate, "tax rate", {e.key: _values(e) for e in entries}, key=("country", "valid_from"))
    if dry_run:
        transaction.set_rollback(True)
    elif any(change.effect is not Effect.UNCHANGED for change in changes):
        counts = {effect.value: sum(change.effect is effect for change in changes) for effect in Effect}
        events.record("tax_rates.loaded", tenant=None, by=by, at=at, **counts)
    return changes


def _values(entry: TaxRateEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "rate": entry.rate,
        "inclusive": entry.inclusive,
        "reverse_charge": entry.reverse_charge,
    }


def _check_past(entries: Sequence[TaxRateEntry], problems: Problems, *, today: date) -> None:
    applied = {(rate.country, rate.valid_from): rate for rate in TaxRate.objects.filter(valid_from__lte=today)}
    for entry in entries:
        rate = applied.get(entry.key)
        if rate and any(getattr(rate, name) != value for name, value in _values(entry).items()):
            message = _("This version is in force at %(rate)s and is never rewritten.") % {"rate": rate}
            problems.add(entry.line, f"{message} {_('Add a new version with its own valid_from instead.')}")
