"""The first moment of a take-over: access and control change, and nothing else does."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from commerce import money
from commerce.models import MovedSeat, Order, PaymentSource, Renewal, RenewalState, TakeOver, TakeOverMode
from commerce.operations.changes import cancellations, quotes
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.leaving import adoption
from commerce.operations.leaving.adoption import Payer
from commerce.operations.renewing import ahead
from commerce.operations.takeover import previewing
from commerce.operations.takeover.previewing import Preview, Wish
from licensing.models import EndCause, Subscription
from licensing.operations import lifecycle, seats
from tenants.access import Actor
from tenants.delivery import jobs
from tenants.ids import new_id
from tenants.journal import events


def take_over(
    *,
    subscription: Subscription,
    wish: Wish,
    as_of: datetime | None = None,
    expecting: Decimal | None = None,
    take_over_id: UUID | None = None,
    by: Actor,
    at: datetime,
) -> TakeOver:
    """As `start`, after the cards of orders that wait for their cardholder were released. Outside any transaction."""
    previewing.checked(subscription, wish, by)
    if _found(subscription, take_over_id) is None:
        cancellations.release_cards(subscription, at=at)
    return start(
        subscription=subscription,
        wish=wish,
        as_of=as_of,
        expecting=expecting,
        take_over_id=take_over_id,
        by=by,
        at=at,
    )


@transaction.atomic
def start(
    *,
    subscription: Subscription,
    wish: Wish,
    as_of: datetime | None = None,
    asked_at: datetime | None = None,
    expecting: Decimal | None = None,
    take_over_id: UUID | None = None,
    by: Actor,
    at: datetime,
) -> TakeOver:
    """
    Take over what one of the tenant's people bought. Moved: the people get seats of the target, and it ends for now.
    Ended: its people lose access. Adopted: the organisation owns it and pays from the next renewal on. Money and
    records follow when it is settled; until then it can be undone, and a renewal that falls due waits.

    `as_of`: the moment of a preview, from which on the time counts as not used; `expecting`: what it said goes back.
    `asked_at`: of a run, when it was started; a preview that was fresh then holds for the last of its rows, too.
    `take_over_id` makes a repeated call find the take-over of the first one. No network: for runs, too.

    :raises NotAllowed: somebody who may not take over what others bought, or, to adopt, who does not buy for the
        tenant, which a partner's people never do
    :raises BadInput: an unknown mode; no target, or one that does not fit; somebody who holds no seat; no payer; or the
        preview is too old
    :raises NotSelfService: it was not bought by self-service. :raises OwnedAlready: to adopt what is adopted
    :raises SubscriptionInactive: nobody has access by it, or by the target. :raises TrialNotTakenOver: a trial
    :raises TakenOver: it is just being taken over
    :raises PaymentInProgress: a charge of it is under way
    :raises NoSeatLeft: the target has too few free seats
    :raises MemberNotActive: somebody who is to be moved is disabled, or has left
    :raises PaymentMethodNotAccepted: not the organisation's, or one that cannot pay for it
    :raises ChangedSincePreview: something else goes back by now
    """
    wish = previewing.checked(subscription, wish, by)
    moment = quotes.moment(as_of, at=asked_at or at)
    subscription, wish = _locked(subscription, wish)
    found = _found(subscription, take_over_id)
    if found is not None:
        return found
    quotes.require_unchanged(subscription, since=as_of)
    told = previewing.told(subscription, wish, at=moment)
    if expecting is not None and expecting != told.total:
        raise ChangedSincePreview
    return _begin(told, pk=take_over_id or new_id(), by=by, at=at)


def _found(subscription: Subscription, pk: UUID | None) -> TakeOver | None:
    """What an earlier call of the same id did."""
    return TakeOver.objects.filter(subscription=subscription, pk=pk).first() if pk else None


def _locked(subscription: Subscription, wish: Wish) -> tuple[Subscription, Wish]:
    # Both at once, in the order of their keys: two that move people to each other's wait for nobody.
    keys = [row.pk for row in (subscription, wish.target) if row is not None]
    locked = {row.pk: row for row in Subscription.objects.filter(pk__in=keys).locked().with_people()}
    if wish.target is not None:
        wish = replace(wish, target=locked.get(wish.target.pk))
    return locked[subscription.pk], wish


def _begin(told: Preview, *, pk: UUID, by: Actor, at: datetime) -> TakeOver:
    """Write down what was told and do what is done at once."""
    subscription, wish = told.subscription, told.wish
    source = PaymentSource.objects.filter(subscription=subscription).first() or PaymentSource()
    if wish.mode == TakeOverMode.ADOPT:
        # Of its own: what is told of and written down below is as it was before.
        adoption.adopt(subscription=subscription, payer=wish.payer or Payer(), at=at, by=by)
    made = _insert(told, source, pk=pk, by=by)
    _record(made, told, by=by, at=at)
    if made.ends_it:
        _end(made, told, by=by, at=at)
    jobs.enqueue("commerce.tell_take_over", take_over_id=str(made.pk), state=str(made.state))
    return made


def _insert(told: Preview, source: PaymentSource, *, pk: UUID, by: Actor) -> TakeOver:
    subscription, wish = told.subscription, told.wish
    payer = wish.payer or Payer()
    return TakeOver.objects.create(
        pk=pk,
        tenant=subscription.tenant,
        subscription=subscription,
        mode=wish.mode,
        target=wish.target,
        payment_method=payer.card,
        agreement=payer.agreement,
        reimburse=wish.reimburse,
        refunds=told.refunds,
        reason=wish.reason,
        started_by=by.user,
        started_at=told.as_of,
        owner=subscription.owner,
        payer=subscription.payer,
        auto_renew=subscription.auto_renew,
        paid_by_card=source.payment_method,
        paid_by_agreement=source.agreement,
        paid_by_invoice=source.by_invoice,
        renewal_order=_paid_ahead(subscription) if told.wish.mode != TakeOverMode.ADOPT else None,
        settles_at=told.settles_at,
        next_try_at=told.settles_at,
    )


def _paid_ahead(subscription: Subscription) -> Order | None:
    """What paid for the next term, where that has not begun."""
    if subscription.renewed_until is None:
        return None
    paid = Renewal.objects.filter(subscription=subscription, starts_at=subscription.term_end, state=RenewalState.PAID)
    renewal = paid.select_related("order").first()
    return renewal.order if renewal else None


def _end(made: TakeOver, told: Preview, *, by: Actor, at: datetime) -> None:
    subscription, people = told.subscription, told.people
    given = {}
    if made.target is not None:
        found = seats.place(subscription=made.target, members=people.given, by=by, at=at)
        given = {seat.member_id: seat for seat in found}
    MovedSeat.objects.bulk_create(
        MovedSeat(tenant=made.tenant, take_over=made, member=member, seat=given.get(member.pk))
        for member in people.moved
    )
    ahead.drop(subscription, at=at)
    lifecycle.end(subscription=subscription, cause=EndCause.TAKEN_OVER, by=by, at=at)
    lifecycle.hold(subscription=subscription, by=by, at=at)
    cancellations.tell_lost(people.losing, by=by)


def _record(made: TakeOver, told: Preview, *, by: Actor, at: datetime) -> None:
    given_back = {"refund": money.text(told.total, told.currency), "currency": told.currency} if told.total else {}
    events.record(
        "subscription.taken_over",
        tenant=made.tenant,
        by=by,
        at=at,
        subject=made.subscription_id,
        mode=made.mode,
        target=made.target_id,
        members=[member.pk for member in told.people.moved],
        settles_at=made.settles_at,
        reimburse=made.reimburse,
        reason=made.reason,
        **given_back,
    )
    if made.target_id:
        events.record(
            "subscription.took_over",
            tenant=made.tenant,
            by=by,
            at=at,
            subject=made.target_id,
            subscription=made.subscription_id,
            members=[member.pk for member in told.people.given],
            reason=made.reason,
        )
