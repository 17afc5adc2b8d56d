"""
What a decision is made of, and what it answers: rows as plain values, the facts over them, verdicts. Pure: no Django.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple


class Source(NamedTuple):
    """Where a verdict came from: the level, the row's id, who set it and when."""

    level: str
    id: str = ""
    set_by: str = ""
    set_at: datetime | None = None


class Remedy(StrEnum):
    """What makes a failed rule pass without that anybody changes a rule."""

    NONE = ""
    APPROVAL = "approval"
    TRIAL = "trial"


NOTHING: Mapping[str, Any] = MappingProxyType({})


# A tuple, since a catalogue takes thousands of them.
class Verdict(NamedTuple):
    """One rule's answer. `code` is empty when it passed."""

    rule: str
    passed: bool
    code: str = ""
    remedy: Remedy = Remedy.NONE
    parameters: Mapping[str, Any] = NOTHING
    source: Source = Source(level="system")


@dataclass(frozen=True, kw_only=True)
class MarketRow:
    """The row that decides for the product's family in the tenant's country."""

    id: str
    opens_on: date | None
    closes_on: date | None

    @cached_property
    def source(self) -> Source:
        return Source(level="market", id=self.id)


@dataclass(frozen=True, kw_only=True)
class ExclusionRow:
    """An operator's exclusion that fits tenant, product and day."""

    id: str
    names_only_a_sector: bool
    set_at: datetime | None = None

    @property
    def source(self) -> Source:
        # Which of the operator's people said it is for operators to know.
        return Source(level="operator", id=self.id, set_at=self.set_at)


# A tuple as well: a tenant may have said something about each of hundreds of products.
class PolicyRow(NamedTuple):
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
    for_a_time: bool = False


@dataclass(frozen=True, kw_only=True)
class LimitRow:
    """
    A spend limit that a purchase counts towards, and what it has taken and would take of it in the limit's present
    period: amounts in `currency`, the limit's own. `adds` is the purchase with its renewals in that period.
    """

    id: str
    mode: str
    amount: Decimal
    committed: Decimal
    adds: Decimal
    currency: str
    source: Source
    # Whether what is bought has the limit's currency.
    comparable: bool = True

    @property
    def is_passed(self) -> bool:
        return not self.comparable or self.committed + self.adds > self.amount


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is true of a tenant on a day, for the family and product that is asked about."""

    managed: bool
    sector: str
    country: str
    today: date
    market: MarketRow | None
    exclusions: Sequence[ExclusionRow]


@dataclass(frozen=True, kw_only=True)
class RenewalFacts(Circumstances):
    """All that a renewal asks for; of exclusions only those whose row says that they end renewals."""

    plan_renewable: bool
    # What was bought centrally, or by a partner, was never asked the rules of self-service.
    self_service: bool = True


@dataclass(frozen=True, kw_only=True)
class Facts(Circumstances):
    """All that a decision needs, gathered by `policies.ground` in a fixed number of queries."""

    guest: bool
    active: bool
    self_service_product: bool
    stopped: Source | None
    policies: Sequence[PolicyRow]
    quantity: int | None
    min_quantity: int
    max_quantity: int
    # Whether a trial without a card is asked for, not a purchase.
    trial: bool = False
    trial_offered: bool = False
    trial_used: bool = False
    has_approver: bool = True
    limits: Sequence[LimitRow] = ()
