"""What a change of policy would touch, without making it: decisions of the last 90 days, and what people have."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from licensing.models import Channel, Subscription, SubscriptionState
from licensing.models.subscription import SubscriptionQuerySet
from licensing.models.trial import TrialUse
from policies import rules
from policies.facts import Remedy, Verdict
from policies.models import Approver, Decision
from policies.models.decision import Outcome
from policies.operations.proposed import About, Change, Proposed
from policies.rules import SYSTEM
from tenants.access import Actor, Right, roles_with
from tenants.directory.models import Membership, RoleGrant, Tenant

LOOKED_BACK = timedelta(days=90)
SHOWN = 100
POLICY_CODES = frozenset({"policy_disabled", "policy_trials_only", "approval_required"})
STOPPED, NO_APPROVER, LIMIT = "self_service_stopped", "no_approver", "spend_limit_"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A decision that would have been another one."""

    member: str
    product: str
    at: datetime
    old: str
    new: str

    @property
    def old_label(self) -> str:
        return str(Outcome(self.old).label)

    @property
    def new_label(self) -> str:
        return str(Outcome(self.new).label)


@dataclass(frozen=True, kw_only=True)
class Touched:
    """What a change would touch: how many, and the first of them, the newest first."""

    decisions_count: int
    decisions: Sequence[Difference]
    subscriptions_count: int
    subscriptions: Sequence[Subscription]


def of(*, tenant: Tenant, change: Change, by: Actor, at: datetime) -> Touched:
    """
    What the change would touch, in a fixed number of queries; writes nothing.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    proposed = Proposed(tenant, change, at=at)
    different = _different(tenant, proposed, at=at)
    touched = subscriptions(tenant=tenant, change=change, at=at) if change.resumes else _touched(tenant, proposed)
    first = {row.pk: row for row in Subscription.objects.of(tenant).filter(pk__in=touched[:SHOWN]).with_people()}
    return Touched(
        decisions_count=len(different),
        decisions=different[:SHOWN],
        subscriptions_count=len(touched),
        subscriptions=[first[pk] for pk in touched[:SHOWN]],
    )


def subscriptions(*, tenant: Tenant, change: Change, at: datetime) -> list[UUID]:
    """The running subscriptions that people bought themselves and that the change decides about, the newest first."""
    # That buying goes on ends nothing.
    change = replace(change, stopped=None) if change.resumes else change
    return _touched(tenant, Proposed(tenant, change, at=at))


def running(tenant: Tenant) -> SubscriptionQuerySet:
    """What people bought themselves and still manage; what the tenant took over is its own."""
    states = (SubscriptionState.ACTIVE, SubscriptionState.TRIAL)
    own = Subscription.objects.of(tenant).filter(channel=Channel.SELF_SERVICE, state__in=states)
    return own.exclude(owner=None).order_by("-created_at", "-pk")


def _touched(tenant: Tenant, proposed: Proposed) -> list[UUID]:
    columns = ("pk", "owner", "owner__department", "plan__product", "plan__product__family")
    rows = running(tenant).values_list(*columns)
    return [pk for pk, *about in rows if proposed.answer(About(*about))[0]]


_DECISION = (
    *("member", "member__department", "product", "product__family", "member__user__email", "product__trial_days"),
    *("trial", "outcome", "reasons", "remedies", "at"),
)


def _different(tenant: Tenant, proposed: Proposed, *, at: datetime) -> list[Difference]:
    rows = Decision.objects.filter(tenant=tenant, at__gt=at - LOOKED_BACK, at__lte=at).order_by("-at", "-pk")
    again = _Again(tenant, proposed)
    found = []
    for *about, email, trial_days, trial, outcome, reasons, remedies, moment in rows.values_list(*_DECISION):
        kept = _Kept(
            about=About(*about),
            trial=trial,
            trial_offered=trial_days is not None,
            failures=_failures(reasons, remedies, outcome),
            at=moment,
        )
        new = again.decided(kept)
        if new not in (None, outcome):
            found.append(Difference(member=email, product=kept.about.product, at=moment, old=outcome, new=str(new)))
    return found


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A decision as it was kept."""

    about: About
    trial: bool
    trial_offered: bool
    failures: Sequence[tuple[str, Remedy]]
    at: datetime


class _Again:
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

    def decided(self, kept: _Kept) -> str | None:
        """The outcome after the change; none where the change does not decide about it."""
        touched, value = self._proposed.answer(kept.about)
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

    def _trial_is_left(self, kept: _Kept) -> bool:
        used_at = self._trials.get((kept.about.member, kept.about.product))
        return kept.trial_offered and (used_at is None or used_at > kept.at)

    def _can_be_approved(self, kept: _Kept) -> bool:
        """As it was answered then; where nobody asked it then, as it is now."""
        if any(code == NO_APPROVER for code, _ in kept.failures):
            return False
        if any(remedy is Remedy.APPROVAL for _, remedy in kept.failures):
            return True
        return self._approvers.has(kept.about.member, self._proposed.departments(kept.about.department))


class _Approvers:
    """Who may approve in a tenant, by right and by department, as `approvers_for` says of one buyer; two queries."""

    def __init__(self, tenant: Tenant) -> None:
        active = Q(membership__in=Membership.objects.of(tenant).active())
        grants = RoleGrant.objects.filter(active, role__in=roles_with(Right.APPROVE_PURCHASES))
        self._by_right = set(grants.values_list("membership", flat=True))
        self._named: dict[UUID, set[UUID]] = defaultdict(set)
        named = Approver.objects.of(tenant).filter(member__in=Membership.objects.of(tenant).active())
        for department, member in named.values_list("department", "member"):
            self._named[department].add(member)

    def has(self, buyer: UUID, departments: Sequence[UUID]) -> bool:
        return any(others - {buyer} for others in (self._by_right, *(self._named.get(d, set()) for d in departments)))


def _failures(reasons: list[str], remedies: list[str], outcome: str) -> list[tuple[str, Remedy]]:
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


def as_told(touched: Touched) -> dict[str, Any]:
    """As the API and the commands tell it."""
    return {
        "decisions": {
            "count": touched.decisions_count,
            "first": [vars(difference) for difference in touched.decisions],
        },
        "subscriptions": {
            "count": touched.subscriptions_count,
            "first": [
                {
                    "id": str(row.pk),
                    "product": row.plan.product_id,
                    "owner": row.owner.user.email if row.owner else None,
                    "quantity": row.quantity,
                    "state": row.state,
                    "term_end": row.term_end,
                    "auto_renew": row.auto_renew,
                }
                for row in touched.subscriptions
            ],
        },
    }
