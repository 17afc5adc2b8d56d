"""A take-over that is taken back before it was settled: everything stands as it did."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import (
    Dispute,
    MovedSeat,
    OrderLine,
    OrderState,
    PaymentMethod,
    PaymentSource,
    TakeOver,
    TakeOverState,
)
from commerce.models.order import GRANTED
from commerce.models.payment import TAKING
from commerce.operations.paying import bringing, kept_cards, orders
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.renewing import due
from commerce.operations.takeover import previewing, settling
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle, seats, subscriptions
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.journal import events
from tenants.refusal import Refused


class TakeOverSettled(Refused):
    message = _("This take-over was settled: what was given back and deleted does not come back.")


class ContestedMeanwhile(Refused):
    message = _("Its charge was contested at the bank since, so it cannot go back to who bought it.")


@transaction.atomic
def undo(*, take_over: TakeOver, by: Actor, at: datetime) -> TakeOver:
    """
    Give back what was taken over: whose it was and who paid, its state by its own term, the people their seats. The
    seats that they were given for it are taken back, and so is what admins gave of an adopted one meanwhile. Undone
    already: nothing changes.

    :raises NotAllowed: somebody who may not take over what others bought in this tenant
    :raises TakeOverSettled: it was settled
    :raises ContestedMeanwhile: one of its charges was
    :raises NoSeatLeft: fewer seats are free than people have to go back to
    :raises PaymentInProgress: the organisation is just being charged for it
    """
    previewing.require_taker(take_over.subscription, by)
    order = orders.lock(take_over.renewal_order_id) if take_over.renewal_order_id else None
    keys = [key for key in (take_over.subscription_id, take_over.target_id) if key]
    locked = {row.pk: row for row in Subscription.objects.filter(pk__in=keys).locked().with_people()}
    held = TakeOver.objects.locked().with_people().get(pk=take_over.pk)
    if held.state == TakeOverState.SETTLED:
        raise TakeOverSettled
    if held.state == TakeOverState.UNDONE:
        return held
    subscription = held.subscription = locked[held.subscription_id]
    if held.order is not None and held.order.state != OrderState.CANCELED:
        raise PaymentInProgress  # the organisation is being charged, or was: what follows is that it is settled
    if held.ends_it and _is_contested(held):
        raise ContestedMeanwhile
    settling.close(held, TakeOverState.UNDONE, by=by, at=at)
    _record(held, by=by, at=at)
    if held.ends_it:
        restored = lifecycle.restore(subscription=subscription, by=by, at=at)
        if order is not None:
            bringing.bring_back(order, restored, quantity=_seats_paid_ahead(restored), at=at)
        _take_people_back(held, restored, locked[held.target_id] if held.target_id else None, by=by, at=at)
    else:
        restored = _give_away(held, subscription, by=by, at=at)
    due.open_one(restored, at=at)
    jobs.enqueue("commerce.tell_take_over", take_over_id=str(held.pk), state=str(held.state))
    return held


def _is_contested(held: TakeOver) -> bool:
    paid_for = Dispute.objects.filter(payment__order__subscription=held.subscription_id, state__in=TAKING)
    return paid_for.filter(opened_at__gte=held.started_at).exists()


def _seats_paid_ahead(subscription: Subscription) -> int | None:
    """Those of the next term, with the ones that were added to it after it was paid."""
    found = OrderLine.objects.filter(
        order__subscription=subscription, order__state__in=GRANTED, ends_at__gt=subscription.term_end
    )
    return sum(line.seats_left for line in found) or None


def _take_people_back(
    held: TakeOver, subscription: Subscription, target: Subscription | None, *, by: Actor, at: datetime
) -> None:
    moved = MovedSeat.objects.filter(take_over=held, seat__isnull=False).select_related("member__user")
    given = {row.seat_id: row.member for row in moved if row.seat_id}
    if target is None or not given:
        return
    back = seats.take_back(subscription=target, seats=given.keys(), by=by, at=at)
    # Their old seats were kept for them, but for what was released meanwhile.
    here = set(Seat.objects.open().filter(subscription=subscription).values_list("member", flat=True))
    gone = [given[seat.pk] for seat in back if seat.member_id not in here and given[seat.pk].is_active]
    if gone and subscription.gives_access:
        seats.place(subscription=subscription, members=gone, by=by, at=at)


def _give_away(held: TakeOver, subscription: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """To whom it was, with what paid for it: a card that is not kept any more pays for nothing."""
    subscription.owner, subscription.payer = held.owner, held.payer
    subscription.save(update_fields=["owner", "payer"])
    PaymentSource.objects.filter(subscription=subscription).update(
        payment_method=_still_kept(held.paid_by_card),
        agreement=held.paid_by_agreement,
        by_invoice=held.paid_by_invoice,
        adopted_at=None,
    )
    if subscription.gives_access:
        subscriptions.turn_renewal(subscription, auto_renew=held.auto_renew, by=by, at=at)
        _seat_as_before(held, subscription, by=by, at=at)
    return subscription


def _still_kept(card: PaymentMethod | None) -> PaymentMethod | None:
    """Held until the transaction ends: it is not removed between this look and what it pays for."""
    try:
        return kept_cards.kept_now(card) if card else None
    except PaymentMethodNotAccepted:
        return None


def _seat_as_before(held: TakeOver, subscription: Subscription, *, by: Actor, at: datetime) -> None:
    """Its seats are its owner's to give again: those given since go, and those taken since come back."""
    of_it = Seat.objects.filter(subscription=subscription)
    given = of_it.open().filter(assigned_at__gt=held.started_at)
    seats.take_back(subscription=subscription, seats=list(given.values_list("pk", flat=True)), by=by, at=at)
    here = set(of_it.open().values_list("member", flat=True))
    taken = of_it.filter(assigned_at__lte=held.started_at, released_at__gt=held.started_at).select_related("member")
    gone = {seat.member_id: seat.member for seat in taken if seat.member_id not in here and seat.member.is_active}
    if gone:
        seats.place(subscription=subscription, members=list(gone.values()), by=by, at=at)


def _record(held: TakeOver, *, by: Actor, at: datetime) -> None:
    events.record(
        "subscription.take_over_undone",
        tenant=held.tenant,
        by=by,
        at=at,
        subject=held.subscription_id,
        mode=held.mode,
        target=held.target_id,
    )
    if held.target_id:
        events.record(
            "subscription.gave_back",
            tenant=held.tenant,
            by=by,
            at=at,
            subject=held.target_id,
            subscription=held.subscription_id,
        )
