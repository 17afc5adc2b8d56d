"""
Moving the clock of an organisation: from each moment at which something of its is due to the next one, by the sweeps of
the schedule and in their order, with the letters that they have sent. All of it is dated as it would have been.
"""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as clock_time

from celery import current_app
from django.utils import timezone

from tenants.delivery import jobs
from tenants.delivery.queues import Queue, queue_of
from tenants.delivery.sweeps import SWEEPS, Sweep
from tenants.directory.moves import ClockMove
from tenants.directory.operations import clocks
from tenants.scope import Scope

# When a day begins, and when people are told of things: then nearly all sweeps find their work.
MARKS = (clock_time(0), clock_time(9))
# As often as the schedule looks.
SHORTEST = timedelta(minutes=1)
# A sweep takes so much at a time, and one that moves something each time must not hold the clock.
MOST_ROUNDS = 5


def go_on(move: ClockMove, *, seconds: float) -> bool:
    """
    Walk for so long, or until the target. Outside any transaction. Whether it has arrived; no, too, where somebody else
    walks it. What dies on the way is taken up by the next one, at the step that was begun.
    """
    until = time.monotonic() + seconds
    taken = clocks.take(move, at=timezone.now())
    if taken is None:
        return ClockMove.objects.filter(pk=move.pk, done_at__isnull=False).exists()
    try:
        _walk(taken, goes_on=lambda: time.monotonic() < until)
    finally:
        clocks.let_go(taken, at=timezone.now())
    return taken.done_at is not None


def go_on_with_all(*, seconds: float) -> int:
    """Each that nobody walks, for its share of the time. Returns how many arrived."""
    waiting = list(ClockMove.objects.free(timezone.now()))
    return sum(go_on(move, seconds=seconds / len(waiting)) for move in waiting)


def _walk(move: ClockMove, *, goes_on: Callable[[], bool]) -> None:
    sweeps = _in_their_order()
    while move.reached_at < move.target and goes_on():
        at = _next(move, sweeps)
        clocks.step_to(move, to=at, at=timezone.now())
        letters = _do(sweeps, at=at, among=Scope(only=move.tenant_id))
        clocks.reached(move, to=at, letters=letters)


def _in_their_order() -> list[Sweep]:
    """Those of tenants' rows, as they stand in the schedule."""
    names = (entry["task"] for entry in current_app.conf.beat_schedule.values())
    return [SWEEPS[name] for name in names if name in SWEEPS and SWEEPS[name].work is not None]


def _next(move: ClockMove, sweeps: list[Sweep]) -> datetime:
    after, zone = move.reached_at, move.tenant.zone
    today = after.astimezone(zone).date()
    days = (today, today + timedelta(days=1))
    moments = [datetime.combine(day, mark, zone) for day in days for mark in MARKS]
    found = [moment for moment in moments if moment > after]
    planned = (each.coming(move.tenant_id, after) for each in sweeps if each.coming is not None)
    found += [max(moment, after + SHORTEST) for moment in planned if moment is not None]
    return min(move.target, *found)


def _do(sweeps: list[Sweep], *, at: datetime, among: Scope) -> Counter[str]:
    """Until nothing is left to do. Returns the letters that were sent."""
    letters = Counter[str]()
    for _round in range(MOST_ROUNDS):
        moved, sent = _do_once(sweeps, at=at, among=among)
        letters += sent
        if not moved:
            break
    return letters


def _do_once(sweeps: list[Sweep], *, at: datetime, among: Scope) -> tuple[int, Counter[str]]:
    """With the jobs that they ask for: else those would be done later, at a time that has moved on."""
    moved, letters = 0, Counter[str]()
    with jobs.kept_back() as asked:
        for each in sweeps:
            moved += each.work(at=at, among=among) if each.work is not None else 0
            while asked:
                job = asked.popleft()
                # One that fails stays for the worker, as ever.
                done = current_app.tasks[job.name].apply(kwargs={"job_id": str(job.pk)})
                letters[job.name] += done.successful() and queue_of(job.name) == Queue.NOTICES
    return moved, +letters
