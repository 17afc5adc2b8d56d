"""
The clock of a sandbox organisation, which runs ahead of the world's. It is moved step by step, see
`tenants.delivery.walks`: here stands what a move may be, and how far it has come.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.moves import ClockMove
from tenants.journal import events
from tenants.refusal import BadInput, Refused

# Further ahead no card is valid and no price is known.
FURTHEST = timedelta(days=3660)
# Longer than a step may take, so that nobody else begins the same one.
LEASE = timedelta(seconds=75)


class NotASandbox(Refused):
    message = _("Only the clock of an organisation that was made to try things out can be moved.")


class ClockRunsForwards(Refused):
    message = _("It is later than that already. A clock can only be moved ahead.")


class ClockIsMoving(Refused):
    message = _("This clock is on its way already. Wait until it has arrived.")


@transaction.atomic
def move(*, tenant: Tenant, to: datetime, by: Actor, at: datetime) -> ClockMove:
    """
    Have the clock of this organisation alone go on to `to`. What falls due until then follows in its order, each at its
    own moment. `at` is the world's time.

    :raises NotAllowed: neither operator, system nor a global admin of this organisation
    :raises NotASandbox: it is an organisation like any other
    :raises ClockIsMoving: it has not arrived where it was moved to before
    :raises ClockRunsForwards: its clock is there or beyond
    :raises BadInput: more than ten years ahead
    """
    by.require_in(tenant, Right.MOVE_CLOCK)
    # Row lock: two moves follow each other, and neither goes back.
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    if not tenant.is_sandbox:
        raise NotASandbox
    if ClockMove.objects.of(tenant).under_way().exists():
        raise ClockIsMoving
    before = at + tenant.clock_ahead
    if to <= before:
        raise ClockRunsForwards
    if to - at > FURTHEST:
        raise BadInput(_("That is more than ten years ahead."), field="to")
    events.record("clock.moved", tenant=tenant, by=by, at=before, subject=tenant.pk, old=before, new=to)
    return ClockMove.objects.create(tenant=tenant, begins_at=before, target=to, reached_at=before, asked_at=at)


@transaction.atomic
def take(move: ClockMove, *, at: datetime) -> ClockMove | None:
    """Walk it from now on. None: it has arrived, or somebody else walks it."""
    found = ClockMove.objects.free(at).select_related("tenant").select_for_update(of=("self",), skip_locked=True)
    taken = found.filter(pk=move.pk).first()
    if taken is not None:
        _hold(taken, at)
    return taken


@transaction.atomic
def step_to(move: ClockMove, *, to: datetime, at: datetime) -> None:
    """Make it `to` there, for whoever walks the move. The clock never goes back: what was done took its time, too."""
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=move.tenant_id)
    tenant.clock_ahead = max(tenant.clock_ahead, to - at)
    tenant.save(update_fields=["clock_ahead"])
    _hold(move, at)


def reached(move: ClockMove, *, to: datetime, letters: Mapping[str, int]) -> None:
    """All that was due by then is done."""
    move.reached_at = to
    move.letters = dict(Counter(move.letters) + Counter(letters))
    move.save(update_fields=["reached_at", "letters"])


@transaction.atomic
def let_go(move: ClockMove, *, at: datetime) -> None:
    """Whoever walked it stops here; at its target it is done, and the clock stands as far ahead as was asked."""
    move.leased_until = None
    if move.reached_at >= move.target:
        move.done_at = at
        Tenant.objects.filter(pk=move.tenant_id).update(clock_ahead=move.target - move.asked_at)
    move.save(update_fields=["leased_until", "done_at"])


def _hold(move: ClockMove, at: datetime) -> None:
    move.leased_until = at + LEASE
    move.save(update_fields=["leased_until"])
