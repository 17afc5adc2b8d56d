"""Cancellations of what was charged more than once: each line has a window of its own."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail

from commerce import tasks
from commerce.models import Dispute, OrderLine, Payment, Refund
from commerce.operations.changes import cancellations
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.charging import PaymentCanceled
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Seat, Subscription
from licensing.operations import seats
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.delivery.models import Job
from tenants.journal.models import Event
from tenants.refusal import BadInput
from tests import ledger
from tests.commerce.changes import DAY, SECOND, change, findings, fresh, seats_of
from tests.factories import NOON, MembershipFactory, TaxRateFactory, acting, admin_of, buy, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

LATER = NOON + 10 * DAY


@pytest.fixture
def subscription(ana, plan):
    """Three seats from noon on, two more ten days later."""
    subscription = buy(ana, plan, 3)
    change(subscription, 5, at=LATER)
    return subscription


def people(subscription, count):
    members = MembershipFactory.create_batch(count, tenant=subscription.tenant)
    for n, member in enumerate(members):
        at = LATER + n * SECOND
        seats.assign(subscription=subscription, members=[member], by=acting(subscription.owner), at=at)
    return members


def cancel(subscription, at=LATER + DAY, by=None, **options):
    return cancellations.cancel_subscription(
        subscription=subscription, reason="", by=by or acting(subscription.owner), at=at, **options
    )


def preview(subscription, at=LATER + DAY, **options):
    by = acting(subscription.owner)
    return cancellations.preview_cancellation(subscription=fresh(subscription), by=by, at=at, **options)


def letters():
    for job in Job.objects.filter(name="commerce.deliver_lost_seats"):
        tasks.letters.deliver_lost_seats(job_id=str(job.pk))
    return mail.outbox


class TestALineInsideAndOneOutside:
    def test_refunds_the_one_and_lets_the_other_run(self, subscription):
        done = cancel(subscription)
        [back], [running] = done.refunds, done.running
        assert (back.quantity, back.why.value, running.quantity, running.why.value) == (
            2,
            "inside_window",
            3,
            "outside_window",
        )
        # 13.54 for 21 of 31 days, of which 20 are left.
        assert (back.charged, back.total, running.total) == (Decimal("13.53"), Decimal("12.89"), 0)
        assert (done.ends_now, done.ends_at, done.seats_left) == (False, subscription.term_end, 3)
        assert ledger.refunded() == [Decimal("12.89")]
        subscription.refresh_from_db()
        assert (subscription.state, subscription.auto_renew, subscription.quantity) == ("active", False, 3)
        assert findings() == []

    def test_takes_the_seats_of_those_who_came_last_and_tells_them(self, ana, subscription):
        first, second, third, fourth = people(subscription, 4)
        shown = preview(subscription)
        assert (shown.losing, [seat.member for seat in shown.people]) == (2, [fourth, third])
        cancel(subscription)
        assert {seat.member for seat in Seat.objects.open()} == {ana, first, second}
        assert seats_of(subscription) == (3, 3)
        assert sorted(letter.to[0] for letter in letters()) == sorted([third.user.email, fourth.user.email])
        assert mail.outbox[0].subject == "Your seat of Power BI Pro has ended"
        assert findings() == []

    def test_tells_nobody_where_nobody_loses_a_seat(self, subscription):
        people(subscription, 2)
        assert cancel(subscription).losing == 0
        assert letters() == []

    def test_twice_is_the_same(self, subscription):
        cancel(subscription)
        again = cancel(subscription, at=LATER + 2 * DAY)
        assert (again.refunds, again.total, len(again.running)) == ((), 0, 1)
        assert seats_of(subscription) == (3, 1)
        assert len(ledger.refunded()) == 1
        assert Event.objects.filter(type="subscription.canceled").count() == 1

    def test_seats_that_were_given_back_before_are_not_given_back_again(self, subscription):
        change(subscription, 4, at=LATER)
        done = cancel(subscription)
        assert done.refunds[0].quantity == 1
        assert OrderLine.objects.get(order__kind="seats").returned == 2
        assert sum(ledger.refunded()) <= Payment.objects.get(order__kind="seats").captured
        assert seats_of(subscription) == (3, 1)
        assert findings() == []

    def test_is_told_by_the_journal(self, subscription):
        cancel(subscription)
        event = Event.objects.get(type="subscription.canceled")
        assert (event.data["refund"], event.data["ends_at"]) == (
            "12.89",
            subscription.term_end.isoformat().replace("+00:00", "Z"),
        )

    def test_by_an_admin_tells_the_owner_who_loses_a_seat_too(self, ana, subscription):
        people(subscription, 3)
        seats.release(subscription=subscription, members=[ana], by=acting(ana), at=LATER)
        seats.assign(subscription=subscription, members=[ana], by=acting(ana), at=LATER + 10 * SECOND)
        cancel(subscription, by=admin_of(ana.tenant))
        assert [letter.to for letter in letters()] == [[ana.user.email]]


class TestAllInside:
    def test_ends_at_once_with_every_line_refunded(self, ana, plan):
        subscription = buy(ana, plan, 3)
        change(subscription, 5, at=NOON + DAY)
        [member] = people(subscription, 1)
        done = cancel(subscription, at=NOON + DAY)
        assert (done.ends_now, len(done.refunds), done.running, done.losing) == (True, 2, (), 2)
        assert sorted(ledger.refunded()) == sorted(line.total for line in done.refunds)
        subscription.refresh_from_db()
        assert (subscription.state, subscription.end_cause) == ("disabled", "canceled")
        assert [letter.to for letter in letters()] == [[member.user.email]]
        assert findings() == []


class TestAllOutside:
    def test_names_each_line_that_runs_on(self, subscription):
        shown = preview(subscription, at=LATER + 8 * DAY)
        assert [(line.quantity, line.total, line.why.value) for line in shown.lines] == [
            (2, 0, "outside_window"),
            (3, 0, "outside_window"),
        ]
        assert (shown.seats_left, shown.losing) == (5, 0)
        cancel(subscription, at=LATER + 8 * DAY)
        assert seats_of(subscription) == (5, 1)

    def test_a_contested_charge_runs_on_and_is_never_refunded(self, subscription):
        payment = Payment.objects.get(order__kind="seats")
        Dispute.objects.create(
            tenant=payment.tenant, payment=payment, gateway_ref="dp_1", amount=payment.amount, opened_at=LATER
        )
        done = cancel(subscription)
        assert {line.why.value for line in done.running} == {"disputed", "outside_window"}
        assert not Refund.objects.exists()
        assert Subscription.objects.get().state == "active"


class TestPreviewing:
    @pytest.mark.parametrize("days", [10, 13, 16.99, 17, 20])
    def test_shows_what_will_happen_and_changes_nothing(self, subscription, days):
        at = NOON + days * DAY
        shown = preview(subscription, at=at)
        assert seats_of(subscription) == (5, 1)
        assert not Refund.objects.exists()
        done = cancel(subscription, at=at + timedelta(minutes=10), as_of=shown.as_of)
        assert (done.lines, done.total, done.seats_left) == (shown.lines, shown.total, shown.seats_left)
        assert sum(ledger.refunded()) == shown.total

    def test_holds_no_longer_than_fifteen_minutes(self, subscription):
        with pytest.raises(BadInput):
            cancel(subscription, as_of=LATER + DAY - timedelta(minutes=15) - SECOND)
        assert ledger.refunded() == []

    def test_holds_no_longer_once_seats_were_bought_meanwhile(self, subscription):
        shown = preview(subscription)
        change(subscription, 6, at=LATER + DAY + SECOND)
        with pytest.raises(ChangedSincePreview):
            cancel(subscription, at=LATER + DAY + 2 * SECOND, as_of=shown.as_of)
        assert ledger.refunded() == []


def test_a_preview_holds_no_longer_once_a_charge_was_contested_meanwhile(subscription):
    shown = preview(subscription)
    payment = Payment.objects.get(order__kind="seats")
    told_at = LATER + DAY + SECOND
    Dispute.objects.create(
        tenant=payment.tenant, payment=payment, gateway_ref="dp_1", amount=payment.amount, opened_at=told_at
    )
    with pytest.raises(ChangedSincePreview):
        cancel(subscription, at=LATER + DAY + 2 * SECOND, as_of=shown.as_of)
    assert ledger.refunded() == []


def test_is_refused_from_the_moment_on_at_which_the_term_is_over(subscription):
    for act in (preview, cancel):
        with pytest.raises(SubscriptionInactive):
            act(subscription, at=subscription.term_end)
    assert Subscription.objects.get().state == "active"


def test_refunds_and_taxes_of_many_lines_add_up():
    TaxRateFactory()
    subscription = buy(MembershipFactory(tenant__country="DE"), plan_on_sale("7.77", "EUR", "DE"), 3)
    for n in range(1, 6):
        change(subscription, 3 + n, at=NOON + n * DAY)
    done = cancel(subscription, at=NOON + 6 * DAY)
    assert done.total == sum(ledger.refunded()) == sum(line.amount + line.tax for line in done.refunds)
    assert done.tax == sum(Refund.objects.values_list("tax", flat=True))
    assert findings() == []


@between_transactions
def test_canceling_and_adding_at_once_leave_books_that_agree(ana, plan):
    subscription = buy(ana, plan, 2)

    def act(n):
        if n == 0:
            cancel(Subscription.objects.get(), at=NOON)
        else:
            change(Subscription.objects.get(), 2 + n)

    race(act, range(6), refused=(PaymentInProgress, SubscriptionInactive, ChangedSincePreview, PaymentCanceled))
    subscription.refresh_from_db()
    if subscription.state == "disabled":
        assert sum(ledger.refunded()) == sum(ledger.captured())
    assert findings() == []
