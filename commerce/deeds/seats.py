"""Of the seats that the page of waste names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from commerce.deeds.purchases import ask_to_cancel, purchase
from licensing.models import Seat, Subscription
from licensing.operations import central_seats, ended_people, seats
from licensing.operations.seats import MemberNotActive
from tenants.access import Actor, Right
from tenants.directory.models import Membership
from tenants.refusal import Refused
from tenants.runs.deeds import deed

RELEASE_SEAT = "commerce.release_seat"
ASK_FOR_SEAT = "commerce.ask_for_seat"
GIVE_CENTRAL_SEAT = "commerce.give_central_seat"
GIVE_SEAT = "commerce.give_seat"
GIVE_TO_FORMER = "commerce.give_to_former"
OF_A_PURCHASE = {"subscription": _("Purchase")}

GOT_ONE, HAD_ONE = _("Has a seat now."), _("Had a seat already, and keeps it.")


class NoSuchSeat(Refused):
    message = _("Nobody has this seat any more, or you may not see it.")


class SeatOfAPerson(Refused):
    message = _("A person manages this purchase and gives its seats. Ask them to cancel it instead.")


class NoSuchPerson(Refused):
    message = _("There is no such person in your organisation.")


def seat(subject: str, by: Actor) -> Seat:
    """:raises NoSuchSeat: none that is held and the person may see"""
    seen = Subscription.objects.visible_to(by)
    held = Seat.objects.of(by.organisation).open().filter(pk=subject, subscription__in=seen)
    found = held.select_related("member__user", "subscription__tenant", "subscription__plan__product").first()
    if found is None:
        raise NoSuchSeat
    return found


def person(subject: str, by: Actor) -> Membership:
    """:raises NoSuchPerson: no member of the organisation"""
    members = Membership.objects.of(by.organisation).members().select_related("user", "tenant")
    found = members.filter(pk=subject).first()
    if found is None:
        raise NoSuchPerson
    return found


@deed(RELEASE_SEAT, title=_("Release the seats"), right=Right.ASSIGN_CENTRAL_SEATS)
def release_seat(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    found = seat(subject, by)
    if found.subscription.owner_id is not None:
        raise SeatOfAPerson
    if seats.release_one(seat_id=found.pk, subscription=found.subscription, by=by, at=at) is None:
        raise NoSuchSeat
    return str(_("Released; the seat is free."))


@deed(ASK_FOR_SEAT, title=_("Ask to cancel"), right=Right.END_PURCHASES_OF_OTHERS)
def ask_for_seat(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    return str(ask_to_cancel(str(seat(subject, by).subscription_id), given, by=by, at=at))


@deed(GIVE_CENTRAL_SEAT, title=_("Give central seats"), right=Right.ASSIGN_CENTRAL_SEATS)
def give_central_seat(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    found = seat(subject, by)
    product = found.subscription.plan.product
    central_seats.give_own(tenant=by.organisation, product=product, members=[found.member], by=by, at=at)
    return str(_("Has a central seat. Ask whoever bought the other one to cancel it."))


@deed(GIVE_SEAT, title=_("Give seats"), right=Right.ASSIGN_CENTRAL_SEATS, about=OF_A_PURCHASE)
def give_seat(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    """To a member, of the purchase that is `given`."""
    member, bought = person(subject, by), purchase(given["subscription"], by)
    had_one = Seat.objects.open().filter(subscription=bought, member=member).exists()
    seats.assign(subscription=bought, members=[member], by=by, at=at)
    return str(HAD_ONE if had_one else GOT_ONE)


@deed(GIVE_TO_FORMER, title=_("Give central seats"), right=Right.ASSIGN_CENTRAL_SEATS, about=OF_A_PURCHASE)
def give_to_former(subject: str, given: Mapping[str, Any], *, by: Actor, at: datetime) -> str:
    """To a member who used the purchase that is `given` when it ended."""
    member, ended = person(subject, by), purchase(given["subscription"], by)
    if not member.is_active:
        raise MemberNotActive(member.user.email)
    had_one = central_seats.own_held_by([member], ended.plan.product).exists()
    ended_people.give_central_seats(subscription=ended, members=[member], by=by, at=at)
    return str(HAD_ONE if had_one else GOT_ONE)
