"""Decisions as they were kept, decided again as if a change of policy had been made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from licensing.models.trial import TrialUse
from policies import rules
from policies.facts import Remedy, Verdict
from policies.models import Approver
from policies.operations.proposed import About, Proposed
from policies.rules import SYSTEM
from tenants.access import Right, has_right
from tenants.directory.models import Membership, Tenant

POLICY_CODES = frozenset({"policy_disabled", "policy_trials_only", "approval_required"})
STOPPED, NO_APPROVER, LIMIT = "self_service_stopped", "no_approver", "spend_limit_"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A decision as it was kept."""

    about: About
    trial: bool
    trial_offered: bool
    failures: Sequence[tuple[str, Remedy]]
    at: datetime


class Again:
    """Decides kept decisions again: what policies said is replaced, everything else is as it was. Three queries."""

    def __init__(self, tenant: Tenant, proposed: Proposed) -> None:
        self._proposed = proposed
        self._approvers = _Approvers(tenant)
        self._trials: dict[tuple[UUID, str], datetime] = {
            (member, product): started_at
            for member, product, started_at in TrialUse.objects.of(tenant).values_list(
                "member", "product", "started_at"
            )
        }

    def decided(self, kept: Kept) -> str | None:
        """The outcome after the change; none where the change does not decide about it."""
        touched, value, _by = self._proposed.answer(kept.about)
        if not touched:
            return None
        others = [failure for failure in kept.failures if failure[0] not in POLICY_CODES | {NO_APPROVER}]
        others = self._with_the_stop(others)
        failures = [_failed(code, remedy) for code, remedy in others]
        said = rules.said(value, SYSTEM, trial=kept.trial, left=self._trial_is_left(kept))
        if not said.passed:
            failures.append(said)
        if any(verdict.remedy is Remedy.APPROVAL for verdict in failures) and not self._can_be_approved(kept):
            failures.append(_failed(NO_APPROVER, Remedy.NONE))
        return rules.outcome(failures)

    def _with_the_stop(self, failures: list[tuple[str, Remedy]]) -> list[tuple[str, Remedy]]:
        if self._proposed.change.stopped is None:
            return failures
        others = [failure for failure in failures if failure[0] != STOPPED]
        return [*others, (STOPPED, Remedy.NONE)] if self._proposed.change.stopped else others

    def _trial_is_left(self, kept: Kept) -> bool:
        used_at = self._trials.get((kept.about.member, kept.about.product))
        return kept.trial_offered and (used_at is None or used_at > kept.at)

    def _can_be_approved(self, kept: Kept) -> bool:
        """As it was answered then; where nobody asked it then, as it is now."""
        if any(code == NO_APPROVER for code, _ in kept.failures):
            return False
        if any(remedy is Remedy.APPROVAL for _, remedy in kept.failures):
            return True
        return self._approvers.has(kept.about.member, self._proposed.departments(kept.about.department))


class _Approvers:
    """Who may approve in a tenant, by right and by department, as `approvers_for` says of one buyer; two queries."""

    def __init__(self, tenant: Tenant) -> None:
        active = Membership.objects.of(tenant).active()
        self._by_right = set(active.filter(has_right(Right.APPROVE_PURCHASES)).values_list("pk", flat=True))
        self._named: dict[UUID, set[UUID]] = defaultdict(set)
        named = Approver.objects.of(tenant).filter(member__in=active)
        for department, member in named.values_list("department", "member"):
            self._named[department].add(member)

    def has(self, buyer: UUID, departments: Sequence[UUID]) -> bool:
        return any(others - {buyer} for others in (self._by_right, *(self._named.get(d, set()) for d in departments)))


def failures(reasons: list[str], remedies: list[str], outcome: str) -> list[tuple[str, Remedy]]:
    """What failed, by its code, and what would have mended it."""
    if len(remedies) == len(reasons):
        return [(code, Remedy(remedy)) for code, remedy in zip(reasons, remedies, strict=True)]
    # Kept before remedies were: of the other rules only a limit's failure can be mended, and it is where approval was
    # what was missing.
    asked = outcome == "needs_approval" or (NO_APPROVER in reasons and "approval_required" not in reasons)
    limit = Remedy.APPROVAL if asked else Remedy.NONE
    return [(code, limit if code.startswith(LIMIT) else _policy_remedy(code)) for code in reasons]


def _policy_remedy(code: str) -> Remedy:
    return Remedy.APPROVAL if code == "approval_required" else Remedy.NONE


def _failed(code: str, remedy: Remedy) -> Verdict:
    return Verdict(rule="", passed=False, code=code, remedy=remedy)
