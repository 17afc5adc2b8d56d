"""What is contested is kept until the bank has decided: for longer than ninety days, and of several charges."""

import pytest

from commerce.models import Payment
from commerce.operations.changes import quantity, scheduled
from commerce.views.looks import look_of
from licensing.operations import lifecycle
from tenants.access import SYSTEM
from tests.commerce.conftest import all_is_well, state_of
from tests.commerce.disputes.conftest import DAY, HOUR, LATER, SOON, contest, journal, judge
from tests.commerce.provider import BANK, bought
from tests.factories import NOON, RETURN_URL, acting, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestUndecidedForLong:
    """The 90 days after which a subscription is deleted may pass before the bank has decided."""

    @pytest.fixture
    def payment(self, ana):
        return bought(ana, plan_on_sale(term="P1Y"))

    @pytest.fixture
    def waiting(self, payment, subscription):
        contest(payment)
        assert scheduled.advance_due(at=NOON + 100 * DAY) == 0
        assert state_of(subscription) == "disabled"
        assert subscription.held_at == SOON
        assert look_of(subscription).sentence.endswith("Kept until the bank has decided")
        return payment

    def test_won_after_a_hundred_days_access_is_back_with_everybodys_seat(self, waiting, subscription):
        judge(waiting, won=True, at=NOON + 100 * DAY)
        assert scheduled.advance_due(at=NOON + 101 * DAY) == 0
        assert state_of(subscription) == "active"
        assert (subscription.held_at, subscription.seats_assigned) == (None, 1)
        assert subscription.state_ends_at == subscription.term_end == NOON + 365 * DAY
        assert all_is_well()

    def test_lost_after_a_hundred_days_it_is_deleted_by_the_next_sweep(self, waiting, subscription):
        judge(waiting, won=False, at=NOON + 100 * DAY)
        assert state_of(subscription) == "disabled"
        assert subscription.held_at is None
        assert scheduled.advance_due(at=NOON + 101 * DAY) == 1
        assert state_of(subscription) == "deleted"
        assert all_is_well()

    def test_lost_in_time_it_is_kept_for_its_ninety_days(self, payment, subscription):
        contest(payment)
        judge(payment, won=False)
        assert scheduled.advance_due(at=SOON + 90 * DAY - HOUR) == 0
        assert scheduled.advance_due(at=SOON + 90 * DAY) == 1
        assert state_of(subscription) == "deleted"

    def test_lost_before_it_was_heard_of_nothing_holds_it(self, payment, subscription):
        BANK.contest(payment.pk)
        judge(payment, won=False, at=SOON)
        assert state_of(subscription) == "disabled"
        assert subscription.held_at is None

    def test_paid_for_anew_meanwhile_nothing_holds_it(self, waiting, subscription):
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + 101 * DAY)
        assert state_of(subscription) == "active"
        assert subscription.held_at is None
        judge(waiting, won=False, at=NOON + 102 * DAY)
        assert state_of(subscription) == "active"
        assert "subscription.released" not in journal()


class TestTwoOfOneSubscription:
    @pytest.fixture
    def second(self, payment, subscription):
        """Another charge that the same subscription was paid with."""
        quantity.change(
            subscription=subscription, quantity=5, payment_method="pm_card_visa", return_url=RETURN_URL,
            by=acting(subscription.owner), at=NOON,
        )  # fmt: skip
        return Payment.objects.exclude(pk=payment.pk).get()

    def test_access_comes_back_with_the_last_of_them(self, payment, second, subscription):
        contest(payment)
        contest(second)
        judge(payment, won=True)
        assert state_of(subscription) == "disabled"
        judge(second, won=True)
        assert state_of(subscription) == "active"

    def test_and_stays_away_when_one_is_lost(self, payment, second, subscription):
        contest(payment)
        contest(second)
        judge(second, won=False)
        judge(payment, won=True)
        assert state_of(subscription) == "disabled"

    @pytest.mark.parametrize("first_is_won", [True, False])
    def test_it_is_held_until_the_last_of_them_is_decided(self, payment, second, subscription, first_is_won):
        contest(payment)
        contest(second)
        judge(payment, won=first_is_won)
        scheduled.advance_due(at=NOON + 100 * DAY)
        assert state_of(subscription) == "disabled"
        judge(second, won=False, at=NOON + 101 * DAY)
        scheduled.advance_due(at=NOON + 101 * DAY)
        assert state_of(subscription) == "deleted"

    def test_one_that_comes_after_one_was_lost_holds_it_again(self, payment, second, subscription):
        contest(payment)
        judge(payment, won=False)
        contest(second, at=LATER + DAY)
        scheduled.advance_due(at=NOON + 100 * DAY)
        assert state_of(subscription) == "disabled"
        assert subscription.held_at == LATER + DAY

    def test_one_that_was_lost_before_it_was_paid_for_anew_holds_nothing_back(self, payment, second, subscription):
        contest(payment)
        judge(payment, won=False)
        lifecycle.reactivate(subscription=subscription, by=SYSTEM, at=NOON + 11 * DAY)
        contest(second, at=NOON + 12 * DAY)
        assert state_of(subscription) == "disabled"
        judge(second, won=True, at=NOON + 13 * DAY)
        assert state_of(subscription) == "active"
