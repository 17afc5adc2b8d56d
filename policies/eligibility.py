"""May this person buy this product? The facts, gathered in a fixed number of queries, and the decision over them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from licensing.models import Plan, Product
from policies import rules
from policies.models import Exclusion, Market, Policy, TenantSettings
from policies.models.approver import approvers_for
from policies.models.decision import Outcome
from policies.reasons import as_reason
from policies.rules import ExclusionRow, Facts, MarketRow, PolicyRow, Source, Verdict
from tenants.directory.models import Department, Membership, Tenant
from tenants.refusal import Refused


class PurchaseRefused(Refused):
    """A rule of eligibility forbids the purchase; `answer` has every reason."""

    http_status = 403
    message = _("You can't buy this yourself.")

    def __init__(self, answer: "Answer") -> None:
        super().__init__(reasons=answer.reasons, contact=answer.contact)
        self.answer = answer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The decision for one person and product, with every rule's verdict."""

    member: Membership
    product: Product
    verdicts: tuple[Verdict, ...]

    @property
    def allowed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def outcome(self) -> str:
        return Outcome(rules.outcome(self.verdicts))

    @property
    def needs_approval(self) -> bool:
        return self.outcome == Outcome.NEEDS_APPROVAL

    @property
    def failures(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.passed]

    @property
    def reasons(self) -> list[dict[str, str]]:
        return [as_reason(verdict) for verdict in self.failures]

    @property
    def contact(self) -> dict[str, str]:
        return contact_of(self.member.tenant)


def contact_of(tenant: Tenant) -> dict[str, str]:
    """The tenant's own IT contact: shown to its people when they are refused."""
    return {"email": tenant.contact_email, "url": tenant.contact_url, "message": tenant.contact_message}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What is true for a person whatever the product: read once, asked for any number of products."""

    member: Membership
    today: date
    markets: dict[str | None, Market]
    exclusions: list[Exclusion]
    policies: list[Policy]
    departments: dict[Any, Department]
    settings: TenantSettings | None
    has_approver: bool


def survey(member: Membership, *, at: datetime) -> Ground:
    """Six queries, whatever the catalogue's size."""
    tenant = member.tenant
    today = tenant.today(at)
    departments = _own_departments(member)
    return Ground(
        member=member,
        today=today,
        markets={market.family_id: market for market in Market.objects.filter(country=tenant.country)},
        exclusions=list(Exclusion.objects.hitting(tenant, today)),
        policies=list(
            Policy.objects.of(tenant)
            .in_force(at)
            .filter(
                Q(member=member) | Q(department__in=list(departments)) | Q(member=None, department=None),
            )
            .select_related("set_by")
        ),
        departments=departments,
        settings=TenantSettings.objects.filter(tenant=tenant).select_related("set_by").first(),
        has_approver=approvers_for(member, departments).exists(),
    )


def decide(
    member: Membership,
    product: Product,
    *,
    at: datetime,
    plan: Plan | None = None,
    quantity: int | None = None,
    trial: bool = False,
) -> Answer:
    """The decision for one product; `plan` and `quantity` narrow it to one purchase, or to a `trial` without a card."""
    return answer_on(survey(member, at=at), product, plan=plan, quantity=quantity, trial=trial)


def decide_all(member: Membership, products: Iterable[Product], *, at: datetime) -> dict[str, Answer]:
    """The decisions for many products by product id, in the queries of one."""
    ground = survey(member, at=at)
    return {product.pk: answer_on(ground, product) for product in products}


def answer_on(
    ground: Ground, product: Product, *, plan: Plan | None = None, quantity: int | None = None, trial: bool = False
) -> Answer:
    facts = facts_for(ground, product, plan=plan, quantity=quantity, trial=trial)
    return Answer(member=ground.member, product=product, verdicts=tuple(rules.verdicts(facts)))


def why_closed(member: Membership, products: Iterable[Product], *, at: datetime) -> list[str]:
    """The sentences that say why nobody in the member's tenant can buy any of the products; empty when they can."""
    return closed_by(decide_all(member, products, at=at).values())


def closed_by(answers: Iterable[Answer]) -> list[str]:
    """As `why_closed`, of decisions that are there already."""
    closing = [
        [as_reason(verdict)["detail"] for verdict in answer.failures if verdict.code in rules.CLOSE_A_TENANT]
        for answer in answers
    ]
    return closing[0] if closing and all(closing) else []


def facts_for(ground: Ground, product: Product, *, plan: Plan | None, quantity: int | None, trial: bool) -> Facts:
    member, tenant = ground.member, ground.member.tenant
    market = ground.markets.get(product.family_id) or ground.markets.get(None)
    smallest, largest = _bounds(product, plan, trial)
    return Facts(
        guest=member.is_guest,
        active=member.is_active,
        managed=tenant.managed,
        sector=tenant.sector,
        country=tenant.country,
        today=ground.today,
        market=MarketRow(id=str(market.pk), opens_on=market.opens_on, closes_on=market.closes_on) if market else None,
        exclusions=[
            ExclusionRow(id=str(row.pk), names_only_a_sector=row.names_only_a_sector, set_at=row.created_at)
            for row in ground.exclusions
            if row.fits_product(product)
        ],
        self_service_product=product.self_service,
        stopped=_stop_of(ground.settings),
        policies=[policy_row(row) for row in ground.policies if row.fits_product(product)],
        quantity=quantity,
        min_quantity=smallest,
        max_quantity=largest,
        trial=trial,
        trial_offered=product.trial_days is not None,
        has_approver=ground.has_approver,
    )


def _bounds(product: Product, plan: Plan | None, trial: bool) -> tuple[int, int]:
    """A trial has the product's seats, a purchase the plan's."""
    if trial and product.trial_seats is not None:
        return 1, product.trial_seats
    return (plan.min_quantity, plan.max_quantity) if plan else (1, 10_000)


def _own_departments(member: Membership) -> dict[Any, Department]:
    """The member's department and those above it: a policy of any of them is the member's."""
    if member.department_id is None:
        return {}
    every = {d.pk: d for d in Department.objects.filter(tenant_id=member.tenant_id)}
    own: dict[Any, Department] = {}
    current = every.get(member.department_id)
    while current is not None and current.pk not in own:
        own[current.pk] = current
        current = every.get(current.parent_id) if current.parent_id else None
    return own


def _stop_of(settings: TenantSettings | None) -> Source | None:
    if settings is None or settings.self_service_enabled:
        return None
    return Source(level="stop", set_by=str(settings.set_by or ""), set_at=settings.set_at)


def policy_row(row: Policy) -> PolicyRow:
    return PolicyRow(
        level=row.level,
        breadth=row.breadth,
        value=row.value,
        group=str(row.department_id or ""),
        for_a_time=row.for_a_time,
        source=Source(level=row.level, id=str(row.pk), set_by=str(row.set_by or ""), set_at=row.set_at),
    )
