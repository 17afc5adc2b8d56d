"""An offer to take a subscription over: made, declined, withdrawn, lapsed. How it is accepted is beside this."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.models import LeaverTask, LeaverTaskState, TransferOffer, TransferState
from commerce.models.leaver import LeaverChoice
from commerce.models.transfer import LONGEST_TRANSFER_MESSAGE
from licensing.models import Subscription
from licensing.operations.seats import MemberNotActive, NotAMember
from licensing.operations.subscriptions import SubscriptionInactive, TrialEndsByItself
from tenants.access import SYSTEM, Actor, Right
from tenants.delivery import jobs
from tenants.directory.models import Membership
from tenants.journal import events
from tenants.refusal import BadInput, NotAllowed, Refused
from tenants.scope import EVERYBODY, Scope
from tenants.text import checked

OPEN_FOR = timedelta(days=14)


class TransferAlreadyOffered(Refused):
    message = _("This subscription is offered to somebody already. Withdraw that offer first.")


class TransferNotOpen(Refused):
    message = _("This offer is no longer open: it was answered or withdrawn, or it has lapsed.")


@transaction.atomic
def offer(*, subscription: Subscription, to: Membership, message: str = "", by: Actor, at: datetime) -> TransferOffer:
    """
    Offer a subscription to another member, who has 14 days to accept it with a card of their own. Until then nothing
    changes: its owner manages it, and a charge that falls due meanwhile goes to whoever pays now.

    :raises NotAllowed: neither its owner nor, once they have left, an admin who may end it
    :raises SubscriptionInactive: nobody has access by it, or it is a trial without a card
    :raises NotAMember: of another tenant, or a guest
    :raises MemberNotActive: disabled, or has left
    :raises BadInput: to whom it belongs already, or a text that cannot be kept
    :raises TransferAlreadyOffered: another offer of it is open
    """
    message = checked(message, field="message", longest=LONGEST_TRANSFER_MESSAGE)
    subscription = Subscription.objects.locked().select_related("tenant", "plan").get(pk=subscription.pk)
    owner = require_offerer(subscription, by)
    require_transferable(subscription)
    to = still_member(to, subscription)
    if to.pk == owner.pk:
        raise BadInput(_("It is theirs already. Name somebody else."), field="to", code="same")
    there = TransferOffer.objects.open().filter(subscription=subscription).locked().first()
    if there is not None and there.waits_at(at):
        raise TransferAlreadyOffered
    if there is not None:
        settle(there, TransferState.LAPSED, by=SYSTEM, at=at)
    made = TransferOffer.objects.create(
        tenant=subscription.tenant,
        subscription=subscription,
        from_member=owner,
        offered_by=by.home,
        to=to,
        message=message,
        created_at=at,
        lapses_at=at + OPEN_FOR,
    )
    _record("offered", made, by=by, at=at)
    jobs.enqueue("commerce.tell_transfer", offer_id=str(made.pk))
    return made


@transaction.atomic
def decline(*, offer: TransferOffer, by: Actor, at: datetime) -> TransferOffer:
    """
    Say no. Declined already: nothing changes.

    :raises NotAllowed: it was made to somebody else
    :raises TransferNotOpen: it was answered otherwise, withdrawn, or has lapsed
    """
    require_recipient(offer, by)
    return _end(offer, TransferState.DECLINED, by=by, at=at)


@transaction.atomic
def withdraw(*, offer: TransferOffer, by: Actor, at: datetime) -> TransferOffer:
    """
    Take an offer back. Withdrawn already: nothing changes.

    :raises NotAllowed: neither who made it, nor its owner, nor, once they have left, an admin who may end it
    :raises TransferNotOpen: it was answered, or has lapsed
    """
    if not by.is_member(offer.offered_by_id):
        require_offerer(offer.subscription, by)
    return _end(offer, TransferState.WITHDRAWN, by=by, at=at)


def lapse_due(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """End the offers that nobody answered in time, and those to or by people who are away. Returns how many."""
    gone = among.of(TransferOffer.objects.open()).exclude(to__state="active").order_by("pk")
    overdue = among.of(TransferOffer.objects.overdue(at))
    due = [pk for rows in (overdue, gone) for pk in rows.values_list("pk", flat=True)[:limit]]
    lapsed = sum(_end_by_itself(pk, TransferState.LAPSED, at=at) for pk in dict.fromkeys(due))
    return lapsed + withdraw_of_leavers(at=at, limit=limit, among=among)


def withdraw_of_leavers(*, at: datetime, limit: int = 500, among: Scope = EVERYBODY) -> int:
    """
    End what people offered who are away by now: whoever decides in their place is to be free to, and whoever was asked
    is told. What an admin offers of a leaver's purchase stands.
    """
    theirs = among.of(TransferOffer.objects.open()).exclude(offered_by__state="active").order_by("pk")
    found = list(theirs.values_list("pk", flat=True)[:limit])
    return sum(_end_by_itself(pk, TransferState.WITHDRAWN, at=at) for pk in found)


@transaction.atomic
def _end_by_itself(pk: UUID, state: TransferState, *, at: datetime) -> int:
    offered = Subscription.objects.filter(transfer_offers=pk)
    if not offered.select_for_update(of=("self",), no_key=True, skip_locked=True):
        return 0  # somebody is at it: the next sweep
    found = TransferOffer.objects.open().filter(pk=pk).select_related("tenant").locked().first()
    if found is None:
        return 0
    settle(found, state, by=SYSTEM, at=at)
    return 1


def _end(offer: TransferOffer, state: TransferState, *, by: Actor, at: datetime) -> TransferOffer:
    # First the subscription, then the rest, as whoever decides of a leaver's purchase: else each waits for the other.
    Subscription.objects.locked().get(pk=offer.subscription_id)
    offer = TransferOffer.objects.locked().select_related("tenant").get(pk=offer.pk)
    if offer.state == state:
        return offer
    if not offer.waits_at(at):
        raise TransferNotOpen
    settle(offer, state, by=by, at=at)
    return offer


def take_back(subscription: Subscription, *, by: Actor, at: datetime) -> None:
    """Withdraw what is offered of a subscription that the caller has locked."""
    for there in TransferOffer.objects.open().filter(subscription=subscription).select_related("tenant").locked():
        settle(there, TransferState.WITHDRAWN, by=by, at=at)


def settle(offer: TransferOffer, state: TransferState, *, by: Actor, at: datetime) -> None:
    """Write down how an offer ended that the caller has locked, and tell both."""
    offer.state, offer.settled_at = state, at
    offer.save(update_fields=["state", "settled_at"])
    _record(state.value, offer, by=by, at=at)
    jobs.enqueue("commerce.tell_transfer_outcome", offer_id=str(offer.pk))
    if state != TransferState.ACCEPTED:
        # Whoever decided to hand it over has to decide anew.
        LeaverTask.objects.filter(
            subscription=offer.subscription_id, state=LeaverTaskState.DECIDED, choice=LeaverChoice.TRANSFER
        ).update(state=LeaverTaskState.OPEN, choice="", decided_by=None, decided_at=None)


def require_offerer(subscription: Subscription, by: Actor) -> Membership:
    """The owner, on whose behalf it is offered. :raises NotAllowed: as `offer`"""
    owner = Membership.objects.filter(owned_subscriptions=subscription).first()
    if owner is None:
        raise NotAllowed(_("What the organisation owns is not handed over to a person."))
    if by.is_member(owner.pk):
        return owner
    if owner.is_active or by.tenant is None or by.tenant.pk != subscription.tenant_id:
        raise NotAllowed(_("Only the owner of this subscription can hand it over."))
    by.require(Right.END_PURCHASES_OF_OTHERS)
    return owner


def require_recipient(offer: TransferOffer, by: Actor) -> None:
    """:raises NotAllowed: it was made to somebody else"""
    if not by.is_member(offer.to_id):
        raise NotAllowed(_("This subscription was offered to somebody else."))


def require_transferable(subscription: Subscription) -> None:
    """:raises SubscriptionInactive: nobody has access by it, or it is a trial without a card"""
    if subscription.never_charged:
        raise TrialEndsByItself
    if not subscription.gives_access:
        raise SubscriptionInactive


def still_member(member: Membership, subscription: Subscription) -> Membership:
    """
    Whoever is to have it, as they are now: locked, so that somebody disabled in this very moment is seen, or waits.

    Whether they may buy the product is not asked: to go on with what runs is no purchase, and a renewal does not ask
    who its payer is either.

    :raises NotAMember: of another tenant, or a guest. :raises MemberNotActive: disabled, or has left
    """
    people = Membership.objects.of(subscription.tenant).filter(pk=member.pk).select_related("user", "tenant")
    found = people.select_for_update(of=("self",), no_key=True).first()
    if found is None or found.is_guest:
        raise NotAMember(member.user.email, field="to")
    if not found.is_active:
        raise MemberNotActive(member.user.email, field="to")
    return found


def _record(what: str, offer: TransferOffer, *, by: Actor, at: datetime) -> None:
    events.record(
        f"transfer.{what}",
        tenant=offer.tenant,
        by=by,
        at=at,
        subject=offer.subscription_id,
        member=offer.from_member_id,
        to_member=offer.to_id,
    )
