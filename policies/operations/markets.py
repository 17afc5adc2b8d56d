"""Loads a markets file: where what is sold, from and until which day."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from licensing.files import Change, Effect, Problems
from licensing.models import Family
from licensing.operations.loading import upsert
from policies import markets_file
from policies.markets_file import MarketEntry
from policies.models import Market
from tenants.access import Actor
from tenants.journal import events

# The first key of the advisory locks of this app; the markets are one thing and have one lock.
MARKETS_LOCK = 7_320


@transaction.atomic
def load(*, text: str, name: str, by: Actor, at: datetime, dry_run: bool = False) -> list[Change]:
    """
    Check the whole file, then write all of it or nothing. A market that the file leaves out stays as it is: one that
    closes says so with `closes_on`.

    :raises NotAllowed: neither an operator nor the system
    :raises FileRefused: something is wrong, with file and line of each
    """
    by.require_operator()
    problems = Problems(name)
    entries = markets_file.parse(text, problems)
    # Two loads at once would each miss what the other adds.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [MARKETS_LOCK])
    _check_families(entries, problems)
    problems.refuse_if_any()
    wanted = {e.key: {"name": e.name, "opens_on": e.opens_on, "closes_on": e.closes_on} for e in entries}
    changes = upsert(Market, "market", wanted, key=("country", "family_id"))
    if dry_run:
        transaction.set_rollback(True)
    elif any(change.effect is not Effect.UNCHANGED for change in changes):
        counts = {effect.value: sum(change.effect is effect for change in changes) for effect in Effect}
        events.record("markets.loaded", tenant=None, by=by, at=at, **counts)
    return changes


def _check_families(entries: Sequence[MarketEntry], problems: Problems) -> None:
    known = set(Family.objects.values_list("slug", flat=True))
    for entry in entries:
        if entry.family and entry.family not in known:
            told = {"family": entry.family[:80]}
            problems.add(entry.line, _("The family %(family)r is not in the catalogue. Load it first.") % told)
