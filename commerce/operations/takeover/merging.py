"""
Several purchases of one product merged into one central subscription, and so with one end date: seats that it lacks
are bought first, for the rest of its term, and then the people of each are moved, each done or not by itself: few while
whoever asked waits, more as a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from django.utils.translation import gettext_lazy as _

from commerce.models import Order, OrderState, TakeOver, TakeOverMode
from commerce.operations.changes import adding, quantity, quotes
from commerce.operations.changes.quotes import ChangedSincePreview, Quote
from commerce.operations.takeover import previewing, starting, surveying
from commerce.operations.takeover.previewing import Wish
from commerce.operations.takeover.surveying import Each
from licensing.models import Subscription
from policies.operations.acknowledgements import NOTHING_READ, Read
from tenants.access import Actor
from tenants.refusal import BadInput, Refused
from tenants.runs import operations as runs
from tenants.runs.models import Run

MOST_AT_ONCE = 200
# The deed of the run, see `commerce.deeds.take_overs`.
MERGE = "commerce.merge"


@dataclass(frozen=True, kw_only=True)
class Merged:
    """One of them: what moving its people does, the take-over once it is done, or why it stays as it is."""

    subscription: Subscription
    preview: Each | None = None
    take_over: TakeOver | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, kw_only=True)
class Merger:
    """
    All of them. They end with `target`; `room` is what the seats cost that it lacks, `order` their order. Where they
    are many, `run` moves their people, and `each` is empty.
    """

    target: Subscription
    each: tuple[Merged, ...]
    missing: int
    room: Quote | None
    order: Order | None = None
    run: Run | None = None
    as_of: datetime

    @property
    def refunds(self) -> dict[str, Decimal]:
        """What goes back once all are settled, by currency."""
        sums: dict[str, Decimal] = {}
        for told in (one.preview for one in self.each if one.preview is not None):
            sums[told.currency] = sums.get(told.currency, Decimal(0)) + told.back
        return sums

    @property
    def waits(self) -> bool:
        """The seats are not paid yet, so nobody was moved."""
        return self.order is not None and self.order.state == OrderState.PENDING

    @property
    def goes_on(self) -> bool:
        """People are moved in the background."""
        return self.run is not None and self.run.finished_at is None


def preview(
    *,
    target: Subscription,
    others: Sequence[Subscription],
    as_of: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Merger:
    """
    What `merge` would do; changes nothing.

    :raises: as `merge`, for the target and the seats that it lacks; what is wrong with another one is told with it
    """
    moment = quotes.moment(as_of, at=at)
    _require_sensible(target, others, by=by)
    each = tuple(_previewed(one) for one in _surveyed(others, target, by=by, at=moment))
    missing = _missing(target, each)
    told = None
    if missing:
        told = quantity.preview(subscription=target, quantity=target.quantity + missing, as_of=as_of, by=by, at=at)
    return Merger(target=target, each=each, missing=missing, room=told, as_of=moment)


def merge(
    *,
    target: Subscription,
    others: Sequence[Subscription],
    reason: str = "",
    payment_method: str = "",
    as_of: datetime | None = None,
    expecting: Decimal | None = None,
    acknowledge: Read = NOTHING_READ,
    return_url: str,
    key: UUID,
    by: Actor,
    at: datetime,
) -> Merger:
    """
    Buy the seats that the target lacks, by what pays for it or a card that is named, and move the people of the others
    to it: above 50 of them in the background. `expecting`: what those seats cost in a preview. The same `key` again
    finds what was done the first time. While the seats wait for their cardholder nobody is moved: call it again after
    that. Outside any transaction.

    :raises NotAllowed: somebody who may not take over what others bought, or buy for the tenant
    :raises BadInput: none, too many, or one is named twice; or the preview is too old
    :raises: as `quantity.change`, of the seats that it lacks
    """
    moment = quotes.moment(as_of, at=at)
    _require_sensible(target, others, by=by)
    order = make_room(
        target=target,
        others=others,
        payment_method=payment_method,
        as_of=as_of,
        expecting=expecting,
        acknowledge=acknowledge,
        return_url=return_url,
        key=key,
        by=by,
        at=at,
    )
    if order is not None and order.state == OrderState.PENDING:
        return Merger(target=target, each=(), missing=0, room=None, order=order, as_of=moment)
    each: tuple[Merged, ...] = ()
    run = None
    if len(others) > runs.DONE_AT_ONCE:
        run = move(target=target, others=others, reason=reason, as_of=moment, key=key, by=by, at=at)
    else:
        each = tuple(_moved(one, target, reason=reason, as_of=as_of, key=key, by=by, at=at) for one in others)
    fresh = Subscription.objects.with_people().get(pk=target.pk)
    return Merger(target=fresh, each=each, missing=0, room=None, order=order, run=run, as_of=moment)


def move(
    *,
    target: Subscription,
    others: Sequence[Subscription],
    reason: str,
    as_of: datetime,
    key: UUID,
    by: Actor,
    at: datetime,
) -> Run:
    """
    The second step as a run, once there is room: what goes back of each is counted from `as_of` on, whenever its turn
    comes.

    :raises: as `tenants.runs.operations.start`. :raises BadInput: the preview is too old
    """
    shown = {"as_of": quotes.moment(as_of, at=at).isoformat(), "asked_at": at.isoformat()}
    given = {"target_subscription": str(target.pk), "reason": reason, **shown}
    return runs.start(deed=MERGE, subjects=[one.pk for one in others], given=given, by=by, at=at, id=key)


def make_room(
    *,
    target: Subscription,
    others: Sequence[Subscription],
    payment_method: str = "",
    as_of: datetime | None = None,
    expecting: Decimal | None = None,
    acknowledge: Read = NOTHING_READ,
    return_url: str,
    key: UUID,
    by: Actor,
    at: datetime,
) -> Order | None:
    """The first step alone, for a run that moves the people. None: it has room. :raises: as `merge`"""
    order_id = uuid5(key, f"room-{target.pk}")
    placed = Order.objects.filter(subscription=target, pk=order_id).first()
    if placed is not None and placed.state != OrderState.CANCELED:
        return placed
    told = preview(target=target, others=others, as_of=as_of, by=by, at=at)
    if not told.missing:
        if expecting:
            raise ChangedSincePreview
        return None
    _quote, order = adding.add(
        subscription=target,
        quantity=target.quantity + told.missing,
        payment_method=payment_method,
        as_of=told.as_of,
        shown=as_of is not None,
        expecting=expecting,
        return_url=return_url,
        order_id=order_id,
        acknowledge=acknowledge,
        by=by,
        at=at,
    )
    return order


def _require_sensible(target: Subscription, others: Sequence[Subscription], *, by: Actor) -> None:
    previewing.require_taker(target, by)
    keys = [one.pk for one in others]
    if not keys or len(set(keys)) != len(keys):
        raise BadInput(_("Name each of them once."), field="with", code="repeated" if keys else "required")
    if len(keys) > MOST_AT_ONCE:
        said = _("Name at most %(most)s at a time.") % {"most": MOST_AT_ONCE}
        raise BadInput(said, field="with", code="max_length")
    for one in others:
        previewing.require_taker(one, by)


def _surveyed(others: Sequence[Subscription], target: Subscription, *, by: Actor, at: datetime) -> list[Each]:
    wish = Wish(mode=TakeOverMode.MOVE, target=target)
    return surveying.survey(subscriptions=others, wish=wish, room=False, by=by, at=at)


def _previewed(told: Each) -> Merged:
    if told.refusal is not None:
        return Merged(subscription=told.subscription, refusal=told.refusal)
    return Merged(subscription=told.subscription, preview=told)


def _missing(target: Subscription, each: Sequence[Merged]) -> int:
    """Seats for everybody who has none of the organisation's yet; who is in two of them is given one."""
    given = sum(one.preview.given for one in each if one.preview is not None)
    return max(given - target.seats_free, 0)


def _moved(
    one: Subscription,
    target: Subscription,
    *,
    reason: str,
    as_of: datetime | None,
    key: UUID,
    by: Actor,
    at: datetime,
) -> Merged:
    wish = Wish(mode=TakeOverMode.MOVE, target=target, reason=reason)
    try:
        made = starting.take_over(
            subscription=one, wish=wish, as_of=as_of, take_over_id=uuid5(key, str(one.pk)), by=by, at=at
        )
    except Refused as refusal:
        return Merged(subscription=one, refusal=refusal)
    return Merged(subscription=one, take_over=made)
