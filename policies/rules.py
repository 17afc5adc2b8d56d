"""
Who may buy: each rule of eligibility as a pure function over facts. Nothing here asks a database or a clock.

A rule answers with a verdict: passed or failed, the code of the failure, its parameters, and the row that decided.
What facts and verdicts are stands in `policies.facts`, the sentences for codes in `policies.reasons`.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from policies.facts import Circumstances, Facts, PolicyRow, Remedy, RenewalFacts, Source, Verdict

Rule = Callable[[Facts], Verdict]
RenewalRule = Callable[[RenewalFacts], Verdict]

# From the loosest to the strictest value.
STRICTNESS = ("enabled", "approval_required", "only_trials_without_payment_method", "disabled")
SYSTEM_DEFAULT = "enabled"
# What closes self-service buying to everybody in an organisation, whoever they are.
CLOSE_A_TENANT = frozenset(
    {"tenant_not_managed", "sector_excluded", "market_closed", "market_not_open_yet", "operator_exclusion"}
)


SYSTEM, PERSON, TENANT = Source(level="system"), Source(level="person"), Source(level="tenant")
CATALOGUE, PLAN = Source(level="catalogue"), Source(level="plan")


# Remembered, since a catalogue takes thousands of them. Bounded: sources are rows.
@lru_cache(maxsize=1024)
def passed(rule: str, source: Source = SYSTEM) -> Verdict:
    return Verdict(rule, True, source=source)


def failed(
    rule: str, code: str, source: Source = SYSTEM, *, remedy: Remedy = Remedy.NONE, **parameters: Any
) -> Verdict:
    return Verdict(
        rule=rule,
        passed=False,
        code=code,
        remedy=remedy,
        parameters=parameters,
        source=source,
    )


def is_a_member(facts: Facts) -> Verdict:
    if facts.guest:
        return failed("is_a_member", "guest_user", PERSON)
    return passed("is_a_member", PERSON)


def is_active(facts: Facts) -> Verdict:
    if not facts.active:
        return failed("is_active", "user_not_active", PERSON)
    return passed("is_active", PERSON)


def tenant_is_managed(facts: Circumstances) -> Verdict:
    if not facts.managed:
        return failed("tenant_is_managed", "tenant_not_managed", TENANT)
    return passed("tenant_is_managed", TENANT)


def sector_is_allowed(facts: Circumstances) -> Verdict:
    for row in facts.exclusions:
        if row.names_only_a_sector:
            return failed("sector_is_allowed", "sector_excluded", row.source, sector=facts.sector)
    return passed("sector_is_allowed")


def market_is_open(facts: Circumstances) -> Verdict:
    """Open from `opens_on` until the day before `closes_on`, on the tenant's own date."""
    market = facts.market
    if market is None:
        return failed("market_is_open", "market_closed", Source(level="market"), country=facts.country)
    source = market.source
    if market.closes_on is not None and market.closes_on <= facts.today:
        return failed("market_is_open", "market_closed", source, country=facts.country)
    if market.opens_on is not None and market.opens_on > facts.today:
        return failed("market_is_open", "market_not_open_yet", source, country=facts.country, opens_on=market.opens_on)
    return passed("market_is_open", source)


def nothing_excludes(facts: Circumstances) -> Verdict:
    for row in facts.exclusions:
        if not row.names_only_a_sector:
            return failed("nothing_excludes", "operator_exclusion", row.source)
    return passed("nothing_excludes")


def product_is_self_service(facts: Facts) -> Verdict:
    if not facts.self_service_product:
        return failed("product_is_self_service", "product_not_self_service", CATALOGUE)
    return passed("product_is_self_service", CATALOGUE)


def self_service_goes_on(facts: Facts) -> Verdict:
    if facts.stopped is not None:
        return failed("self_service_goes_on", "self_service_stopped", facts.stopped)
    return passed("self_service_goes_on")


def policy_allows(facts: Facts) -> Verdict:
    row = deciding_policy(facts.policies)
    left = facts.trial_offered and not facts.trial_used
    return said(row.value if row else SYSTEM_DEFAULT, row.source if row else SYSTEM, trial=facts.trial, left=left)


def said(value: str, source: Source, *, trial: bool, left: bool) -> Verdict:
    """What a policy value says to a purchase, or to a `trial` without a card; `left`: whether there is one to have."""
    if value == "disabled":
        return failed("policy_allows", "policy_disabled", source)
    if value == "only_trials_without_payment_method" and not trial:
        return failed("policy_allows", "policy_trials_only", source, remedy=Remedy.TRIAL if left else Remedy.NONE)
    if value == "approval_required" and not trial:
        return failed("policy_allows", "approval_required", source, remedy=Remedy.APPROVAL)
    return passed("policy_allows", source)


def trial_is_left(facts: Facts) -> Verdict:
    """Once per person, tenant and product; asked of trials alone."""
    if facts.trial and not facts.trial_offered:
        return failed("trial_is_left", "trial_not_offered", CATALOGUE)
    if facts.trial and facts.trial_used:
        return failed("trial_is_left", "trial_already_used", PERSON)
    return passed("trial_is_left")


def spend_is_within_limit(facts: Facts) -> Verdict:
    """Each limit that fits has room. One that refuses speaks before one that asks for approval."""
    if not facts.limits:
        return passed("spend_is_within_limit")
    over = [row for row in facts.limits if row.is_passed]
    for row in sorted(over, key=lambda row: row.mode != "hard"):
        return failed(
            "spend_is_within_limit",
            "spend_limit_exceeded" if row.comparable else "spend_limit_other_currency",
            row.source,
            remedy=Remedy.NONE if row.mode == "hard" else Remedy.APPROVAL,
            limit=row.amount,
            committed=row.committed,
            adds=row.adds,
            currency=row.currency,
        )
    return passed("spend_is_within_limit", facts.limits[0].source)


def somebody_can_approve(facts: Facts) -> Verdict:
    """Asked only where an approval is needed: the buyer's own does not count."""
    if facts.has_approver:
        return passed("somebody_can_approve", TENANT)
    if any(rule(facts).remedy is Remedy.APPROVAL for rule in (policy_allows, spend_is_within_limit)):
        return failed("somebody_can_approve", "no_approver", TENANT)
    return passed("somebody_can_approve", TENANT)


def quantity_is_in_range(facts: Facts) -> Verdict:
    if facts.quantity is not None and not facts.min_quantity <= facts.quantity <= facts.max_quantity:
        return failed(
            "quantity_is_in_range",
            "quantity_out_of_range",
            PLAN,
            quantity=facts.quantity,
            smallest=facts.min_quantity,
            largest=facts.max_quantity,
        )
    return passed("quantity_is_in_range", PLAN)


def plan_is_renewable(facts: RenewalFacts) -> Verdict:
    if not facts.plan_renewable:
        return failed("plan_is_renewable", "plan_not_renewable", PLAN)
    return passed("plan_is_renewable", PLAN)


RULES: tuple[Rule, ...] = (
    is_a_member,
    is_active,
    tenant_is_managed,
    sector_is_allowed,
    market_is_open,
    nothing_excludes,
    product_is_self_service,
    self_service_goes_on,
    policy_allows,
    trial_is_left,
    quantity_is_in_range,
    spend_is_within_limit,
    somebody_can_approve,
)


# Neither who the purchaser is by now nor what a policy says ends what was bought.
RENEWAL_RULES: tuple[RenewalRule, ...] = (
    tenant_is_managed,
    sector_is_allowed,
    market_is_open,
    nothing_excludes,
    plan_is_renewable,
)


def verdicts(facts: Facts) -> list[Verdict]:
    """Every rule's answer, in order: all that fail are named, not only the first."""
    return [rule(facts) for rule in RULES]


def renewal_verdicts(facts: RenewalFacts) -> list[Verdict]:
    """As `verdicts`, of the rules that a renewal is asked."""
    return [rule(facts) for rule in (RENEWAL_RULES if facts.self_service else (plan_is_renewable,))]


def outcome(answers: Sequence[Verdict]) -> str:
    """
    What all rules come to: `allowed`; `needs_approval` when an approval makes all that failed pass; `trial_only` when
    a trial without a card is what is left; else `refused`.
    """
    remedies = {verdict.remedy for verdict in answers if not verdict.passed}
    if not remedies:
        return "allowed"
    if Remedy.NONE in remedies:
        return "refused"
    return "trial_only" if Remedy.TRIAL in remedies else "needs_approval"


def deciding_policy(rows: Sequence[PolicyRow]) -> PolicyRow | None:
    """
    The row whose value holds: person, then group (the stricter of several), product, family, tenant default.

    Of one person's or one group's rows the narrowest decides: product before family before everything. Of two rows of
    the same breadth the one that holds for a time beats the standing one.
    """
    person = [row for row in rows if row.level == "person"]
    if person:
        return min(person, key=_narrowness)
    groups: dict[str, PolicyRow] = {}
    for row in rows:
        if row.level == "group" and (row.group not in groups or _narrowness(row) < _narrowness(groups[row.group])):
            groups[row.group] = row
    if groups:
        return max(groups.values(), key=lambda row: STRICTNESS.index(row.value))
    wider = [row for row in rows if row.level not in ("person", "group")]
    return min(wider, key=_narrowness, default=None)


def _narrowness(row: PolicyRow) -> tuple[int, bool]:
    return row.breadth, not row.for_a_time
