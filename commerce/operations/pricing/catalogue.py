"""Loads a catalogue file: what is sold, and at which prices."""

from datetime import datetime

from django.db import transaction

from commerce import catalogue_file
from commerce.operations.pricing import price_list
from licensing.files import Change, Effect
from licensing.operations import catalogue
from tenants.access import Actor
from tenants.journal import events


@transaction.atomic
def load(*, text: str, name: str, by: Actor, at: datetime, dry_run: bool = False) -> list[Change]:
    """
    Check the whole file, then write all of it or nothing. What the file leaves out stays as it is.

    :raises FileRefused: something is wrong, with file and line of each
    """
    file = catalogue_file.parse(text, name)
    catalogue.lock()
    changes = catalogue.apply(
        families=file.families, products=file.products, plans=file.plans, problems=file.problems, by=by, at=at
    )
    changes += price_list.publish(prices=file.prices, problems=file.problems, by=by, at=at)
    file.problems.refuse_if_any()
    if dry_run:
        transaction.set_rollback(True)
    elif any(change.effect is not Effect.UNCHANGED for change in changes):
        events.record("catalogue.loaded", tenant=None, by=by, at=at, **_counts(changes))
    return changes


def _counts(changes: list[Change]) -> dict[str, int]:
    return {effect.value: sum(change.effect is effect for change in changes) for effect in Effect}
