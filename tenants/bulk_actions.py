"""What a list offers to do with many of its rows, and what its page shows before anything is done."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from tenants.access import Actor
from tenants.procurement_form import ReasonForm
from tenants.runs import operations as runs
from tenants.runs.deeds import deed_named
from tenants.shown import read_back, sign

# How many lines of a preview stand on its page; its sums are those of all.
SHOWN = 200
# What somebody writes to others changes nothing of what would come of it: it is asked for beside the last button.
WORDS = ("message", "reason")
SALT = "bulk action that was shown"


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Money that would move, and what for: "goes back to the purchaser"."""

    label: str | Promise
    amount: Decimal
    currency: str


@dataclass(frozen=True, kw_only=True)
class PreviewLine:
    """What would come of one row. `unchanged` says that it is so already, `refused` why it would not be done."""

    subject: str
    text: str
    outcome: str | Promise = ""
    money: Sequence[Amount] = ()
    unchanged: str | Promise = ""
    refused: str | Promise = ""


class NothingChanges(Exception):
    """What is reckoned for a row's line finds that it is so already; says how it is."""


Preview = Callable[[Sequence[Any], Mapping[str, Any], Actor, datetime], Sequence[PreviewLine]]


def only_a_reason(actor: Actor, data: Any = None) -> forms.Form:
    return ReasonForm(data)


@dataclass(frozen=True, kw_only=True)
class BulkAction:
    """
    A deed (see `tenants.runs.deeds`) as a list offers it to whoever has its right. `form_for` asks for what the deed is
    given, a reason or message with it; `preview` tells what would come of the chosen rows, in a fixed number of
    queries, and changes nothing. `as_shown`: its money depends on the moment, so the deed is given when it was shown
    (`as_of`) and when somebody then pressed the button (`asked_at`).
    """

    deed: str
    intro: str | Promise
    preview: Preview
    form_for: Callable[..., forms.Form] = only_a_reason
    as_shown: bool = False
    label: str | Promise = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", deed_named(self.deed).title)

    def is_for(self, actor: Actor) -> bool:
        right = deed_named(self.deed).right
        return actor.tenant is not None and right is not None and actor.may(right)


def summed(action: BulkAction, lines: Sequence[PreviewLine]) -> dict[str, Any]:
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        for each in line.money:
            sums[str(each.label), each.currency] += each.amount
    done = [line for line in lines if not line.refused and not line.unchanged]
    unchanged = [line for line in lines if line.unchanged]
    refused = [line for line in lines if line.refused]
    return {
        "done": done[:SHOWN],
        "unchanged": unchanged[:SHOWN],
        "refused": refused[:SHOWN],
        "done_count": len(done),
        "unchanged_count": len(unchanged),
        "refused_count": len(refused),
        "with_money": any(line.money for line in done),
        "sums": [{"label": label, "amount": total, "currency": code} for (label, code), total in sorted(sums.items())],
        "more": max(len(done) - SHOWN, 0),
        "more_unchanged": max(len(unchanged) - SHOWN, 0),
        "more_refused": max(len(refused) - SHOWN, 0),
        "in_background": len(lines) > runs.DONE_AT_ONCE,
        "button": _("%(action)s (%(count)s)") % {"action": action.label, "count": len(done)},
    }


def beginning(form: forms.Form) -> dict[str, Any]:
    """What stands in a form before anybody has typed."""
    values = {name: form.get_initial_for_field(each, name) for name, each in form.fields.items()}
    return {form.add_prefix(name): value for name, value in values.items() if value is not None}


def given_of(form: forms.Form) -> dict[str, Any]:
    """Plain values of what was typed, without the words to others."""
    cleaned = getattr(form, "cleaned_data", {})
    return {name: _plain(value) for name, value in cleaned.items() if name not in WORDS}


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return [_plain(each) for each in value] if isinstance(value, (list, tuple, set)) else value


def mark_of(actor: Actor, action: BulkAction, rows: Sequence[Model], given: Mapping[str, Any]) -> str:
    """What a page was asked for, in short: nothing else may be done by its button."""
    tenant = actor.tenant.pk if actor.tenant else ""
    said = [str(actor.user and actor.user.pk), str(tenant), action.deed, *sorted(f"{k}={v}" for k, v in given.items())]
    return sha256("\n".join([*said, *(str(row.pk) for row in rows)]).encode()).hexdigest()


def outcome_of(lines: Sequence[PreviewLine]) -> str:
    """What a page has said would come of it, in short: with its money, and why nothing comes of some."""
    told = []
    for line in lines:
        money = [f"{each.amount} {each.currency}" for each in line.money]
        told.append("|".join([line.subject, str(line.outcome), str(line.unchanged), str(line.refused), *money]))
    return sha256("\n".join(told).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A preview that somebody has seen: of what, what would come of it, at which moment, and the run it leads to."""

    run_id: UUID
    mark: str
    outcome: str
    at: datetime


def sign_shown(shown: Shown) -> str:
    """With the id of the run that its button starts, so that pressing it twice starts one."""
    return sign(shown, SALT)


def what_was_shown(signed: str) -> Shown | None:
    return read_back(Shown, signed, SALT)
