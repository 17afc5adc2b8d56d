"""Of take-overs: begun, merged, settled and undone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from commerce.deeds.purchases import on_day, purchase
from commerce.models import Agreement, PaymentMethod, TakeOver, TakeOverMode
from commerce.operations.leaving.adoption import Payer
from commerce.operations.takeover import merging, settling, starting, undoing
from commerce.operations.takeover.previewing import Wish
from licensing.models import Subscription
from tenants.access import Actor, Right
from tenants.refusal import Refused
from tenants.runs.deeds import deed

TAKE_OVER = "commerce.take_over"
MERGE = merging.MERGE
SETTLE_TAKE_OVER = "commerce.settle_take_over"
UNDO_TAKE_OVER = "commerce.undo_take_over"


class NoSuchTakeOver(Refused):
    message = _("There is no such take-over, or you may not see it.")


@deed(TAKE_OVER, title=_("Take over"), right=Right.END_PURCHASES_OF_OTHERS)
def take_over(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    made = _started(subject, wish_of(given, by), given, by=by, at=at)
    return on_day(_("Taken over; settled on %(day)s, unless it is undone."), made.settles_at)


@deed(MERGE, title=_("Merge into one central subscription"), right=Right.END_PURCHASES_OF_OTHERS)
def merge(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    wish = wish_of({**given, "mode": TakeOverMode.MOVE}, by)
    _started(subject, wish, given, by=by, at=at)
    return str(_("Its people are moved."))


def _started(subject: str, wish: Wish, given: Mapping[str, Any], *, by: Actor, at: datetime) -> TakeOver:
    return starting.start(
        subscription=purchase(subject, by),
        wish=wish,
        as_of=moment_in(given, "as_of"),
        asked_at=moment_in(given, "asked_at"),
        by=by,
        at=at,
    )


@deed(SETTLE_TAKE_OVER, title=_("Settle now"), right=Right.END_PURCHASES_OF_OTHERS)
def settle_take_over(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    settled, _back = settling.settle_rows(take_over=taken_over(subject, by), by=by, at=at)
    return str(_("The organisation's card is charged first.") if settled.is_open else _("Settled."))


@deed(UNDO_TAKE_OVER, title=_("Undo"), right=Right.END_PURCHASES_OF_OTHERS)
def undo_take_over(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    undoing.undo(take_over=taken_over(subject, by), by=by, at=at)
    return str(_("It is as it was."))


def moment_in(given: Mapping[str, Any], name: str) -> datetime | None:
    """
    `as_of`: when the money was shown; `asked_at`: when somebody then asked for it. What they saw is what goes back,
    however late its turn comes. None of runs from before this was kept.
    """
    return datetime.fromisoformat(given[name]) if given.get(name) else None


def taken_over(subject: str, by: Actor) -> TakeOver:
    """:raises NoSuchTakeOver: none of what the person may see"""
    seen = Subscription.objects.visible_to(by)
    found = TakeOver.objects.with_people().filter(pk=subject, subscription__in=seen).first()
    if found is None:
        raise NoSuchTakeOver
    return found


def wish_of(given: Mapping[str, Any], by: Actor) -> Wish:
    """
    From plain values: `mode`, `target_subscription`, `pays` (the id of an agreement or a card of the organisation),
    `reimburse`, `reason`; what does not go with the mode counts for nothing.
    """
    mode, target, payer = given.get("mode", ""), given.get("target_subscription"), given.get("pays")
    adopts = mode == TakeOverMode.ADOPT
    return Wish(
        mode=mode,
        target=_target(str(target), by) if target and mode == TakeOverMode.MOVE else None,
        payer=_payer(str(payer), by) if payer and adopts else None,
        reimburse=bool(given.get("reimburse")) and adopts,
        reason=given.get("reason", ""),
    )


def _target(pk: str, by: Actor) -> Subscription | None:
    return Subscription.objects.visible_to(by).select_related("tenant", "plan__product").filter(pk=pk).first()


def _payer(pk: str, by: Actor) -> Payer:
    agreement = Agreement.objects.of(by.organisation).filter(pk=pk).first()
    card = PaymentMethod.objects.usable_by(by).filter(pk=pk, member=None).first()
    return Payer(agreement=agreement, card=None if agreement else card)
