"""To start and to stop what is done to many rows. How it is done stands in `tenants.runs.rows` and `.work`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tenants.access import Actor
from tenants.delivery import jobs
from tenants.ids import new_id
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.runs import rows, work
from tenants.runs.deeds import DEEDS, deed_named
from tenants.runs.models import RowState, Run, RunRow

MOST_ROWS = 10_000
# So many are done while whoever asked waits; more of them in the background.
DONE_AT_ONCE = 50
# Nobody looks at an empty page for longer.
WAITS_AT_MOST = 5.0


class TooManyRows(Refused):
    message = _("At most 10,000 can be handled at a time. Narrow the filter.")


class RunIsFinished(Refused):
    message = _("This is finished already: nothing is left to stop.")


class NothingFailed(Refused):
    message = _("Nothing of this failed.")


def start(
    *,
    deed: str,
    subjects: Sequence[object],
    given: Mapping[str, Any],
    by: Actor,
    at: datetime,
    id: UUID | None = None,
    weight: int = 0,
) -> Run:
    """
    Do a deed with each subject, in their order, each in a transaction of its own and once: up to 50 of them before this
    answers, more in the background. Call it outside a transaction. With the `id` of one that was started already, that
    one is the answer. `weight`: as how many rows it counts, where each changes several things.

    :raises UnknownDeed: no deed of that name
    :raises NotAllowed: without the deed's right in the acting organisation
    :raises TooManyRows: more than 10,000
    :raises BadInput: no subject at all
    """
    at_once = max(weight, len(subjects)) <= DONE_AT_ONCE
    run, is_new = _begun(deed=deed, subjects=subjects, given=given, at_once=at_once, by=by, at=at, id=id or new_id())
    if is_new and at_once and work.go_on(run.pk, at=at, seconds=WAITS_AT_MOST):
        jobs.enqueue(work.JOB, run=str(run.pk))
    run.refresh_from_db()
    return run


def is_begun(id: UUID) -> bool:
    """Whether `start` was called with it already."""
    return Run.objects.filter(pk=id).exists()


@transaction.atomic
def _begun(
    *,
    deed: str,
    subjects: Sequence[object],
    given: Mapping[str, Any],
    at_once: bool,
    by: Actor,
    at: datetime,
    id: UUID,
) -> tuple[Run, bool]:
    rows.require(deed_named(deed), by.tenant, by)
    unique = list(dict.fromkeys(str(subject) for subject in subjects))
    if not unique:
        raise BadInput(_("Choose at least one."), field="subjects", code="required")
    if len(unique) > MOST_ROWS:
        raise TooManyRows
    begun = {"deed": deed, "given": dict(given), "started_by": by.user, "size": len(unique), "created_at": at}
    run, is_new = Run.objects.get_or_create(pk=id, tenant=by.tenant, defaults=begun)
    if is_new:
        found = enumerate(unique)
        RunRow.objects.bulk_create(
            RunRow(tenant=by.tenant, run=run, position=position, subject=subject) for position, subject in found
        )
        told = {"deed": deed, "rows": run.size, "reason": given.get("reason", "")}
        events.record("run.started", tenant=run.tenant, by=by, at=at, subject=run.pk, **told)
        if not at_once:
            jobs.enqueue(work.JOB, run=str(run.pk))
    return run, is_new


@transaction.atomic
def stop(*, run: Run, by: Actor, at: datetime) -> Run:
    """
    Leave the rows whose turn has not come. The one that is being done is done; what was done stays.

    :raises NotAllowed: without the deed's right there
    :raises RunIsFinished: nothing is left
    """
    _require(run, by)
    locked = Run.objects.locked().get(pk=run.pk)
    # It waits for a row that is being done, and then finds that it waits no more.
    left = locked.rows.waiting().update(state=RowState.LEFT, done_at=at)
    if locked.finished_at is not None or not left:
        raise RunIsFinished
    locked.stopped_at = locked.finished_at = at
    locked.save(update_fields=["stopped_at", "finished_at"])
    counted = {state: count for state, count in locked.counts().items() if count}
    events.record("run.stopped", tenant=run.tenant, by=by, at=at, subject=run.pk, deed=run.deed, rows=counted)
    return locked


@transaction.atomic
def try_again(*, run: Run, by: Actor, at: datetime) -> Run:
    """
    Have what failed tried anew, as if it had just been asked for. It is done in the background.

    :raises NotAllowed: without the deed's right there
    :raises NothingFailed: no row was set aside
    """
    _require(run, by)
    locked = Run.objects.locked().get(pk=run.pk)
    failed = locked.rows.filter(state=RowState.SET_ASIDE)
    again = failed.update(state=RowState.WAITING, done_at=None, tries=0, detail="")
    if not again:
        raise NothingFailed
    locked.finished_at = locked.stopped_at = None
    locked.save(update_fields=["finished_at", "stopped_at"])
    events.record("run.continued", tenant=run.tenant, by=by, at=at, subject=run.pk, deed=run.deed, rows=again)
    jobs.enqueue(work.JOB, run=str(run.pk))
    return locked


def may_decide(run: Run, by: Actor) -> bool:
    """Whether somebody may stop it, or have what failed tried again."""
    deed = DEEDS.get(run.deed)
    if deed is None:
        return False
    if by.is_operator:
        return True
    if deed.right is None:
        return by.user is not None and run.started_by_id == by.user.pk
    return by.tenant == run.tenant and by.may(deed.right)


def _require(run: Run, by: Actor) -> None:
    """:raises NotAllowed: without the deed's right there, or across organisations by anybody but who started it"""
    deed = deed_named(run.deed)
    rows.require(deed, run.tenant, by)
    if deed.right is None and not (by.is_system or may_decide(run, by)):
        raise NotAllowed(_("Only whoever started this decides about it."))


def said_in_short(run: Run) -> str:
    """How it went, in a sentence: "8 done, 2 refused"."""
    counts = run.counts()
    words = {
        RowState.DONE: ngettext("%(count)s done", "%(count)s done", counts[RowState.DONE]),
        RowState.REFUSED: ngettext("%(count)s refused", "%(count)s refused", counts[RowState.REFUSED]),
        RowState.SET_ASIDE: ngettext("%(count)s failed", "%(count)s failed", counts[RowState.SET_ASIDE]),
        RowState.LEFT: ngettext("%(count)s not done", "%(count)s not done", counts[RowState.LEFT]),
        RowState.WAITING: ngettext("%(count)s waiting", "%(count)s waiting", counts[RowState.WAITING]),
    }
    return ", ".join(word % {"count": counts[state]} for state, word in words.items() if counts[state])
