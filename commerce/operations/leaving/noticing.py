"""Somebody was disabled or left, or came back: their seats, and what is to be decided of their purchases."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from commerce.models import LeaverTask, Leaving, PaymentSource
from commerce.models.leaver import BEFORE_CHARGE
from commerce.operations.handover import offers
from commerce.operations.leaving import closing
from licensing.models import Seat, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import seats
from policies.operations import leavers
from tenants.access import SYSTEM
from tenants.delivery import jobs
from tenants.directory.models import Membership, MembershipQuerySet, MemberState
from tenants.journal import events
from tenants.scope import EVERYBODY, Scope


def look_at(*, member_id: UUID, at: datetime) -> None:
    """
    Carry out what follows from a member's state as it is now: once they are away, and once they are back. Safe to
    repeat, and to run at the same time.
    """
    with transaction.atomic():
        # Whoever gives them a seat in this very moment locks the same row: they see the state, or are seen.
        people = Membership.objects.select_for_update(of=("self",), no_key=True).select_related("tenant")
        member = people.get(pk=member_id)
        leaving = None if member.is_active else _notice(member, at=at)
        if leaving is None:
            # Seats that were released stay so: somebody else may have them.
            Leaving.objects.standing().filter(member=member).update(returned_at=at)
        else:
            _open_tasks(_purchases_of_leavers().filter(owner=member), at=at)
    if leaving is not None:
        offers.withdraw_of_leavers(at=at, among=Scope(only=member.tenant_id))
    closing.close_moot(at=at, among=Scope(only=member.tenant_id))
    if leaving is not None and leaving.seats_released_at is None and leaving.seats_due_at <= at:
        _release_seats(leaving.pk, at=at)


def watch(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    What a job missed, and what has come due since: people who are away or back, seats whose grace is over, purchases
    that somebody who is away owns again, and decisions that are not needed any more. Returns how many things moved.
    """
    moved = 0
    for pk in list(among.of(_unnoticed()).values_list("pk", flat=True)[:limit]):
        look_at(member_id=pk, at=at)
        moved += 1
    for pk in list(among.of(Leaving.objects.seats_due(at)).values_list("pk", flat=True)[:limit]):
        moved += _release_seats(pk, at=at)
    moved += closing.close_moot(at=at, among=among)
    return moved + _open_tasks(among.of(_purchases_of_leavers())[:limit], at=at)


def _unnoticed() -> MembershipQuerySet:
    away = ~Q(state=MemberState.ACTIVE)
    known = Exists(Leaving.objects.standing().filter(member=OuterRef("pk")))
    holds = Exists(Seat.objects.open().filter(member=OuterRef("pk")))
    owns = Exists(Subscription.objects.with_access().filter(owner=OuterRef("pk")))
    gone = away & ~known & (holds | owns)
    return Membership.objects.filter(gone | ~away & known).order_by("pk")


def _notice(member: Membership, *, at: datetime) -> Leaving:
    grace = leavers.of(member.tenant).grace
    leaving, _is_new = Leaving.objects.standing().get_or_create(
        member=member, defaults={"tenant": member.tenant, "noticed_at": at, "seats_due_at": at + grace}
    )
    return leaving


@transaction.atomic
def _release_seats(pk: UUID, *, at: datetime) -> int:
    leaver = Membership.objects.filter(leavings=pk)
    # Subscription before member, as whoever gives a seat; and the member before what is known of their leaving.
    list(
        Subscription.objects.filter(
            pk__in=Seat.objects.open().filter(member__in=leaver).values("subscription")
        ).locked()
    )
    member = leaver.select_for_update(of=("self",), no_key=True).select_related("user", "tenant").get()
    due = Leaving.objects.seats_due(at).filter(pk=pk)
    leaving = due.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if leaving is None:
        return 0
    if member.is_active:
        return 0  # back in this very moment: the job that follows says so
    seats.release_of(member=member, by=SYSTEM, at=at)
    leaving.seats_released_at = at
    leaving.save(update_fields=["seats_released_at"])
    return 1


def _purchases_of_leavers() -> SubscriptionQuerySet:
    """Those that somebody who is away owns and about which nobody was asked; a trial without a card ends by itself."""
    asked = Exists(LeaverTask.objects.standing().filter(subscription=OuterRef("pk")))
    has_card = Exists(PaymentSource.objects.filter(subscription=OuterRef("pk"), payment_method__isnull=False))
    found = Subscription.objects.with_access().exclude(owner=None).exclude(owner__state=MemberState.ACTIVE)
    return found.filter(~asked, ~Q(state="trial") | has_card).order_by("pk")


def _open_tasks(purchases: SubscriptionQuerySet, *, at: datetime) -> int:
    return sum(_open_task(subscription, at=at) for subscription in purchases.select_related("tenant", "owner"))


def _open_task(subscription: Subscription, *, at: datetime) -> int:
    if subscription.owner is None:
        return 0
    near = subscription.auto_renew and subscription.term_end <= at + BEFORE_CHARGE
    try:
        with transaction.atomic():
            task = LeaverTask.objects.create(
                tenant=subscription.tenant,
                subscription=subscription,
                member=subscription.owner,
                # So near that the letter of now is the one before the charge, too.
                warned_for=subscription.term_end if near else None,
                created_at=at,
            )
            events.record(
                "leaver.noticed",
                tenant=subscription.tenant,
                by=SYSTEM,
                at=at,
                subject=subscription.pk,
                member=subscription.owner_id,
            )
            jobs.enqueue("commerce.tell_leaver_task", task_id=str(task.pk))
    except IntegrityError:  # the sweep and the job at once: one of them asked
        return 0
    return 1


def task_of(subscription: Subscription, *, at: datetime) -> LeaverTask | None:
    """What is to be decided of a subscription, for a caller who holds its lock; nothing: its owner is still here."""
    _open_tasks(_purchases_of_leavers().filter(pk=subscription.pk), at=at)
    standing = LeaverTask.objects.standing().filter(subscription=subscription)
    return standing.select_related("member", "tenant").locked().first()
