"""Taking over many purchases at once: how, and what would come of each, with its money."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.admin.purchase_facts import said
from commerce.admin.take_over_forms import TakeOverForm, targets_of
from commerce.deeds.take_overs import SETTLE_TAKE_OVER, TAKE_OVER, UNDO_TAKE_OVER, wish_of
from commerce.models import Purchase, TakeOver, TakeOverMode, TakeOverState
from commerce.operations.takeover import settling, surveying, undoing
from commerce.operations.takeover.previewing import Wish
from commerce.operations.takeover.surveying import Each, Settlement
from tenants.access import Actor
from tenants.bulk_actions import Amount, BulkAction, PreviewLine

BACK = gettext_lazy("goes back to who paid, when it is settled")
CHARGED = gettext_lazy("the organisation pays for the rest of the term")


def _form(actor: Actor, data: Any = None) -> TakeOverForm:
    return TakeOverForm(actor, data, targets=targets_of(actor.organisation))


def _preview(rows: Sequence[Purchase], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    wish = wish_of(given, by)
    told = surveying.survey(subscriptions=rows, wish=wish, by=by, at=at)
    return [_line(each, wish) for each in told]


def _line(each: Each, wish: Wish) -> PreviewLine:
    text, key = said(each.subscription), str(each.subscription.pk)
    if each.refusal is not None:
        return PreviewLine(subject=key, text=text, refused=str(each.refusal))
    return PreviewLine(subject=key, text=text, outcome=outcome(each, wish), money=amounts_of(each))


def outcome(each: Each, wish: Wish) -> str:
    if wish.mode == TakeOverMode.ADOPT:
        return _("The organisation's own. Everybody keeps their seat.")
    if wish.mode == TakeOverMode.CANCEL:
        text = ngettext("Ends at once; %(count)s loses access.", "Ends at once; %(count)s lose access.", each.losing)
        return text % {"count": each.losing}
    text = ngettext("%(count)s person goes on centrally", "%(count)s people go on centrally", each.moved)
    seats = ngettext("%(count)s central seat is taken.", "%(count)s central seats are taken.", each.given)
    return f"{text % {'count': each.moved}}; {seats % {'count': each.given}}"


def amounts_of(each: Each | Settlement, *, back: str | Promise = BACK) -> list[Amount]:
    found: list[tuple[str | Promise, Decimal]] = [(back, each.back), (CHARGED, each.charge)]
    return [
        Amount(label=label, amount=amount, currency=each.currency)
        for label, amount in found
        if amount and each.currency
    ]


TAKES_OVER = BulkAction(
    deed=TAKE_OVER,
    intro=gettext_lazy(
        "Access and control change at once; money follows when it is settled, a week later or when you say so. Until "
        "then each can be undone. Whoever bought them is told."
    ),
    preview=_preview,
    form_for=_form,
    as_shown=True,
)


# --- Those that are under way


def _settled(rows: Sequence[TakeOver], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    then, moved = _("Settled: it cannot be undone any more."), surveying.settlements(rows, at=at)
    return [
        _standing(row, TakeOverState.UNDONE, str(settling.TakeOverUndone()), then, money=_moved(moved.get(row.pk)))
        for row in rows
    ]


def _undone(rows: Sequence[TakeOver], given: Mapping[str, Any], by: Actor, at: datetime) -> Sequence[PreviewLine]:
    then = _("It is as it was, if the seats are still free for its people.")
    return [_standing(row, TakeOverState.SETTLED, str(undoing.TakeOverSettled()), then) for row in rows]


def _standing(
    row: TakeOver, wrong: TakeOverState, refused: str, then: str, *, money: Sequence[Amount] = ()
) -> PreviewLine:
    text = said(row.subscription)
    if row.state == wrong:
        return PreviewLine(subject=str(row.pk), text=text, refused=refused)
    if not row.is_open:
        return PreviewLine(subject=str(row.pk), text=text, unchanged=_("It is so already."))
    return PreviewLine(subject=str(row.pk), text=text, outcome=then, money=money)


def _moved(found: Settlement | None) -> list[Amount]:
    return amounts_of(found, back=gettext_lazy("goes back to who paid")) if found else []


TAKE_OVERS = [
    BulkAction(
        deed=SETTLE_TAKE_OVER,
        intro=gettext_lazy("What is not used goes back, and what was moved or ended is deleted for good."),
        preview=_settled,
    ),
    BulkAction(
        deed=UNDO_TAKE_OVER,
        intro=gettext_lazy("Each goes back to whose it was, with what paid for it, and its people to their seats."),
        preview=_undone,
    ),
]
