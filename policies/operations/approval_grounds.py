"""What asked for an approval: the policy or the spend limit, as it stood when somebody asked, for whoever decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from policies.eligibility import Answer
from policies.facts import Verdict
from policies.models import Approval, Policy, SpendLimit
from policies.models.limit import Period
from tenants.amounts import money


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One of them. `name` is of the department, person, product or family; none: it is the whole organisation's."""

    code: str
    level: str
    name: str = ""
    set_by: str = ""
    period: str = ""
    amount: Decimal | None = None
    committed: Decimal | None = None
    adds: Decimal | None = None
    currency: str = ""

    @property
    def of_whom(self) -> str:
        return self.name or _("the whole organisation")

    @property
    def title(self) -> str:
        if self.amount is None:
            return _("Product policy: needs approval")
        told = {"amount": money(self.amount, self.currency), "period": Period(self.period).label.lower()}
        return _("Spend limit: %(amount)s %(period)s") % told

    @property
    def detail(self) -> str:
        if self.amount is None:
            told = {"whom": self.of_whom, "who": self.set_by}
            said = _("Set for %(whom)s by %(who)s.") if self.set_by else _("Set for %(whom)s.")
            return said % told
        if self.code == "spend_limit_other_currency":
            return _("For %(whom)s. This costs another currency, so nobody can tell whether there is room.") % {
                "whom": self.of_whom
            }
        return _("For %(whom)s. When this was asked for, %(committed)s was taken; this adds %(adds)s.") % {
            "whom": self.of_whom,
            "committed": money(self.committed or Decimal(0), self.currency),
            "adds": money(self.adds or Decimal(0), self.currency),
        }


def to_keep(answer: Answer) -> list[dict[str, Any]]:
    """Of an answer that needs an approval, a query for each rule that asked for it."""
    return [_of_limit(verdict) if "limit" in verdict.parameters else _of_policy(verdict) for verdict in answer.failures]


def read(approval: Approval) -> Sequence[Ground]:
    return [_read(kept) for kept in approval.grounds]


def _read(kept: dict[str, Any]) -> Ground:
    amounts = {name: Decimal(kept[name]) for name in _AMOUNTS if name in kept}
    return Ground(**{**kept, **amounts})


_AMOUNTS = ("amount", "committed", "adds")


def _of_policy(verdict: Verdict) -> dict[str, Any]:
    row = Policy.objects.select_related("member__user", "department", "product", "family").get(pk=verdict.source.id)
    named = [str(one) for one in (row.member or row.department, row.product or row.family) if one]
    return {
        "code": verdict.code,
        "level": verdict.source.level,
        "name": ", ".join(named),
        "set_by": verdict.source.set_by,
    }


def _of_limit(verdict: Verdict) -> dict[str, Any]:
    row, told = SpendLimit.objects.with_scope().get(pk=verdict.source.id), verdict.parameters
    return {
        "code": verdict.code,
        "level": row.level,
        "name": str(row) if row.scope_id else "",
        "set_by": verdict.source.set_by,
        "period": row.period,
        "amount": str(told["limit"]),
        "committed": str(told["committed"]),
        "adds": str(told["adds"]),
        "currency": told["currency"],
    }
