"""Whose purchases a change of policy decides about: values as they would stand, asked for any person and product."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from policies import rules
from policies.facts import PolicyRow
from policies.ground import POLICY_COLUMNS, policy_row
from policies.models import Policy
from policies.operations.scopes import STANDING, Scope, Time
from tenants.directory.models import Department, Tenant
from tenants.directory.tree import and_above


@dataclass(frozen=True, kw_only=True)
class NewValue:
    """What would be said for a scope and time, in place of what is said for it now."""

    scope: Scope
    value: str
    time: Time = STANDING


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an admin would change: values said, rows of values taken back, and all self-service stopped or resumed."""

    values: Sequence[NewValue] = ()
    removed: frozenset[UUID] = frozenset()
    stopped: bool | None = None

    @property
    def resumes(self) -> bool:
        return self.stopped is False

    def moment(self, at: datetime) -> datetime:
        """When all of it holds: a value for a time is looked at from its beginning on."""
        return max([at, *(new.time.valid_from for new in self.values if new.time.valid_from)])


class About(NamedTuple):
    """Somebody and a product that they bought, or wanted to buy."""

    member: UUID
    department: UUID | None
    product: str
    family: str


class Answered(NamedTuple):
    """Whether a change decides about a purchase, the value that would hold for it, and what is said that decides."""

    touched: bool
    value: str
    by: NewValue | None = None


# Whom a value is said for, and then what for.
_People = tuple[UUID | None, UUID | None]
_Things = tuple[str | None, str | None]
_Said = dict[_People, dict[_Things, list[PolicyRow]]]


class Proposed:
    """A tenant's values before and after a change; two queries."""

    def __init__(self, tenant: Tenant, change: Change, *, at: datetime) -> None:
        self.change = change
        moment = change.moment(at)
        new = [_unsaved(tenant, value, at) for value in change.values]
        replaced = {_key(row) for row in new}
        held = list(Policy.objects.of(tenant).in_force(moment).only(*_LOADED).order_by("pk"))
        kept = [row for row in held if row.pk not in change.removed and _key(row) not in replaced]
        self._before = _index(held)
        self._after = _index([*kept, *(row for row in new if _holds(row, moment))])
        self._new = {str(row.pk): value for row, value in zip(new, change.values, strict=True)}
        self._removed = {str(pk) for pk in change.removed}
        self._parents = dict(Department.objects.filter(tenant=tenant).values_list("pk", "parent"))
        self._chains: dict[UUID | None, tuple[UUID, ...]] = {None: ()}
        self._answers: dict[About, Answered] = {}

    def answer(self, about: About) -> Answered:
        if about not in self._answers:
            self._answers[about] = self._ask(about)
        return self._answers[about]

    def value_before(self, about: About) -> str:
        before = self._deciding(self._before, about)
        return before.value if before else rules.SYSTEM_DEFAULT

    def named_by(self, about: About) -> NewValue | None:
        """What is said that names this purchase, be it that another value decides about it."""
        departments = self.departments(about.department)
        return next((new for new in self.change.values if _names(new.scope, about, departments)), None)

    def _ask(self, about: About) -> Answered:
        after = self._deciding(self._after, about)
        by = self._new.get(after.source.id) if after is not None else None
        touched = self.change.stopped is not None or by is not None
        if not touched and self._removed:
            before = self._deciding(self._before, about)
            touched = before is not None and before.source.id in self._removed
        return Answered(touched=touched, value=after.value if after else rules.SYSTEM_DEFAULT, by=by)

    def _deciding(self, said: _Said, about: About) -> PolicyRow | None:
        people: list[_People] = [(about.member, None), (None, None)]
        people += [(None, department) for department in self.departments(about.department)]
        things: tuple[_Things, ...] = ((about.product, None), (None, about.family), (None, None))
        rows = [row for who in people if who in said for what in things for row in said[who].get(what, ())]
        return rules.deciding_policy(rows)

    def departments(self, department: UUID | None) -> tuple[UUID, ...]:
        """A department and those above it."""
        if department not in self._chains:
            self._chains[department] = tuple(and_above(department, self._parents))
        return self._chains[department]


# What a rule asks of a row; who set it is not among that.
_LOADED = tuple(name for name in POLICY_COLUMNS if "__" not in name)


def _index(rows: Iterable[Policy]) -> _Said:
    said: _Said = defaultdict(lambda: defaultdict(list))
    for row in rows:
        said[row.member_id, row.department_id][row.product_id, row.family_id].append(_as_row(row))
    return said


def _as_row(row: Policy) -> PolicyRow:
    row.set_by = None
    return policy_row(row)


def _unsaved(tenant: Tenant, new: NewValue, at: datetime) -> Policy:
    return Policy(tenant=tenant, **new.scope.columns, **new.time.columns, value=new.value, set_at=at)


def _names(scope: Scope, about: About, departments: Sequence[UUID]) -> bool:
    of_person = scope.member is None or scope.member.pk == about.member
    of_group = scope.department is None or scope.department.pk in departments
    of_product = scope.product is None or scope.product.pk == about.product
    return of_person and of_group and of_product and (scope.family is None or scope.family.pk == about.family)


def _holds(row: Policy, moment: datetime) -> bool:
    begun = row.valid_from is None or row.valid_from <= moment
    return begun and (row.valid_to is None or row.valid_to > moment)


def _key(row: Policy) -> tuple[object, ...]:
    return (row.member_id, row.department_id, row.product_id, row.family_id, row.valid_from, row.valid_to)
