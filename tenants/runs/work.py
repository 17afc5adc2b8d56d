"""
Working on runs, slice by slice: at once where somebody waits for it, by a job after that, by a sweep where that died.
"""

import time
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from tenants import clock
from tenants.delivery import jobs
from tenants.delivery.trouble import Noted, RaisedAtTheEnd
from tenants.runs import rows
from tenants.runs.models import Run

# A slice of a job, after which others have their turn.
SLICE = 10.0
JOB = "tenants.continue_run"


def go_on(run_id: UUID, *, at: datetime, seconds: float) -> bool:
    """
    Do rows for so long, or until none is left. Outside any transaction, at the time that it is for the rows. Whether
    more is to be done, and nobody else does it.
    """
    until = time.monotonic() + seconds
    run = rows.take(run_id, now=timezone.now())
    if run is None:
        return False
    try:
        while time.monotonic() < until:
            if not _do_next(run, at=at):
                rows.finish(run, at=at)
                return False  # what waits now is in the hands of somebody, who does the rest
        return True
    finally:
        rows.let_go(run)


def _do_next(run: Run, *, at: datetime) -> bool:
    row = rows.next_of(run, at=at)
    if row is None:
        return False
    with RaisedAtTheEnd(), Noted(lambda error: rows.failed(row, error, at=at)):
        rows.do(run, row, at=at)
    return True


def continue_run(run_id: UUID) -> None:
    """A slice, and what is left is asked for again: it stands in line behind what others asked for meanwhile."""
    if go_on(run_id, at=clock.of(Run, run_id), seconds=SLICE):
        jobs.enqueue(JOB, run=str(run_id))


def go_on_with_all(*, seconds: float) -> int:
    """Each that is in no process' hands, for its share of the time. Returns how many there were."""
    waiting = list(Run.objects.free(timezone.now()).values_list("pk", flat=True))
    for run_id in waiting:
        go_on(run_id, at=clock.of(Run, run_id), seconds=seconds / len(waiting))
    return len(waiting)
