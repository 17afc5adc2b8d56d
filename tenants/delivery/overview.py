"""How the queues and sweeps stand, for the operator: a fixed number of queries, however much waits."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min, Q

from tenants.delivery.models import Job, SweepRun
from tenants.delivery.queues import Queue, queue_of
from tenants.delivery.sweeps import SWEEPS, Backlog, Sweep


@dataclass(kw_only=True)
class QueueState:
    """The jobs of a queue. `queue` is none for jobs that no release of today knows."""

    queue: Queue | None
    backlog: Backlog = field(default_factory=lambda: Backlog(due=0))


@dataclass(frozen=True, kw_only=True)
class SweepState:
    sweep: Sweep
    run: SweepRun | None
    backlog: Backlog | None


def queues(at: datetime) -> list[QueueState]:
    """In two queries: what is to do, and what was set aside, each along its index."""
    found = {queue: QueueState(queue=queue) for queue in [*Queue, None]}
    for name, backlog in _by_name(at).items():
        found[queue_of(name)].backlog += backlog
    strange = found.pop(None)
    return [*found.values(), *([strange] if strange.backlog != Backlog(due=0) else [])]


def _by_name(at: datetime) -> dict[str, Backlog]:
    found: dict[str, Backlog] = defaultdict(lambda: Backlog(due=0))
    held = Q(leased_until__gte=at)
    to_do = Job.objects.to_do().values("name").order_by("name")
    for row in to_do.annotate(
        all=Count("pk"), running=Count("pk", filter=held), oldest=Min("created_at", filter=~held)
    ):
        found[row["name"]] += Backlog(due=row["all"] - row["running"], running=row["running"], oldest=row["oldest"])
    aside = Job.objects.set_aside().values("name").order_by("name")
    for name, failed in aside.annotate(failed=Count("pk")).values_list("name", "failed"):
        found[name] += Backlog(due=0, failed=failed)
    return found


def sweeps(at: datetime) -> list[SweepState]:
    """In one query, and those of each sweep's own backlog. Those that failed first, then those with most to do."""
    runs = SweepRun.objects.in_bulk()
    states = [
        SweepState(sweep=sweep, run=runs.get(name), backlog=sweep.backlog(at) if sweep.backlog else None)
        for name, sweep in SWEEPS.items()
    ]
    return sorted(states, key=_urgency)


def _urgency(state: SweepState) -> tuple[bool, int, str]:
    backlog = state.backlog or Backlog(due=0)
    return not (state.run and state.run.has_failed), -(backlog.due + backlog.failed), state.sweep.name
