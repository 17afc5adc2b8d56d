"""
Why it is so: each rule of a decision in order, in words, with the row it came from and what would make it pass.

The command, the API, the admin's page and the refusal page all tell what `explain` says here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from licensing.models import Plan, Product
from policies import costs, eligibility, reasons
from policies.costs import Asked
from policies.eligibility import Answer
from policies.facts import Source, Verdict
from tenants.amounts import money
from tenants.directory.models import Membership
from tenants.procurement import BY_COMMAND

LEVELS: dict[str, str | Promise] = {
    "catalogue": _("The catalogue"),
    "department": _("Said for the person's department"),
    "family": _("Said for its family"),
    "group": _("Said for the person's department"),
    "market": _("The markets"),
    "member": _("Said for this person"),
    "operator": _("The operator"),
    "person": _("Said for this person"),
    "plan": _("The plan"),
    "product": _("Said for this product"),
    "stop": _("The organisation's stop switch"),
    "system": _("Nobody has said otherwise"),
    "tenant": _("Said for the whole organisation"),
}
# Of these levels a row speaks of one person alone.
PERSONAL = ("person", "member")
NOTHING_ASKED = Asked()
# Of these levels a verdict without a row tells what somebody or something is, not what was said.
FACTS: dict[str, str | Promise] = {"person": _("The person's account"), "tenant": _("The organisation")}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One rule: what it asks, how it came out, why, what decided, and what would make it pass."""

    rule: str
    title: str
    passed: bool
    code: str
    detail: str
    would_pass: str
    source: Source
    came_from: str
    # Whom people read; nobody where nobody set it, where the level says it, or where it is not for the reader.
    set_by: str

    @property
    def set_at(self) -> datetime | None:
        return self.source.set_at


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A decision, told."""

    asked: Asked
    outcome: str
    lines: Sequence[Line]
    reasons: Sequence[dict[str, str]]
    contact: dict[str, str]


def ask(
    member: Membership, product: Product, *, plan: Plan | None = None, quantity: int | None = None, at: datetime
) -> tuple[Asked, Answer]:
    """
    What a checkout would say, with what it would cost: of that plan and quantity, else of the cheapest that there is.
    """
    asked = costs.of_purchase(product, plan=plan, quantity=quantity, tenant=member.tenant, at=at)
    answer = eligibility.decide(
        member, product, plan=asked.plan, quantity=asked.quantity, proposal=asked.proposal, at=at
    )
    return asked, answer


def in_words(asked: Asked) -> str:
    """What was asked about: a plan, how many seats and what they would cost."""
    if asked.plan is None or asked.quantity is None:
        return str(_("Without a price: it has none in this market."))
    told = {"plan": asked.plan, "count": asked.quantity}
    seats = ngettext("%(plan)s, %(count)s seat", "%(plan)s, %(count)s seats", asked.quantity) % told
    proposal = asked.proposal
    if proposal is None:
        return seats
    return f"{seats}: {money(proposal.amount, proposal.currency)}"


def explain(answer: Answer, *, asked: Asked = NOTHING_ASKED, in_full: bool) -> Explanation:
    """
    Each rule in order. `in_full` is for whoever may read policies: others are told the level and when it was set, but
    neither who set it nor which row it is.
    """
    lines = [_line(verdict, answer.product.name, in_full=in_full) for verdict in answer.verdicts]
    return Explanation(
        asked=asked,
        outcome=answer.outcome,
        lines=lines if in_full else [_without_authors(line) for line in lines],
        reasons=answer.reasons,
        contact=answer.contact,
    )


def _line(verdict: Verdict, product: str, *, in_full: bool) -> Line:
    detail = "" if verdict.passed else reasons.as_reason(verdict)["detail"]
    # What others spend is not for every buyer's eyes; a limit of one's own is.
    knows = in_full or verdict.source.level in PERSONAL
    return Line(
        rule=verdict.rule,
        title=reasons.title(verdict.rule),
        passed=verdict.passed,
        code=verdict.code,
        detail=f"{detail} {_figures(verdict) if knows else ''}".strip(),
        would_pass="" if verdict.passed else reasons.would_pass(verdict, product),
        source=verdict.source,
        came_from=_came_from(verdict.source),
        set_by=_author(verdict.source),
    )


def _figures(verdict: Verdict) -> str:
    """What a limit weighed: its own amount, what is spoken for, and what this adds."""
    told = verdict.parameters
    if verdict.code != "spend_limit_exceeded":
        return ""
    figures = {name: money(told[name], told["currency"]) for name in ("limit", "committed", "adds")}
    return str(_("The limit is %(limit)s, of which %(committed)s is taken; this adds %(adds)s.") % figures)


def _came_from(source: Source) -> str:
    words = LEVELS if source.id else {**LEVELS, **FACTS}
    return str(words.get(source.level, source.level))


def _author(source: Source) -> str:
    if source.set_by or source.set_at is None or source.level == "operator":
        return source.set_by
    return str(BY_COMMAND)


def _without_authors(line: Line) -> Line:
    return replace(line, source=Source(level=line.source.level, set_at=line.source.set_at), set_by="")
