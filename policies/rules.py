"""
Who may buy: each rule of eligibility as a pure function over facts. Nothing here asks a database or a clock.

A rule answers with a verdict: passed or failed, the code of the failure, its parameters, and the row that decided.
The sentences for codes live in `policies.reasons`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a verdict came from: the level, the row's id, who set it and when."""

    level: str
    id: str = ""
    set_by: str = ""
    set_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One rule's answer. `code` is empty when it passed."""

    rule: str
    passed: bool
    code: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    source: Source = Source(level="system")


@dataclass(frozen=True, kw_only=True)
class MarketRow:
    """The row that decides for the product's family in the tenant's country."""

    id: str
    opens_on: date | None
    closes_on: date | None


@dataclass(frozen=True, kw_only=True)
class ExclusionRow:
    """An operator's exclusion that fits tenant, product and day."""

    id: str
    names_only_a_sector: bool
    set_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyRow:
    """
    A policy value that a tenant has set.

    `level` is person, group, product, family or tenant; `group` tells several groups apart; `breadth` is 0 for a
    product, 1 for a family, 2 for everything.
    """

    level: str
    breadth: int
    value: str
    source: Source
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a decision needs, gathered by `policies.eligibility` in a fixed number of queries."""

    guest: bool
    active: bool
    managed: bool
    sector: str
    country: str
    today: date
    market: MarketRow | None
    exclusions: Sequence[ExclusionRow]
    self_service_product: bool
    stopped: Source | None
    policies: Sequence[PolicyRow]
    quantity: int | None
    min_quantity: int
    max_quantity: int


Rule = Callable[[Facts], Verdict]

# From the loosest to the strictest value.
STRICTNESS = ("enabled", "only_trials_without_payment_method", "disabled")
SYSTEM_DEFAULT = "enabled"
# What closes self-service buying to everybody in an organisation, whoever they are.
CLOSE_A_TENANT = frozenset(
    {"tenant_not_managed", "sector_excluded", "market_closed", "market_not_open_yet", "operator_exclusion"}
)


def passed(rule: str, source: Source | None = None) -> Verdict:
    return Verdict(rule=rule, passed=True, source=source or Source(level="system"))


def failed(rule: str, code: str, source: Source | None = None, **parameters: Any) -> Verdict:
    return Verdict(rule=rule, passed=False, code=code, parameters=parameters, source=source or Source(level="system"))


def is_a_member(facts: Facts) -> Verdict:
    if facts.guest:
        return failed("is_a_member", "guest_user", Source(level="person"))
    return passed("is_a_member", Source(level="person"))


def is_active(facts: Facts) -> Verdict:
    if not facts.active:
        return failed("is_active", "user_not_active", Source(level="person"))
    return passed("is_active", Source(level="person"))


def tenant_is_managed(facts: Facts) -> Verdict:
    if not facts.managed:
        return failed("tenant_is_managed", "tenant_not_managed", Source(level="tenant"))
    return passed("tenant_is_managed", Source(level="tenant"))


def sector_is_allowed(facts: Facts) -> Verdict:
    for row in facts.exclusions:
        if row.names_only_a_sector:
            source = Source(level="operator", id=row.id, set_at=row.set_at)
            return failed("sector_is_allowed", "sector_excluded", source, sector=facts.sector)
    return passed("sector_is_allowed")


def market_is_open(facts: Facts) -> Verdict:
    """Open from `opens_on` until the day before `closes_on`, on the tenant's own date."""
    market = facts.market
    if market is None:
        return failed("market_is_open", "market_closed", Source(level="market"), country=facts.country)
    source = Source(level="market", id=market.id)
    if market.closes_on is not None and market.closes_on <= facts.today:
        return failed("market_is_open", "market_closed", source, country=facts.country)
    if market.opens_on is not None and market.opens_on > facts.today:
        return failed("market_is_open", "market_not_open_yet", source, country=facts.country, opens_on=market.opens_on)
    return passed("market_is_open", source)


def nothing_excludes(facts: Facts) -> Verdict:
    for row in facts.exclusions:
        if not row.names_only_a_sector:
            return failed(
                "nothing_excludes", "operator_exclusion", Source(level="operator", id=row.id, set_at=row.set_at)
            )
    return passed("nothing_excludes")


def product_is_self_service(facts: Facts) -> Verdict:
    if not facts.self_service_product:
        return failed("product_is_self_service", "product_not_self_service", Source(level="catalogue"))
    return passed("product_is_self_service", Source(level="catalogue"))


def self_service_goes_on(facts: Facts) -> Verdict:
    if facts.stopped is not None:
        return failed("self_service_goes_on", "self_service_stopped", facts.stopped)
    return passed("self_service_goes_on")


def policy_allows(facts: Facts) -> Verdict:
    row = deciding_policy(facts.policies)
    value = row.value if row else SYSTEM_DEFAULT
    source = row.source if row else Source(level="system")
    if value == "disabled":
        return failed("policy_allows", "policy_disabled", source)
    if value == "only_trials_without_payment_method":
        return failed("policy_allows", "policy_trials_only", source)
    return passed("policy_allows", source)


def quantity_is_in_range(facts: Facts) -> Verdict:
    if facts.quantity is not None and not facts.min_quantity <= facts.quantity <= facts.max_quantity:
        return failed(
            "quantity_is_in_range",
            "quantity_out_of_range",
            Source(level="plan"),
            quantity=facts.quantity,
            smallest=facts.min_quantity,
            largest=facts.max_quantity,
        )
    return passed("quantity_is_in_range", Source(level="plan"))


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
    quantity_is_in_range,
)


def verdicts(facts: Facts) -> list[Verdict]:
    """Every rule's answer, in order: all that fail are named, not only the first."""
    return [rule(facts) for rule in RULES]


def deciding_policy(rows: Sequence[PolicyRow]) -> PolicyRow | None:
    """
    The row whose value holds: person, then group (the stricter of several), product, family, tenant default.

    Of one person's or one group's rows the narrowest decides: product before family before everything.
    """
    person = [row for row in rows if row.level == "person"]
    if person:
        return min(person, key=lambda row: row.breadth)
    groups: dict[str, PolicyRow] = {}
    for row in rows:
        if row.level == "group" and (row.group not in groups or row.breadth < groups[row.group].breadth):
            groups[row.group] = row
    if groups:
        return max(groups.values(), key=lambda row: STRICTNESS.index(row.value))
    wider = [row for row in rows if row.level not in ("person", "group")]
    return min(wider, key=lambda row: row.breadth, default=None)
