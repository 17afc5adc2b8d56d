"""Move the clock of a sandbox organisation ahead."""

import argparse
import time
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_duration

from tenants import clock
from tenants.access import SYSTEM
from tenants.delivery import walks
from tenants.directory.moves import ClockMove
from tenants.directory.operations import clocks
from tenants.journal import since
from tenants.management.operator_command import OperatorCommand, Output, Stop, moment, tenant_called

# Somebody else may walk it meanwhile: the schedule's worker.
LOOKS_EVERY = 1.0
AT_ONCE = 5.0
# For a clock: where it stood, and where it stands.
COLUMNS = ("what", "name", "times", "first", "last")


class Command(OperatorCommand):
    help = "Moves the clock of a sandbox organisation ahead, through all that falls due, and tells what followed."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("tenant", help="the organisation's short name")
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--to", type=moment, metavar="ISO-TIME", help="what time it is to be")
        how.add_argument("--by", type=duration, metavar="DURATION", help="how far: '30 days', '12:00:00' or 'P1DT12H'")

    def perform(
        self, *, tenant: str, to: datetime | None, by: timedelta | None, at: datetime, **options: Any
    ) -> Output:
        found = tenant_called(tenant)
        if not clock.is_simulated():
            raise Stop("Clocks can be moved where the sandbox is the payment provider, and nowhere else.")
        to = to or at + found.clock_ahead + (by or timedelta())
        move = clocks.move(tenant=found, to=to, by=SYSTEM, at=at)
        days = (move.target - move.begins_at).days
        while not walks.go_on(move, seconds=AT_ONCE):
            move.refresh_from_db()
            self.progress((move.reached_at - move.begins_at).days, days)
            if move.leased_until is not None:
                time.sleep(LOOKS_EVERY)
        return self._followed(ClockMove.objects.get(pk=move.pk))

    def _followed(self, move: ClockMove) -> Output:
        begins_at = move.begins_at
        charges = [
            ("charge", f"{each.amount} {each.currency}", 1, each.at, each.at)
            for each in since.charges(move.tenant, begins_at)
        ]
        kinds = [
            ("event", each.type, each.times, each.first, each.last) for each in since.counted(move.tenant, begins_at)
        ]
        letters = [("letter", name, times, None, None) for name, times in sorted(move.letters.items())]
        told = [("clock", move.tenant.slug, 1, begins_at, move.target), *charges, *kinds, *letters]
        return [dict(zip(COLUMNS, row, strict=True)) for row in told]


def duration(text: str) -> timedelta:
    parsed = parse_duration(text)
    if parsed is None or not timedelta() < parsed <= clocks.FURTHEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration ahead, such as '30 days' or P1DT12H")
    return parsed
