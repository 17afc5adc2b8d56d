"""
Why it is so: each rule of a decision in order, in words, with the row it came from and what would make it pass.

The command, the API, the admin's page and the refusal page all tell what `explain` says here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from policies import reasons
from policies.eligibility import Answer
from policies.facts import Source, Verdict
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

    @property
    def set_at(self) -> datetime | None:
        return self.source.set_at

    @property
    def set_by(self) -> str:
        """Whom people read; nobody where nobody set it, or where the level says it."""
        source = self.source
        if source.set_by or source.set_at is None or source.level == "operator":
            return source.set_by
        return str(BY_COMMAND)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A decision, told."""

    outcome: str
    lines: Sequence[Line]
    reasons: Sequence[dict[str, str]]
    contact: dict[str, str]


def explain(answer: Answer, *, in_full: bool = True) -> Explanation:
    """Each rule in order. Without `in_full` neither the row's id nor who set it and when is told."""
    lines = [_line(verdict, answer.product.name) for verdict in answer.verdicts]
    return Explanation(
        outcome=answer.outcome,
        lines=lines if in_full else [_without_authors(line) for line in lines],
        reasons=answer.reasons,
        contact=answer.contact,
    )


def _line(verdict: Verdict, product: str) -> Line:
    return Line(
        rule=verdict.rule,
        title=reasons.title(verdict.rule),
        passed=verdict.passed,
        code=verdict.code,
        detail="" if verdict.passed else reasons.as_reason(verdict)["detail"],
        would_pass="" if verdict.passed else reasons.would_pass(verdict, product),
        source=verdict.source,
        came_from=_came_from(verdict.source),
    )


def _came_from(source: Source) -> str:
    words = LEVELS if source.id else {**LEVELS, **FACTS}
    return str(words.get(source.level, source.level))


def _without_authors(line: Line) -> Line:
    return Line(**{**vars(line), "source": Source(level=line.source.level)})
