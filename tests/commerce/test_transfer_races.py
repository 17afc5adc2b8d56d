"""Accepting, withdrawing, leaving and assigning at the same moment."""

import pytest

from commerce.models import LeaverTask, PaymentSource
from commerce.models.transfer import TransferOfferQuerySet
from commerce.operations.handover.offers import TransferAlreadyOffered, TransferNotOpen
from commerce.operations.leaving import noticing
from licensing.models import Seat, Subscription
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations import seats
from licensing.operations.seats import MemberNotActive
from tenants.access import SYSTEM
from tenants.directory.operations import people
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.handing_over import accept, offer, withdraw
from tests.factories import NOON, MembershipFactory, acting, add_card, buy
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan, 2)


@pytest.fixture
def card(cleo):
    return str(add_card(cleo).payment_method.pk)


def accepted():
    return Event.objects.filter(type="transfer.accepted").count()


def test_accepting_ten_times_at_once_is_accepting_once(subscription, cleo, card):
    made = offer(subscription, cleo)
    assert race(lambda _: accept(made, card), range(10)) == 10
    assert (accepted(), PaymentSource.objects.get().payment_method.member) == (1, cleo)
    assert all_is_well()


def test_accepting_and_withdrawing_at_once_end_one_way(subscription, ana, cleo, card):
    made = offer(subscription, cleo)
    tries = [lambda: accept(made, card), lambda: withdraw(made, by=acting(ana))] * 4
    race(lambda act: act(), tries, refused=(TransferNotOpen, NotAllowed))
    taken = state_of(made) == "accepted"
    assert Event.objects.filter(type__in=("transfer.accepted", "transfer.withdrawn")).count() == 1
    assert (Subscription.objects.get().owner == cleo) is taken
    assert all_is_well()


def test_without_the_locks_an_offer_is_accepted_more_than_once(subscription, cleo, card, monkeypatch):
    """The control: what the row locks are for."""
    made = offer(subscription, cleo)
    for rows in (SubscriptionQuerySet, TransferOfferQuerySet):
        monkeypatch.setattr(rows, "locked", lambda self: self.order_by("pk"))
    race(lambda _: accept(made, card), range(10))
    assert accepted() > 1


def test_of_eight_offers_at_once_one_is_made(subscription, ana):
    others = MembershipFactory.create_batch(8, tenant=ana.tenant)
    assert race(lambda to: offer(subscription, to), others, refused=TransferAlreadyOffered) == 1


def test_whoever_leaves_while_they_are_given_a_seat_ends_without_one(subscription, ana, cleo):
    def assign():
        seats.assign(subscription=subscription, members=[cleo], by=acting(ana), at=NOON)

    def leave():
        people.change_member(membership=cleo, by=SYSTEM, at=NOON, state="left")
        noticing.look_at(member_id=cleo.pk, at=NOON)

    race(lambda act: act(), [assign, leave], refused=MemberNotActive)
    assert not Seat.objects.open().filter(member=cleo).exists()
    assert all_is_well()


def test_the_sweep_and_the_job_at_once_make_one_task(subscription, ana):
    people.change_member(membership=ana, by=SYSTEM, at=NOON, state="left")
    acts = [lambda: noticing.look_at(member_id=ana.pk, at=NOON), lambda: noticing.watch(at=NOON)] * 4
    assert race(lambda act: act(), acts) == 8
    assert (LeaverTask.objects.count(), Seat.objects.open().count()) == (1, 0)
    assert Event.objects.filter(type="seat.released").count() == 1
