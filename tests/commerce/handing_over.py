"""Offering subscriptions to others, and people who leave, in tests: by operation."""

from commerce.models import LeaverTask, TransferOffer
from commerce.operations.handover import acceptance, offers
from commerce.operations.leaving import noticing
from tenants.access import SYSTEM
from tenants.directory.operations import people
from tests.factories import NOON, RETURN_URL, acting

VISA, STEP_CARD, DECLINED = "pm_card_visa", "pm_card_authenticationRequired", "pm_card_chargeDeclined"


def offer(subscription, to, at=NOON, by=None, message=""):
    by = by or acting(subscription.owner)
    return offers.offer(subscription=subscription, to=to, message=message, by=by, at=at)


def accept(offered, card=VISA, at=NOON, by=None):
    return acceptance.accept(
        offer=offered, payment_method=card, return_to=lambda pk: RETURN_URL, by=by or acting(offered.to), at=at
    )


def decline(offered, at=NOON, by=None):
    return offers.decline(offer=offered, by=by or acting(offered.to), at=at)


def withdraw(offered, at=NOON, by=None):
    return offers.withdraw(offer=offered, by=by or acting(offered.offered_by), at=at)


def leave(member, state="left", at=NOON):
    """As the directory says it, with the job that follows."""
    people.change_member(membership=member, by=SYSTEM, at=at, state=state)
    noticing.look_at(member_id=member.pk, at=at)
    member.refresh_from_db()
    return LeaverTask.objects.standing().filter(member=member).first()


def come_back(member, at=NOON):
    return leave(member, state="active", at=at)


def newest():
    return TransferOffer.objects.with_people().latest("created_at", "pk")
