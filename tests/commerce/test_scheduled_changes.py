"""Numbers of seats that wait for the renewal."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError

from commerce import tasks
from commerce.models import ScheduledChange
from commerce.operations.changes import cancellations, quantity, scheduled
from commerce.operations.changes.quantity import RenewalIsOff
from commerce.operations.changes.scheduled import NothingScheduled
from licensing.models import Subscription
from licensing.operations import seats, subscriptions
from policies.eligibility import PurchaseRefused
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, SECOND, change, findings, preview, seats_of
from tests.factories import NOON, MembershipFactory, PolicyFactory, acting, admin_of, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LATER = NOON + 10 * DAY


@pytest.fixture
def subscription(ana, plan):
    return buy(ana, plan, 10)


def waiting(subscription):
    return list(subscription.scheduled_changes.filter(state="waiting").values_list("quantity", flat=True))


def states(subscription):
    return list(subscription.scheduled_changes.order_by("created_at", "pk").values_list("state", flat=True))


def withdraw(subscription, by=None, at=LATER):
    quantity.withdraw(subscription=subscription, by=by or acting(subscription.owner), at=at)


class TestAsking:
    def test_for_the_renewal_moves_no_money_although_it_could_go_now(self, subscription):
        done = change(subscription, 7, when="renewal").quote
        assert [(line.quantity, line.total, line.why.value) for line in done.lines] == [(3, 0, "at_renewal")]
        assert (done.direction, done.scheduled, done.takes_effect_at) == ("none", 7, subscription.term_end)
        assert waiting(subscription) == [7]
        assert seats_of(subscription) == (10, 1)
        assert ledger.refunded() == []
        event = Event.objects.get(type="quantity_change.scheduled")
        assert (event.subject, event.data["quantity"]) == (str(subscription.pk), 7)

    def test_again_replaces_what_waited_and_says_so(self, subscription):
        change(subscription, 7, when="renewal")
        assert preview(subscription, 5, when="renewal").withdraws == 7
        change(subscription, 5, when="renewal")
        assert waiting(subscription) == [5]
        assert states(subscription) == ["withdrawn", "waiting"]

    def test_for_the_same_again_changes_nothing(self, subscription):
        for _ in range(2):
            change(subscription, 7, when="renewal")
        assert states(subscription) == ["waiting"]

    @pytest.mark.parametrize("when", ["now", "renewal"])
    def test_for_the_present_number_withdraws_what_waited(self, subscription, when):
        change(subscription, 7, when="renewal")
        assert preview(subscription, 10, when=when).withdraws == 7
        done = change(subscription, 10, when=when).quote
        assert (done.lines, done.withdraws, done.direction) == ((), 7, "none")
        assert states(subscription) == ["withdrawn"]
        assert seats_of(subscription) == (10, 1)

    def test_for_more_waits_for_a_renewal_that_is_to_come(self, subscription):
        assert change(subscription, 12, when="renewal").quote.scheduled == 12
        assert ledger.captured() == [subscription.orders.get().total]
        subscriptions.set_auto_renew(
            subscription=subscription, auto_renew=False, by=acting(subscription.owner), at=NOON
        )
        for act in (change, preview):
            with pytest.raises(RenewalIsOff):
                act(subscription, 13, when="renewal")
        assert waiting(subscription) == [12]

    def test_for_more_asks_the_rules(self, ana, plan, subscription):
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
        with pytest.raises(PurchaseRefused):
            change(subscription, 12, when="renewal")
        assert change(subscription, 8, when="renewal").quote.scheduled == 8

    @pytest.mark.parametrize("number", [0, -1])
    def test_for_less_than_the_plan_is_sold_in_is_refused(self, subscription, number):
        with pytest.raises(BadInput):
            change(subscription, number, when="renewal")
        assert waiting(subscription) == []

    def test_is_for_its_owner(self, ana, subscription):
        for by in (admin_of(ana.tenant), acting(MembershipFactory(tenant=ana.tenant))):
            with pytest.raises(NotAllowed):
                change(subscription, 7, when="renewal", by=by)
        assert waiting(subscription) == []


class TestWithdrawing:
    def test_lets_it_go(self, subscription):
        change(subscription, 7, when="renewal")
        withdraw(subscription)
        assert states(subscription) == ["withdrawn"]
        with pytest.raises(NothingScheduled):
            withdraw(subscription)

    def test_is_for_its_owner(self, ana, subscription):
        change(subscription, 7, when="renewal")
        with pytest.raises(NotAllowed):
            withdraw(subscription, by=admin_of(ana.tenant))
        assert waiting(subscription) == [7]

    def test_comes_by_itself_with_seats_that_are_bought_now(self, subscription):
        change(subscription, 7, when="renewal")
        assert preview(subscription, 12).withdraws == 7
        change(subscription, 12)
        assert states(subscription) == ["withdrawn"]

    def test_comes_by_itself_with_a_reduction_that_takes_effect_now(self, subscription):
        change(subscription, 7, when="renewal")
        change(subscription, 8)
        assert states(subscription) == ["withdrawn"]
        assert seats_of(subscription) == (8, 1)

    @pytest.mark.parametrize("days", [1, 10])
    def test_comes_by_itself_with_a_cancellation(self, subscription, days):
        change(subscription, 7, when="renewal")
        cancellations.cancel_subscription(
            subscription=subscription, reason="", by=acting(subscription.owner), at=NOON + days * DAY
        )
        assert states(subscription) == ["withdrawn"]


class TestAtTheEndOfTheTerm:
    def test_is_applied_before_the_term_ends(self, subscription):
        change(subscription, 7, at=LATER)
        assert scheduled.advance_due(at=subscription.term_end - SECOND) == 0
        assert seats_of(subscription) == (10, 1)
        assert scheduled.advance_due(at=subscription.term_end) == 1
        subscription.refresh_from_db()
        assert (subscription.quantity, subscription.state) == (7, "expired")
        types = list(Event.objects.order_by("pk").values_list("type", flat=True))[-3:]
        assert types == ["subscription.quantity_changed", "quantity_change.applied", "subscription.expired"]
        assert states(subscription) == ["applied"]
        assert mail.outbox == []

    def test_one_that_cannot_be_applied_holds_up_nobody_behind_it(self, ana, plan, subscription, monkeypatch):
        broken, behind = subscription, buy(MembershipFactory(tenant=ana.tenant), plan, 10)
        for one in (broken, behind):
            change(one, 7, at=LATER)
        remove = subscriptions.remove_seats

        def stumbling(*, subscription, **what):
            if subscription.pk == broken.pk:
                raise IntegrityError("something is wrong with this one")
            return remove(subscription=subscription, **what)

        monkeypatch.setattr(scheduled.subscriptions, "remove_seats", stumbling)
        assert scheduled.apply_due(at=subscription.term_end, limit=1) == 1
        assert (seats_of(broken), seats_of(behind)) == ((10, 1), (7, 1))

    def test_is_applied_once(self, subscription):
        change(subscription, 7, at=LATER)
        for _ in range(2):
            scheduled.apply_due(at=subscription.term_end)
        assert seats_of(subscription) == (7, 1)
        assert Event.objects.filter(type="quantity_change.applied").count() == 1

    def test_is_dropped_where_it_would_take_seats_from_people_and_who_asked_is_told(self, ana, subscription):
        change(subscription, 2, at=LATER)
        people = MembershipFactory.create_batch(2, tenant=ana.tenant)
        seats.assign(subscription=subscription, members=people, by=acting(ana), at=LATER)
        scheduled.apply_due(at=subscription.term_end)
        assert seats_of(subscription) == (10, 3)
        assert states(subscription) == ["dropped"]
        self.deliver()
        [letter] = mail.outbox
        assert letter.to == [ana.user.email]
        assert letter.subject == "The number of seats stays as it is: Power BI Pro, monthly"
        assert "was to have 2 seats from 10 April 2026 on" in letter.body
        assert "3 people have a seat" in letter.body

    def test_exactly_as_many_as_people_is_applied(self, ana, subscription):
        change(subscription, 2, at=LATER)
        cleo = MembershipFactory(tenant=ana.tenant)
        seats.assign(subscription=subscription, members=[cleo], by=acting(ana), at=LATER)
        scheduled.apply_due(at=subscription.term_end)
        assert seats_of(subscription) == (2, 2)

    def test_more_seats_that_no_renewal_paid_for_are_dropped_and_told(self, ana, subscription):
        change(subscription, 12, when="renewal")
        scheduled.advance_due(at=subscription.term_end)
        assert seats_of(subscription) == (10, 1)
        assert states(subscription) == ["dropped"]
        self.deliver()
        assert "It was not renewed" in mail.outbox[0].body

    def test_whoever_has_left_is_not_written_to(self, ana, subscription):
        change(subscription, 12, when="renewal")
        type(ana).objects.filter(pk=ana.pk).update(state="left")
        scheduled.advance_due(at=subscription.term_end)
        self.deliver()
        assert mail.outbox == []

    def test_of_another_term_is_dropped(self, subscription):
        change(subscription, 7, at=LATER)
        Subscription.objects.update(term_end=subscription.term_end + DAY)
        scheduled.apply_due(at=subscription.term_end)
        assert seats_of(subscription) == (10, 1)
        assert states(subscription) == ["dropped"]

    def test_one_that_cannot_be_applied_stops_no_other(self, ana, plan, subscription, monkeypatch):
        other = buy(ana, plan, 5, NOON + timedelta(minutes=1))
        for each in (subscription, other):
            change(each, 3, at=LATER)
        remove = subscriptions.remove_seats

        def fails_for_one(*, subscription, **what):
            if subscription.pk != other.pk:
                raise subscriptions.QuantityBelowAssigned
            return remove(subscription=subscription, **what)

        monkeypatch.setattr(subscriptions, "remove_seats", fails_for_one)
        assert scheduled.apply_due(at=other.term_end) == 1
        assert seats_of(other) == (3, 1)
        assert waiting(subscription) == [3]
        assert ScheduledChange.objects.count() == 2

    def deliver(self):
        for job in Job.objects.filter(name="commerce.deliver_dropped_change"):
            tasks.letters.deliver_dropped_change(job_id=str(job.pk))


def test_the_books_agree_after_all_of_it(subscription):
    change(subscription, 7, when="renewal")
    change(subscription, 12)
    change(subscription, 8, at=LATER)
    scheduled.advance_due(at=subscription.term_end)
    assert seats_of(subscription) == (8, 1)
    assert findings() == []
