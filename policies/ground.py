"""What is true for a person in a tenant, read in a fixed number of queries, and the facts of one product over it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Q

from licensing.models import Plan, Product
from licensing.models.trial import used_by
from policies import limits
from policies.facts import ExclusionRow, Facts, MarketRow, PolicyRow, RenewalFacts, Source
from policies.models import Counted, Exclusion, Market, Policy
from policies.models.approver import approvers_for
from policies.spending import Proposal
from tenants.directory.models import Department, Membership, Tenant

# What a policy is about: a product's id or none, a family's slug or none.
Scope = tuple[str | None, str | None]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What is true for a person whatever the product: read once, asked for any number of products."""

    member: Membership
    today: date
    markets: dict[str | None, MarketRow]
    exclusions: dict[Scope, list[ExclusionRow]]
    policies: dict[Scope, list[PolicyRow]]
    departments: dict[Any, Department]
    # Who has stopped all self-service buying; none: nobody has.
    stopped: Source | None
    has_approver: bool
    # With what is proposed, if anything is.
    limits: list[limits.Weighed]
    # Products of which they had their trial.
    trials_used: frozenset[str]


def survey(member: Membership, *, at: datetime, proposal: Proposal | None = None) -> Ground:
    """At most eight queries, whatever the catalogue's size."""
    subject = proposal.subject if proposal else None
    tenant = member.tenant
    today = tenant.today(at)
    departments = limits.own_departments(member)
    stopped, has_approver = _stopped_and_approved(member, departments)
    return Ground(
        member=member,
        today=today,
        markets=_markets(tenant),
        exclusions=_excluded(tenant, today),
        policies=_said_to(member, departments, at=at),
        departments=departments,
        stopped=stopped,
        has_approver=has_approver,
        limits=limits.weighed(
            limits.taken(member, departments, at=at, subject=subject), proposal, month=limits.this_month(tenant, at)
        ),
        trials_used=used_by(member),
    )


def surroundings(member: Membership, *, at: datetime) -> Ground:
    """What closes a whole organisation, and nothing of what it allows itself: two queries."""
    tenant = member.tenant
    today = tenant.today(at)
    return Ground(
        member=member,
        today=today,
        markets=_markets(tenant),
        exclusions=_excluded(tenant, today),
        policies={},
        departments={},
        stopped=None,
        has_approver=True,
        limits=[],
        trials_used=frozenset(),
    )


def facts_for(ground: Ground, product: Product, *, plan: Plan | None, quantity: int | None, trial: bool) -> Facts:
    member, tenant = ground.member, ground.member.tenant
    smallest, largest = _bounds(product, plan, trial)
    return Facts(
        guest=member.is_guest,
        active=member.is_active,
        managed=tenant.managed,
        sector=tenant.sector,
        country=tenant.country,
        today=ground.today,
        market=ground.markets.get(product.family_id) or ground.markets.get(None),
        exclusions=_about(product, ground.exclusions),
        self_service_product=product.self_service,
        stopped=ground.stopped,
        policies=_about(product, ground.policies),
        quantity=quantity,
        min_quantity=smallest,
        max_quantity=largest,
        trial=trial,
        trial_offered=product.trial_days is not None,
        trial_used=product.pk in ground.trials_used,
        has_approver=ground.has_approver,
        limits=limits.rows(ground.limits, product, counts_as=Counted.TRIAL if trial else Counted.SELF_SERVICE),
    )


def renewal_facts(tenant: Tenant, plan: Plan, *, self_service: bool, at: datetime) -> RenewalFacts:
    """What a renewal asks for, in two queries."""
    product, today = plan.product, tenant.today(at)
    markets = _markets(tenant)
    ending = Exclusion.objects.hitting(tenant, today).filter(ends_renewals=True)
    return RenewalFacts(
        managed=tenant.managed,
        sector=tenant.sector,
        country=tenant.country,
        today=today,
        market=markets.get(product.family_id) or markets.get(None),
        exclusions=[exclusion_row(row) for row in ending if row.fits_product(product)],
        plan_renewable=plan.renewable,
        self_service=self_service,
    )


def renewal_facts_of(asked: Sequence[tuple[Tenant, Plan, bool, datetime]]) -> list[RenewalFacts]:
    """As `renewal_facts`, of many, each at a moment of its own; in the same two queries."""
    countries = {tenant.country for tenant, _plan, _self_service, _at in asked}
    markets: dict[str, dict[str | None, MarketRow]] = defaultdict(dict)
    rows = Market.objects.filter(country__in=countries).values_list("country", "family", "pk", "opens_on", "closes_on")
    for country, family, pk, opens, closes in rows:
        markets[country][family] = MarketRow(id=str(pk), opens_on=opens, closes_on=closes)
    ending = list(Exclusion.objects.filter(ends_renewals=True))
    return [
        RenewalFacts(
            managed=tenant.managed,
            sector=tenant.sector,
            country=tenant.country,
            today=tenant.today(at),
            market=markets[tenant.country].get(plan.product.family_id) or markets[tenant.country].get(None),
            exclusions=[
                exclusion_row(row)
                for row in ending
                if row.hits(tenant, tenant.today(at)) and row.fits_product(plan.product)
            ],
            plan_renewable=plan.renewable,
            self_service=self_service,
        )
        for tenant, plan, self_service, at in asked
    ]


def _bounds(product: Product, plan: Plan | None, trial: bool) -> tuple[int, int]:
    """A trial has the product's seats, a purchase the plan's."""
    if trial and product.trial_seats is not None:
        return 1, product.trial_seats
    return (plan.min_quantity, plan.max_quantity) if plan else (1, 10_000)


def _said_to(member: Membership, departments: Iterable[Any], *, at: datetime) -> dict[Scope, list[PolicyRow]]:
    """What holds for the member by what it is about: to them, to their departments, and to everybody."""
    rows = Policy.objects.of(member.tenant).in_force(at)
    said: dict[Scope, list[PolicyRow]] = defaultdict(list)
    # Bare columns: a tenant may have said something about each of hundreds of products.
    for columns in rows.filter(
        Q(member=member) | Q(department__in=list(departments)) | Q(member=None, department=None)
    ).values_list(*POLICY_COLUMNS):
        row = _row_of(*columns)
        said[columns[3], columns[4]].append(row)
    return said


def _excluded(tenant: Tenant, today: date) -> dict[Scope, list[ExclusionRow]]:
    hits: dict[Scope, list[ExclusionRow]] = defaultdict(list)
    for row in Exclusion.objects.hitting(tenant, today):
        hits[row.product_id, row.family_id].append(exclusion_row(row))
    return hits


def _about(product: Product, rows: Mapping[Scope, Sequence[Any]]) -> list[Any]:
    """Those for the product, for its family, and for everything."""
    family = product.family_id
    scopes = ((product.pk, None), (None, family), (product.pk, family), (None, None))
    return [row for scope in scopes for row in rows.get(scope, ())]


def _markets(tenant: Tenant) -> dict[str | None, MarketRow]:
    rows = Market.objects.filter(country=tenant.country).values_list("family", "pk", "opens_on", "closes_on")
    return {family: MarketRow(id=str(pk), opens_on=opens, closes_on=closes) for family, pk, opens, closes in rows}


def _stopped_and_approved(member: Membership, departments: Iterable[Any]) -> tuple[Source | None, bool]:
    """Who has stopped all self-service buying, and whether there is somebody who may approve; one query."""
    may_approve = Exists(approvers_for(member, departments))
    found = Tenant.objects.filter(pk=member.tenant_id).values_list(
        *(f"policy_settings__{name}" for name in ("self_service_enabled", "set_by__email", "set_at")), may_approve
    )
    enabled, set_by, set_at, has_approver = found.get()
    stopped = Source(level="stop", set_by=set_by or "", set_at=set_at) if enabled is False else None
    return stopped, has_approver


def exclusion_row(row: Exclusion) -> ExclusionRow:
    return ExclusionRow(
        id=str(row.pk),
        names_only_a_sector=row.names_only_a_sector,
        set_at=row.said_at,
    )


POLICY_COLUMNS = (
    *("pk", "member", "department", "product", "family"),
    *("value", "valid_from", "valid_to", "set_by__email", "set_at"),
)


def policy_row(row: Policy) -> PolicyRow:
    scope = (row.member_id, row.department_id, row.product_id, row.family_id)
    return _row_of(
        row.pk, *scope, row.value, row.valid_from, row.valid_to, row.set_by.email if row.set_by else None, row.set_at
    )


def _row_of(
    pk: UUID,
    member: UUID | None,
    department: UUID | None,
    product: str | None,
    family: str | None,
    value: str,
    valid_from: datetime | None,
    valid_to: datetime | None,
    set_by: str | None,
    set_at: datetime,
) -> PolicyRow:
    """The columns in the order of POLICY_COLUMNS."""
    breadth = 0 if product else 1 if family else 2
    level = "person" if member else "group" if department else ("product", "family", "tenant")[breadth]
    return PolicyRow(
        level=level,
        breadth=breadth,
        value=value,
        group=str(department or ""),
        for_a_time=valid_from is not None or valid_to is not None,
        source=Source(level=level, id=str(pk), set_by=set_by or "", set_at=set_at),
    )
