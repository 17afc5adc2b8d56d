"""What a tenant says for a scope: written, ended and told to the journal in one place."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from policies import rules
from policies.ground import policy_row
from policies.models import Policy, PolicyValue
from policies.operations import dry_runs, endings
from policies.operations.endings import LEAVE, Existing
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import SCOPED_BY, STANDING, Scope, Time
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events
from tenants.journal.events import Fact
from tenants.refusal import BadInput, Refused
from tenants.text import checked_reason

# A moment at the edge of the calendar could not be shown in every zone.
FURTHEST = timedelta(days=36_525)


class PolicyOverlaps(Refused):
    message = _("Another value holds for a part of this time. End that one first, or choose another time.")


@transaction.atomic
def put(
    *,
    tenant: Tenant,
    scope: Scope,
    value: str,
    reason: str,
    by: Actor,
    at: datetime,
    time: Time = STANDING,
    existing: Existing = LEAVE,
) -> Policy:
    """
    Say what the tenant allows for a scope, for good or for a time, and why. What was bought stays as it is, unless
    `existing` says otherwise.

    What stood for the same scope and time is replaced; the same value again with the same reason changes nothing.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: an unknown value, a reason that is missing or cannot be kept, a person or group of no such
        tenant, a scope or a time that cannot be, or an ending that makes no sense with the value
    :raises PolicyOverlaps: another value for a time holds for the same scope during a part of it
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    value, reason = checked_value(value), checked_reason(reason)
    check(tenant, scope, time, at=at)
    check_existing(existing, value, at=at)
    # The tenant's lock: of two admins at once the second finds what the first wrote, and both stand in the journal.
    organisations.lock(tenant)
    [row] = apply(tenant=tenant, scopes=[scope], value=value, reason=reason, time=time, existing=existing, by=by, at=at)
    return row


@transaction.atomic
def remove(*, policy: Policy, reason: str, by: Actor, at: datetime) -> None:
    """
    End what was said for a scope: from now on the next wider value holds. What is gone already stays gone.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    :raises BadInput: a reason that is missing or cannot be kept
    """
    tenant = policy.tenant
    by.require_in(tenant, Right.CHANGE_POLICY)
    reason = checked_reason(reason)
    organisations.lock(tenant)
    row = Policy.objects.of(tenant).filter(pk=policy.pk).select_related(*SCOPED_BY).first()
    if row is None:
        return
    scope, time, old = Scope.of(row), Time.of(row), row.value
    row.delete()
    endings.withdraw(tenant=tenant, said_for=[endings.key_of(scope, time)], reason=reason, by=by, at=at)
    new = None if scope.of_people else _holding(scope, _wide_rows(tenant, at))
    fact = _fact(tenant, scope, time, old=old, new=new, reason=reason)
    events.record("policy.changed", tenant=tenant, by=by, at=at, subject=fact.subject, **fact.data)


def apply(
    *,
    tenant: Tenant,
    scopes: Sequence[Scope],
    value: str,
    reason: str,
    by: Actor,
    at: datetime,
    time: Time = STANDING,
    existing: Existing = LEAVE,
) -> list[Policy]:
    """
    Write one value for each scope, each change to the journal, and what it means for what people have, in a fixed
    number of statements. The caller holds the tenant's lock and has checked what is written: every way of changing a
    policy comes through here.

    :raises PolicyOverlaps: another value for a time holds for one of the scopes during a part of it
    """
    present = _rows_of(tenant, scopes)
    begins = max(at, time.valid_from or at)
    wide = _wide_rows(tenant, begins)
    writing = _Writing()
    if existing.ends:
        change = Change(values=[NewValue(scope=scope, value=value, time=time) for scope in scopes])
        writing.reached = dry_runs.subscriptions(tenant=tenant, change=change, at=at)
    for scope in scopes:
        rows = present[_key(scope)]
        own = next((row for row in rows if Time.of(row) == time), None)
        if own is not None and (own.value, own.reason) == (value, reason) and not existing.ends:
            writing.rows.append(own)
            continue
        old = own.value if own is not None else None if scope.of_people else _holding(scope, wide)
        if own is None:
            _check_overlap(time, rows)
            own = Policy(tenant=tenant, **scope.columns, **time.columns)
        own.value, own.reason, own.set_by, own.set_at = value, reason, by.user, at
        writing.rows.append(own)
        writing.changed.append(own)
        key = endings.key_of(scope, time)
        writing.keys.append(key)
        own.reach = writing.reached.reach(key) if writing.reached else None
        writing.facts.append(_fact(tenant, scope, time, old=old, new=value, reason=reason, existing=existing))
    writing.carry_out(by=by, at=at)
    ended = writing.reached.by if writing.reached else {}
    endings.replace(
        tenant=tenant,
        said_for=writing.keys,
        subscriptions=ended,
        existing=existing,
        since=begins,
        reason=reason,
        by=by,
        at=at,
    )
    return writing.rows


@dataclass
class _Writing:
    """What is to be written of a change: every row that holds afterwards, those that change, and what is told."""

    rows: list[Policy] = field(default_factory=list)
    changed: list[Policy] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    # None: nothing is to end.
    reached: dry_runs.Reached | None = None

    def carry_out(self, *, by: Actor, at: datetime) -> None:
        Policy.objects.bulk_create([row for row in self.changed if row._state.adding])
        present = [row for row in self.changed if not row._state.adding]
        Policy.objects.bulk_update(present, ["value", "reason", "set_by", "set_at"])
        if len(self.facts) == 1:
            # Alone it has its position at once; many wait a few seconds for the sweep.
            [fact] = self.facts
            events.record("policy.changed", tenant=fact.tenant, by=by, at=at, subject=fact.subject, **fact.data)
        else:
            events.record_each("policy.changed", self.facts, by=by, at=at)


def _rows_of(tenant: Tenant, scopes: Sequence[Scope]) -> Mapping[tuple[object, ...], list[Policy]]:
    """What is said for these scopes already, standing or for a time; one query."""
    wanted = {_key(scope) for scope in scopes}
    found: dict[tuple[object, ...], list[Policy]] = defaultdict(list)
    members = [scope.member for scope in scopes if scope.member]
    departments = [scope.department for scope in scopes if scope.department]
    people = Q(member__in=members) | Q(department__in=departments)
    everybody = Q(member=None, department=None)
    rows = Policy.objects.of(tenant).filter(people if members or departments else everybody)
    for row in rows.select_related("set_by"):
        key = tuple(getattr(row, f"{name}_id") for name in SCOPED_BY)
        if key in wanted:
            found[key].append(row)
    return found


def _key(scope: Scope) -> tuple[object, ...]:
    return tuple(scope.ids.get(name) for name in SCOPED_BY)


def _wide_rows(tenant: Tenant, at: datetime) -> list[Policy]:
    return list(Policy.objects.of(tenant).in_force(at).filter(member=None, department=None).select_related("set_by"))


def _holding(scope: Scope, wide: Iterable[Policy]) -> str:
    """The value that holds for all that a scope of no person and no group names."""
    deciding = rules.deciding_policy([policy_row(row) for row in wide if scope.covers(row)])
    return deciding.value if deciding else rules.SYSTEM_DEFAULT


def _fact(
    tenant: Tenant,
    scope: Scope,
    time: Time,
    *,
    old: str | None,
    new: str | None,
    reason: str,
    existing: Existing = LEAVE,
) -> Fact:
    """`old` is what was replaced, else what held for the scope; null where nothing is said for a person or group."""
    subject = next(iter(scope.ids.values()), tenant.pk)
    told = {"level": scope.level, **scope.ids, **time.told, "old": old, "new": new, "reason": reason, **existing.told}
    return Fact(tenant=tenant, subject=subject, data=told)


def checked_value(value: str, *, field: str = "value") -> str:
    """:raises BadInput: an unknown value"""
    if value not in PolicyValue.values:
        known = ", ".join(PolicyValue.values)
        raise BadInput(_("Use one of these values: %(known)s.") % {"known": known}, field=field, code="invalid_choice")
    return value


def check(tenant: Tenant, scope: Scope, time: Time, *, at: datetime) -> None:
    """:raises BadInput: a person or group of no such tenant, or a scope or a time that cannot be"""
    _check_scope(tenant, scope)
    _check_time(time, at)


def check_existing(existing: Existing, value: str, *, at: datetime) -> None:
    """:raises BadInput: no such ending, or one that makes no sense with the value"""
    endings.require_sensible(existing, allows_all=value == PolicyValue.ENABLED, at=at)


def _check_scope(tenant: Tenant, scope: Scope) -> None:
    if scope.member is not None and (scope.member.tenant_id != tenant.pk or scope.member.is_guest):
        raise BadInput(_("There is no such member."), field="member", code="does_not_exist")
    if scope.department is not None and scope.department.tenant_id != tenant.pk:
        raise BadInput(_("There is no such department."), field="department", code="does_not_exist")
    if scope.member is not None and scope.department is not None:
        raise BadInput(_("Name a person or a department, not both."), field="department", code="not_both")
    if scope.product is not None and scope.family is not None:
        raise BadInput(_("Name a product or a family, not both."), field="family", code="not_both")


def _check_time(time: Time, at: datetime) -> None:
    for name, moment in time.told.items():
        if abs(moment - at) > FURTHEST:
            raise BadInput(_("Choose a time that is nearer."), field=name, code="too_far")
    if time.valid_to is None:
        return
    if time.valid_from is not None and time.valid_to <= time.valid_from:
        raise BadInput(_("It must end after it begins."), field="valid_to", code="ends_before_it_begins")
    if time.valid_to <= at:
        raise BadInput(_("It must end in the future."), field="valid_to", code="in_the_past")


def _check_overlap(time: Time, rows: Iterable[Policy]) -> None:
    """A standing value lies below those for a time: it overlaps none."""
    if time != STANDING and any(row.for_a_time and time.overlaps(Time.of(row)) for row in rows):
        raise PolicyOverlaps(field="valid_from")
