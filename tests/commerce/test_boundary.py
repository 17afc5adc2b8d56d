"""What waits for the end of a term, in its one order: what a policy ends, the number of seats, offers, the charge."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.models import Order, ScheduledChange, TransferOffer
from commerce.operations.changes import policy_endings, scheduled
from licensing.operations import seats
from policies.operations import policies
from policies.operations.endings import Existing
from tenants.access import SYSTEM
from tenants.delivery.models import Job
from tests import ledger
from tests.commerce.changes import change, findings
from tests.commerce.handing_over import accept, offer
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.factories import NOON, MembershipFactory, acting, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

DUE = datetime(2026, 4, 10, tzinfo=UTC)
LATER = NOON + timedelta(days=10)
HOUR = timedelta(hours=1)


@pytest.fixture
def subscription(ana, plan):
    """Five seats until 10 April at noon, one of them Ana's."""
    return buy(ana, plan, 5)


def fewer(subscription, count):
    change(subscription, count, at=LATER)
    assert ScheduledChange.objects.get().state == "waiting"


def end_by_policy(subscription, at, rule="cancel"):
    policies.set_product_policy(
        tenant=subscription.tenant,
        product=subscription.plan.product,
        value="disabled",
        reason="Too dear",
        existing=Existing(rule=rule, at=at),
        by=SYSTEM,
        at=LATER,
    )


def renewed_quantities():
    return [line.quantity for order in Order.objects.filter(kind="renewal") for line in order.lines.all()]


class TestWhatAPolicyEnds:
    @pytest.mark.parametrize("at", [DUE - HOUR, DUE + HOUR, DUE + 12 * HOUR])
    def test_comes_before_the_charge_whichever_sweep_runs_first(self, subscription, at):
        fewer(subscription, 3)
        end_by_policy(subscription, at)
        assert sweep(DUE) == {"waiting": 1}
        policy_endings.apply_due(at=max(at, DUE))
        advance(subscription.term_end)
        sweep(subscription.term_end + HOUR)
        subscription.refresh_from_db()
        assert not subscription.auto_renew
        assert renewal_of(subscription).state == "lapsed"
        assert len(ledger.captured()) == 1
        assert findings() == []

    def test_after_the_next_term_has_begun_leaves_the_charge(self, subscription):
        end_by_policy(subscription, DUE + 48 * HOUR)
        assert sweep(DUE) == {"charged": 1}

    def test_that_is_stopped_is_not_charged(self, subscription):
        end_by_policy(subscription, None, rule="stop_at_renewal")
        policy_endings.apply_due(at=LATER)
        assert sweep(DUE) == {}
        assert len(ledger.captured()) == 1


class TestTheNumberOfSeats:
    def test_is_what_is_charged_and_what_is_there_when_the_term_begins(self, subscription):
        fewer(subscription, 3)
        sweep(DUE)
        assert renewed_quantities() == [3]
        assert ledger.captured()[-1] == Decimal("29.97")
        subscription.refresh_from_db()
        assert subscription.quantity == 5
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.quantity == 3
        assert ScheduledChange.objects.get().state == "applied"
        assert findings() == []

    def test_below_what_people_hold_is_dropped_and_told_and_all_are_charged(self, ana, subscription):
        fewer(subscription, 2)
        people = [MembershipFactory(tenant=ana.tenant) for _number in range(3)]
        seats.assign(subscription=subscription, members=people, by=acting(ana), at=LATER)
        sweep(DUE)
        assert renewed_quantities() == [5]
        assert ScheduledChange.objects.get().state == "dropped"
        assert Job.objects.filter(name="commerce.deliver_dropped_change").count() == 1
        advance(subscription.term_end)
        subscription.refresh_from_db()
        assert subscription.quantity == 5

    def test_is_charged_once_however_the_sweeps_follow_each_other(self, subscription):
        fewer(subscription, 3)
        scheduled.apply_due(at=DUE)
        sweep(DUE)
        scheduled.apply_due(at=subscription.term_end)
        advance(subscription.term_end)
        sweep(subscription.term_end)
        subscription.refresh_from_db()
        assert (subscription.quantity, renewed_quantities()) == (3, [3])
        assert findings() == []


class TestAnOffer:
    def test_is_kept_over_the_boundary_and_the_one_who_has_it_pays(self, ana, cleo, subscription):
        offer(subscription, cleo, at=DUE - 2 * HOUR)
        sweep(DUE)
        advance(subscription.term_end)
        assert TransferOffer.objects.get().state == "open"
        assert Order.objects.get(kind="renewal").buyer == ana
        assert findings() == []

    def test_accepted_before_lets_the_other_one_pay_with_the_number_of_seats_that_was_asked_for(
        self, cleo, subscription
    ):
        fewer(subscription, 3)
        accept(offer(subscription, cleo, at=DUE - 2 * HOUR), at=DUE - HOUR)
        sweep(DUE)
        order = Order.objects.get(kind="renewal")
        assert (order.buyer, [line.quantity for line in order.lines.all()]) == (cleo, [3])
        assert findings() == []
