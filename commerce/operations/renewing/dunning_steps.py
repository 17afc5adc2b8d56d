"""The steps of dunning, and the codes after which no card is tried again, as an operator or an organisation says."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import DunningStep, HardDecline
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.refusal import BadInput
from tenants.text import require_one_line

LAST_DAY = 30
MOST = 10
LONGEST_CODE = 60


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens on a day, counted from the first failure."""

    day: int
    retry: bool
    mail: bool


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Those that hold; `own`: the organisation has its own in place of the operator's."""

    steps: tuple[Step, ...]
    own: bool


def of(tenant: Tenant | None) -> Steps:
    """None: those of everybody who has none of their own. One query."""
    rows = DunningStep.objects.for_each([tenant])[tenant]
    return Steps(steps=_told(rows), own=any(row.tenant_id is not None for row in rows))


@transaction.atomic
def change(
    *, tenant: Tenant | None, steps: Sequence[Step], without_retries: bool = False, by: Actor, at: datetime
) -> Steps:
    """
    Replace all of them, or the operator's for everybody (`tenant` None). What waits for its next try already keeps its
    moment; what follows goes by the new ones. The same again changes nothing.

    :raises NotAllowed: neither an operator nor, for an organisation, somebody who may change its billing
    :raises BadInput: no step on day 0 or a try on it, a day twice, before day 0 or after day 30, more than 10 steps, or
        no retry at all where that is not said with `without_retries`
    """
    _require(tenant, by)
    wanted = tuple(sorted(steps, key=lambda step: step.day))
    _check(wanted, without_retries)
    rows = _locked(tenant)
    before = _told(rows)
    if before != wanted:
        _replace(tenant, wanted)
        _record(tenant, before, wanted, by=by, at=at)
    return of(tenant)


@transaction.atomic
def restore(*, tenant: Tenant, by: Actor, at: datetime) -> Steps:
    """
    Let the operator's hold for an organisation again. It has none of its own: nothing changes.

    :raises NotAllowed: neither an operator nor somebody who may change its billing
    """
    _require(tenant, by)
    before = _told(_locked(tenant))
    if before:
        _replace(tenant, ())
        _record(tenant, before, (), by=by, at=at)
    return of(tenant)


@transaction.atomic
def add_hard_decline(*, code: str, by: Actor, at: datetime) -> HardDecline:
    """
    Try no card again after that code. It is there: nothing changes.

    :raises NotAllowed: neither operator nor system
    :raises BadInput: no code that a provider could give
    """
    by.require_operator()
    code = code.strip()
    require_one_line(code, field="code")
    if not code or len(code) > LONGEST_CODE or not code.replace("_", "").isalnum() or not code.isascii():
        raise BadInput(_("Type a code as the provider gives it, such as lost_card."), field="code", code="invalid")
    row, is_new = HardDecline.objects.get_or_create(code=code)
    if is_new:
        events.record("hard_decline.added", tenant=None, by=by, at=at, subject=code)
    return row


@transaction.atomic
def remove_hard_decline(*, code: str, by: Actor, at: datetime) -> None:
    """
    Try cards again after that code from the next failure on. It is not there: nothing changes.

    :raises NotAllowed: neither operator nor system
    """
    by.require_operator()
    removed, _by_model = HardDecline.objects.filter(code=code).delete()
    if removed:
        events.record("hard_decline.removed", tenant=None, by=by, at=at, subject=code)


def _require(tenant: Tenant | None, by: Actor) -> None:
    if tenant is None:
        by.require_operator()
    else:
        by.require_in(tenant, Right.CHANGE_BILLING)


def _check(steps: Sequence[Step], without_retries: bool) -> None:
    days = [step.day for step in steps]
    if 0 not in days:
        raise _bad(_("Day 0 has to be there: it is the moment of the first failure."), "day_0_is_missing")
    if any(step.retry for step in steps if step.day == 0):
        raise _bad(_("Nothing is tried again on day 0, which has just failed."), "retry_on_day_0")
    if len(set(days)) < len(days):
        raise _bad(_("Name each day once."), "duplicate_day")
    if min(days) < 0 or max(days) > LAST_DAY:
        raise _bad(_("Use days from 0 to 30."), "day_out_of_range")
    if len(days) > MOST:
        raise _bad(_("Use at most 10 days."), "max_length")
    if not without_retries and not any(step.retry for step in steps):
        raise _bad(_("Name a day on which the card is tried again, or say that there is none."), "no_retry")


def _bad(message: object, code: str) -> BadInput:
    return BadInput(str(message), field="steps", code=code)


def _locked(tenant: Tenant | None) -> list[DunningStep]:
    if tenant is not None:
        organisations.lock(tenant)
    rows = DunningStep.objects.filter(tenant=tenant).order_by("day")
    return list(rows.select_for_update(of=("self",)) if tenant is None else rows)


def _replace(tenant: Tenant | None, steps: Iterable[Step]) -> None:
    DunningStep.objects.filter(tenant=tenant).delete()
    DunningStep.objects.bulk_create(DunningStep(tenant=tenant, **asdict(step)) for step in steps)


def _told(rows: Iterable[DunningStep]) -> tuple[Step, ...]:
    return tuple(Step(day=row.day, retry=row.retry, mail=row.mail) for row in rows)


def _record(tenant: Tenant | None, before: Sequence[Step], steps: Sequence[Step], *, by: Actor, at: datetime) -> None:
    old, new = ([asdict(step) for step in those] for those in (before, steps))
    events.record("dunning.changed", tenant=tenant, by=by, at=at, subject=tenant.pk if tenant else "", old=old, new=new)
