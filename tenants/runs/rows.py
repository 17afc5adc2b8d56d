"""The rows of a run, one after another: each is tried, done and written down in a transaction of its own."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from tenants.access import SYSTEM, Actor, actor_in
from tenants.directory.models import Tenant
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.runs.deeds import Deed, deed_named
from tenants.runs.models import RowState, Run, RunRow

# Above a slice and its last row; where it is too short nothing is done twice, see `RunRowQuerySet.taken`.
LEASE = timedelta(seconds=30)
# Tries of a row that end in a defect, or with the process, until it is set aside.
POISONOUS = 3
FAILED = _("Something went wrong on our side. Whoever runs this service sees what.")
LONGEST_DETAIL = 500


def take(run_id: UUID, *, now: datetime) -> Run | None:
    """Have it for this process. None: it is finished, or in other hands."""
    mine = Run.objects.free(now).order_by().filter(pk=run_id).update(leased_until=now + LEASE)
    return Run.objects.select_related("tenant", "started_by").get(pk=run_id) if mine else None


def let_go(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(leased_until=None)


@transaction.atomic
def next_of(run: Run, *, at: datetime) -> RunRow | None:
    """The next row to try, counted as tried. None: nothing is left that nobody else works on."""
    poisoned = run.rows.waiting().filter(tries__gte=POISONOUS).taken()
    run.rows.filter(pk__in=[row.pk for row in poisoned]).update(state=RowState.SET_ASIDE, detail=FAILED, done_at=at)
    row = run.rows.in_turn().taken().first()
    if row is not None:
        row.tries += 1
        row.save(update_fields=["tries"])
    return row


@transaction.atomic
def do(run: Run, row: RunRow, *, at: datetime) -> None:
    """
    The deed and its outcome are written together, or neither: whoever dies on the way repeats nothing and loses
    nothing. A refusal is an outcome; a defect is not, and goes on its way.
    """
    found = run.rows.waiting().filter(pk=row.pk).taken().first()
    if found is None:  # another process was faster
        return
    try:
        # A savepoint: what was refused half-way leaves nothing behind, but that it was refused.
        with transaction.atomic():
            detail = _done(run, found, at=at)
        found.state = RowState.DONE
    except Refused as refused:
        found.state, found.code, detail = RowState.REFUSED, _code(refused), str(refused)
    found.detail, found.done_at = detail[:LONGEST_DETAIL], at
    found.save(update_fields=["state", "code", "detail", "done_at"])


def failed(row: RunRow, error: str, *, at: datetime) -> None:
    """What a defect leaves behind; after so many tries the row is set aside, and the others go on."""
    still = RunRow.objects.waiting().filter(pk=row.pk)
    if row.tries < POISONOUS:
        still.update(last_error=error)
    else:
        still.update(last_error=error, state=RowState.SET_ASIDE, detail=FAILED, done_at=at)


@transaction.atomic
def finish(run: Run, *, at: datetime) -> bool:
    """Once no row waits. Whether it is finished, now or before."""
    locked = Run.objects.locked().get(pk=run.pk)
    if locked.finished_at is not None:
        return True
    if locked.rows.waiting().exists():
        return False
    locked.finished_at = at
    locked.save(update_fields=["finished_at"])
    counted = {state: count for state, count in locked.counts().items() if count}
    by = Actor(user=run.started_by)
    events.record("run.finished", tenant=run.tenant, by=by, at=at, subject=run.pk, deed=run.deed, rows=counted)
    return True


def require(deed: Deed, tenant: Tenant | None, by: Actor) -> None:
    """:raises NotAllowed: the deed's right is missing, there and now"""
    if tenant is None:
        by.require_operator()
    elif deed.right is not None:
        by.require_in(tenant, deed.right)


def _done(run: Run, row: RunRow, *, at: datetime) -> str:
    by, deed = _actor(run), deed_named(run.deed)
    require(deed, run.tenant, by)
    return str(deed.work(row.subject, run.given, by=by, at=at))


def _actor(run: Run) -> Actor:
    """Whoever started it, with the roles that they have now. :raises NotAllowed: they act there no more"""
    if run.started_by is None:
        return SYSTEM
    actor = actor_in(run.started_by, run.tenant_id)
    if actor is None:
        raise NotAllowed(_("Whoever started this does not act in the organisation any more."))
    return actor


def _code(refused: Refused) -> str:
    return refused.field_code if isinstance(refused, BadInput) else refused.code
