"""May this person buy this product? The decision over the facts that `policies.ground` gathers, and its answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from licensing.models import Plan, Product
from policies import rules
from policies.facts import Verdict
from policies.ground import Ground, facts_for, renewal_facts, renewal_facts_of, surroundings, survey
from policies.models.decision import Outcome
from policies.reasons import as_reason
from policies.spending import Proposal
from tenants.directory.models import Membership, Tenant
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
    # The product has a trial, and the person did not have theirs.
    trial_left: bool = False

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
    def offers_trial(self) -> bool:
        """Whether a trial without a card is worth pointing to; starting one asks all rules."""
        return self.trial_left and self.outcome in (Outcome.ALLOWED, Outcome.TRIAL_ONLY)

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


def decide(
    member: Membership,
    product: Product,
    *,
    at: datetime,
    plan: Plan | None = None,
    quantity: int | None = None,
    trial: bool = False,
    proposal: Proposal | None = None,
) -> Answer:
    """
    The decision for one product; `plan` and `quantity` narrow it to one purchase, or to a `trial` without a card.
    `proposal` says what it would cost; without one a spend limit stands in the way only where it is passed already.
    """
    ground = survey(member, at=at, proposal=proposal)
    return answer_on(ground, product, plan=plan, quantity=quantity, trial=trial)


def decide_all(member: Membership, products: Iterable[Product], *, at: datetime) -> dict[str, Answer]:
    """The decisions for many products by product id, in the queries of one."""
    ground = survey(member, at=at)
    return {product.pk: answer_on(ground, product) for product in products}


def answer_on(
    ground: Ground,
    product: Product,
    *,
    plan: Plan | None = None,
    quantity: int | None = None,
    trial: bool = False,
) -> Answer:
    facts = facts_for(ground, product, plan=plan, quantity=quantity, trial=trial)
    left = facts.trial_offered and not facts.trial_used
    return Answer(member=ground.member, product=product, verdicts=tuple(rules.verdicts(facts)), trial_left=left)


def renewal_verdicts(tenant: Tenant, plan: Plan, at: datetime, *, self_service: bool = True) -> tuple[Verdict, ...]:
    """
    May what the tenant has of a plan renew? Two queries. Whether an admin has stopped this very subscription is its
    own. The rules of `self_service` buying hold for what was bought so.
    """
    facts = renewal_facts(tenant, plan, self_service=self_service, at=at)
    return tuple(rules.renewal_verdicts(facts))


def renewals_verdicts(asked: Sequence[tuple[Tenant, Plan, bool, datetime]]) -> list[tuple[Verdict, ...]]:
    """As `renewal_verdicts`, of many, each at a moment of its own; two queries for all."""
    return [tuple(rules.renewal_verdicts(facts)) for facts in renewal_facts_of(asked)]


def why_closed(member: Membership, products: Iterable[Product], *, at: datetime) -> list[str]:
    """
    The sentences that say why nobody in the member's tenant can buy any of the products; empty when they can. Two
    queries.
    """
    ground = surroundings(member, at=at)
    return closed_by(answer_on(ground, product) for product in products)


def closed_by(answers: Iterable[Answer]) -> list[str]:
    """As `why_closed`, of decisions that are there already."""
    closing = [
        [as_reason(verdict)["detail"] for verdict in answer.failures if verdict.code in rules.CLOSE_A_TENANT]
        for answer in answers
    ]
    return closing[0] if closing and all(closing) else []
