from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce import money
from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, Refund
from commerce.models.purchase import REFUND_WINDOW
from commerce.operations.accounts.invariants import CHECKS
from commerce.operations.changes import cancellations
from commerce.operations.paying import refunds, settlement
from commerce.proration import Part
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle, seats
from licensing.operations.subscriptions import SubscriptionInactive
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tenants.refusal import NotAllowed
from tests import ledger
from tests.factories import NOON, MembershipFactory, TenantFactory, acting, admin_of, buy, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

SECOND = timedelta(seconds=1)
MONTH = timedelta(days=31)  # from 10 March to 10 April


def cancel(subscription, at=NOON, by=None, reason=""):
    by = by or acting(subscription.owner)
    return cancellations.cancel_subscription(subscription=subscription, reason=reason, by=by, at=at)


def preview(subscription, at=NOON, by=None):
    by = by or acting(subscription.owner)
    return cancellations.preview_cancellation(subscription=subscription, by=by, at=at)


def now(subscription):
    subscription.refresh_from_db()
    return subscription.state, subscription.auto_renew, subscription.end_cause


def findings():
    return [finding for check in CHECKS for finding in check()]


class TestInsideTheWindow:
    def test_gives_back_the_unused_part_and_takes_access_now(self, ana, plan):
        subscription = buy(ana, plan)
        done = cancel(subscription, at=NOON + timedelta(days=3.1), reason="bought the wrong one")
        assert done.total == Decimal("17.98")  # 27.9 of 31 days
        assert ledger.refunded() == [done.total]
        assert now(subscription) == ("disabled", True, "canceled")
        assert subscription.state_ends_at == NOON + timedelta(days=93.1)
        assert [seat.member for seat in Seat.objects.open()] == [ana]
        refund, payment = Refund.objects.get(), Payment.objects.get()
        assert (refund.state, refund.reason, refund.line.order) == ("succeeded", "canceled", Order.objects.get())
        assert payment.refunded == done.total
        event = Event.objects.get(type="subscription.canceled")
        assert (event.data["refund"], event.data["currency"]) == ("17.98", "USD")
        assert event.data["reason"] == "bought the wrong one"
        assert findings() == []

    def test_at_once_gives_everything_back(self, ana, plan):
        assert cancel(buy(ana, plan)).total == Decimal("19.98")

    @pytest.mark.parametrize(
        "after, inside",
        [
            (REFUND_WINDOW - SECOND, True),
            (REFUND_WINDOW - timedelta(microseconds=1), True),
            (REFUND_WINDOW, False),
            (REFUND_WINDOW + SECOND, False),
        ],
        ids=["a second before", "a microsecond before", "exactly 7 × 24 h", "a second after"],
    )
    def test_ends_after_seven_times_24_hours_to_the_second(self, ana, plan, after, inside):
        subscription = buy(ana, plan)
        done = cancel(subscription, at=NOON + after)
        assert bool(done.total) is inside
        assert bool(ledger.refunded()) is inside
        assert now(subscription)[:2] == (("disabled", True) if inside else ("active", False))

    def test_is_168_hours_also_when_the_clock_changes(self, plan):
        # Berlin, 29 March 2026: a week on the wall is 167 hours.
        bought = datetime(2026, 3, 25, 9, tzinfo=UTC)
        ben = MembershipFactory(tenant=TenantFactory(time_zone="Europe/Berlin"))
        subscription = buy(ben, plan, at=bought)
        assert preview(subscription, at=bought + timedelta(hours=168) - SECOND).total
        assert not preview(subscription, at=bought + timedelta(hours=168)).total

    @pytest.mark.parametrize(
        "amount, currency, country, back",
        [("1001", "JPY", "JP", "1615"), ("1.251", "KWD", "KW", "2.018"), ("0.001", "KWD", "KW", "0.002")],
    )
    def test_is_exact_in_currencies_with_other_minor_units(self, amount, currency, country, back):
        plan = plan_on_sale(amount, currency, country)
        subscription = buy(MembershipFactory(tenant__country=country), plan)
        done = cancel(subscription, at=NOON + timedelta(days=6))
        assert (done.total, done.currency) == (Decimal(back), currency)
        assert money.is_exact(done.total, currency)
        assert ledger.refunded() == [done.total]

    def test_gives_a_year_back_by_the_year(self, ana):
        subscription = buy(ana, plan_on_sale("365.00", term="P1Y"), 1)
        assert cancel(subscription, at=NOON + timedelta(days=5)).total == Decimal("360.00")

    def test_the_smallest_coin_goes_back_whole(self):
        plan = plan_on_sale("1", "JPY", "JP")
        subscription = buy(MembershipFactory(tenant__country="JP"), plan, 1)
        # One yen: at 6.9 of 31 days the unused part rounds to a whole one.
        assert cancel(subscription, at=NOON + timedelta(days=6.9)).total == 1
        assert now(subscription)[0] == "disabled"

    @given(
        paid=st.integers(1, 10**7),
        seconds=st.integers(0, int(REFUND_WINDOW.total_seconds()) - 1),
        currency=st.sampled_from(["USD", "JPY", "KWD"]),
    )
    def test_never_more_than_was_paid(self, paid, seconds, currency):
        amount = paid * money.smallest(currency)
        at = NOON + timedelta(seconds=seconds)
        part = Part.after(at, start=NOON, end=NOON + MONTH).taken_of(amount, currency)
        assert 0 <= part <= amount


class TestOutsideTheWindow:
    def test_turns_renewal_off_and_lets_the_term_run(self, ana, plan):
        subscription = buy(ana, plan)
        done = cancel(subscription, at=NOON + timedelta(days=8))
        assert (done.total, done.ends_at, done.refunds) == (0, subscription.term_end, ())
        assert now(subscription) == ("active", False, "")
        assert ledger.refunded() == []
        assert "refund" not in Event.objects.get(type="subscription.canceled").data

    def test_twice_is_the_same(self, ana, plan):
        subscription = buy(ana, plan)
        for _ in range(2):
            cancel(subscription, at=NOON + timedelta(days=8))
        assert now(subscription)[:2] == ("active", False)
        assert Event.objects.filter(type="subscription.renewal_changed").count() == 1
        assert Event.objects.filter(type="subscription.canceled").count() == 1


class TestPreviewing:
    @pytest.mark.parametrize("days", [0, 3, 6.99, 7, 20])
    def test_shows_what_will_happen_and_changes_nothing(self, ana, plan, days):
        subscription = buy(ana, plan)
        at = NOON + timedelta(days=days)
        shown = preview(subscription, at=at)
        assert now(subscription) == ("active", True, "")
        assert not Refund.objects.exists()
        done = cancel(subscription, at=at)
        assert (shown.total, shown.ends_at) == (done.total, done.ends_at)


class TestWhoMay:
    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_admins_may_end_the_purchases_of_others(self, ana, plan, role):
        subscription = buy(ana, plan)
        cancel(subscription, by=admin_of(ana.tenant, role))
        assert now(subscription)[0] == "disabled"
        assert Event.objects.get(type="subscription.canceled").actor != ana.user

    def test_nobody_else(self, ana, plan):
        subscription = buy(ana, plan)
        others = [
            acting(MembershipFactory(tenant=ana.tenant)),
            *(admin_of(ana.tenant, role) for role in ("license_admin", "user_admin", "global_reader")),
            admin_of(TenantFactory()),
            SYSTEM,
        ]
        for by in others:
            for ask in (cancel, preview):
                with pytest.raises(NotAllowed):
                    ask(subscription, by=by)
        assert now(subscription) == ("active", True, "")
        assert ledger.refunded() == []


class TestWhen:
    def test_it_has_ended_already_it_is_refused(self, ana, plan):
        subscription = buy(ana, plan)
        cancel(subscription)
        for ask in (cancel, preview):
            with pytest.raises(SubscriptionInactive):
                ask(Subscription.objects.get())
        assert ledger.refunded() == [Decimal("19.98")]

    def test_it_is_in_grace_it_is_refused_and_nothing_goes_back(self, ana, plan):
        subscription = buy(ana, plan)
        lifecycle.advance_due(at=subscription.term_end)
        for act in (preview, cancel):
            with pytest.raises(SubscriptionInactive):
                act(Subscription.objects.get(), at=subscription.term_end)
        assert ledger.refunded() == []

    def test_people_sit_in_it_they_lose_access_and_their_seats_are_known(self, ana, plan):
        subscription = buy(ana, plan)
        cleo = MembershipFactory(tenant=ana.tenant)
        seats.assign(subscription=subscription, members=[cleo], by=acting(ana), at=NOON)
        cancel(subscription)
        assert not Seat.objects.with_access().exists()
        assert Seat.objects.open().count() == 2


class TestAProviderThatIsAway:
    def test_owes_the_refund_until_the_sweep_has_sent_it(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)

        def away(self, **_):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            cancel(subscription)
        assert now(subscription)[0] == "disabled"
        assert Refund.objects.get().state == "started"
        settlement.reconcile(at=NOON + 61 * SECOND)
        assert Refund.objects.get().state == "succeeded"
        assert ledger.refunded() == [Decimal("19.98")]
        settlement.reconcile(at=NOON + 122 * SECOND)
        assert ledger.refunded() == [Decimal("19.98")]

    def test_that_refunded_without_an_answer_refunds_once(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)
        refund = SandboxGateway.refund

        def refund_and_say_nothing(self, **what):
            refund(self, **what)
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", refund_and_say_nothing)
            cancel(subscription)
        settlement.reconcile(at=NOON + 61 * SECOND)
        assert ledger.refunded() == [Decimal("19.98")]
        assert findings() == []


@between_transactions
class TestRaces:
    def test_canceled_twenty_times_at_once_refunds_once(self, ana, plan):
        subscription = buy(ana, plan)
        assert race(lambda _: cancel(Subscription.objects.get()), range(20), refused=SubscriptionInactive) == 1
        assert ledger.refunded() == [Decimal("19.98")]
        assert Refund.objects.count() == 1
        assert now(subscription)[0] == "disabled"
        assert findings() == []

    def test_a_refund_that_four_processes_send_at_once_is_one(self, ana, plan, monkeypatch):
        subscription = buy(ana, plan)

        def away(self, **_):
            raise GatewayUnavailable

        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "refund", away)
            cancel(subscription)
        everybody_has_asked = Barrier(4)
        refund = SandboxGateway.refund

        def refund_and_wait_for_the_others(self, **what):
            reference = refund(self, **what)
            everybody_has_asked.wait(30)
            return reference

        monkeypatch.setattr(SandboxGateway, "refund", refund_and_wait_for_the_others)
        race(lambda _: refunds.send(Refund.objects.select_related("payment").get(), at=NOON + 61 * SECOND), range(4))
        assert ledger.refunded() == [Decimal("19.98")]
        assert Event.objects.filter(type="refund.succeeded").count() == 1
        assert findings() == []

    def test_canceling_and_assigning_at_once_leave_numbers_that_agree(self, ana, plan):
        subscription = buy(ana, plan, 10)
        people = MembershipFactory.create_batch(9, tenant=ana.tenant)

        def act(person):
            if person is None:
                cancel(Subscription.objects.get())
            else:
                seats.assign(subscription=subscription, members=[person], by=acting(ana), at=NOON)

        race(act, [*people[:5], None, *people[5:]], refused=SubscriptionInactive)
        assert now(subscription)[0] == "disabled"
        assert findings() == []
