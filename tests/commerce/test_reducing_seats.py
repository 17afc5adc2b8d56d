from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.models import Dispute, Invoice, Order, OrderLine, Payment, Refund
from commerce.operations.accounts.invariants.seats import seats_of_the_term_were_ordered
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Seat, Subscription
from licensing.operations import lifecycle, seats
from licensing.operations.subscriptions import QuantityBelowAssigned, SubscriptionInactive
from tenants.journal.models import Event
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, SECOND, STEP_CARD, change, findings, preview, seats_of
from tests.factories import NOON, MembershipFactory, TaxRateFactory, TenantFactory, acting, admin_of, buy, plan_on_sale
from tests.race import race

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
between_transactions = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

WINDOW = 7 * DAY


@pytest.fixture
def subscription(ana, plan):
    """Ten seats from noon, one of them Ana's."""
    return buy(ana, plan, 10)


def shown(quote):
    """What each line gives back, and why."""
    return [(line.quantity, line.total, line.why.value) for line in quote.lines]


class TestInsideTheWindow:
    def test_gives_back_the_unused_part_of_the_seats_to_the_card(self, subscription):
        done = change(subscription, 7, at=NOON + 3.1 * DAY).quote
        # Three seats of 9.99 each, 27.9 of 31 days.
        assert shown(done) == [(3, Decimal("26.97"), "inside_window")]
        assert ledger.refunded() == [Decimal("26.97")]
        assert seats_of(subscription) == (7, 1)
        assert OrderLine.objects.get().returned == 3
        refund = Refund.objects.get()
        assert (refund.state, refund.reason, refund.quantity) == ("succeeded", "reduced", 3)
        note = Invoice.objects.get(kind="credit_note")
        assert (note.total, note.credits.order) == (refund.amount, Order.objects.get())
        assert findings() == []

    def test_takes_the_seats_that_were_charged_last_first(self, subscription):
        change(subscription, 12, at=NOON + DAY)
        change(subscription, 13, at=NOON + 2 * DAY)
        told = preview(subscription, 9, at=NOON + 2 * DAY)
        # One of the third charge at once, two of the second, one of the first.
        assert [line.quantity for line in told.lines] == [1, 2, 1]
        assert [line.starts_at for line in told.lines] == [NOON + 2 * DAY] * 3
        third = Order.objects.order_by("-created_at").first()
        assert (told.lines[0].total, told.lines[0].order) == (third.total, third)
        change(subscription, 9, at=NOON + 2 * DAY)
        assert sorted(ledger.refunded()) == sorted(line.total for line in told.lines)
        assert seats_of(subscription) == (9, 1)
        assert findings() == []

    @pytest.mark.parametrize(
        "after, goes_now", [(WINDOW - SECOND, True), (WINDOW, False)], ids=["a second before its end", "at its end"]
    )
    def test_counts_seven_times_24_hours_from_each_charge(self, subscription, after, goes_now):
        assert bool(change(subscription, 9, at=NOON + after).quote.total) is goes_now
        assert seats_of(subscription) == (9 if goes_now else 10, 1)

    def test_twice_gives_back_twice_and_the_seats_together_cost_what_they_were_sold_for(self, ana):
        # Three seats for 10.00: a remainder was paid with the first one.
        subscription = buy(ana, plan_on_sale("20.00"), 1)
        added = change(subscription, 4, at=NOON + timedelta(days=25, hours=20)).quote
        assert added.total == Decimal("10.00")
        for left in (3, 2, 1):
            change(subscription, left, at=NOON + timedelta(days=25, hours=20))
        assert ledger.refunded() == [Decimal("3.33"), Decimal("3.33"), Decimal("3.34")]
        assert findings() == []

    def test_gives_back_the_tax_of_what_goes_back(self):
        TaxRateFactory()
        ben = MembershipFactory(tenant__country="DE")
        subscription = buy(ben, plan_on_sale(country="DE"), 3)
        change(subscription, 2)
        refund = Refund.objects.get()
        # 35.66 for three seats: the last one was sold for the smallest third.
        assert (refund.amount, refund.tax) == (Decimal("11.88"), Decimal("1.90"))
        note = Invoice.objects.get(kind="credit_note")
        assert (note.subtotal, note.tax, note.total) == (Decimal("9.98"), Decimal("1.90"), Decimal("11.88"))
        assert findings() == []

    def test_that_is_worth_nothing_any_more_gives_seats_back_without_a_refund(self, ana):
        subscription = buy(ana, plan_on_sale("1", "USD"), 1)
        end = subscription.term_end
        change(subscription, 3, at=end - 4 * 3600 * SECOND)
        done = change(subscription, 2, at=end - SECOND).quote
        assert shown(done) == [(1, 0, "inside_window")]
        assert seats_of(subscription) == (2, 1)
        assert OrderLine.objects.get(order__kind="seats").returned == 1
        assert ledger.refunded() == []
        assert findings() == []


class TestOutsideTheWindow:
    AT = NOON + 8 * DAY

    def test_takes_effect_at_the_renewal(self, subscription):
        done = change(subscription, 7, at=self.AT).quote
        assert shown(done) == [(3, 0, "outside_window")]
        assert (done.after, done.scheduled, done.takes_effect_at) == (10, 7, subscription.term_end)
        assert seats_of(subscription) == (10, 1)
        assert ledger.refunded() == []
        assert subscription.scheduled_changes.get().quantity == 7

    def test_only_what_is_inside_goes_now_and_the_rest_at_the_renewal(self, subscription):
        change(subscription, 12, at=self.AT)
        told = preview(subscription, 7, at=self.AT + DAY)
        assert [(line.quantity, line.why.value) for line in told.lines] == [(2, "inside_window"), (3, "outside_window")]
        assert (told.after, told.scheduled, told.direction) == (10, 7, "refund")
        change(subscription, 7, at=self.AT + DAY)
        assert seats_of(subscription) == (10, 1)
        assert subscription.scheduled_changes.get().quantity == 7
        assert len(ledger.refunded()) == 1
        assert findings() == []

    def test_a_contested_charge_counts_as_outside(self, subscription):
        payment = Payment.objects.get()
        Dispute.objects.create(
            tenant=payment.tenant, payment=payment, gateway_ref="dp_1", amount=payment.amount, opened_at=NOON
        )
        done = change(subscription, 7, at=NOON + SECOND).quote
        assert shown(done) == [(3, 0, "disputed")]
        assert done.scheduled == 7
        assert not Refund.objects.exists()


class TestAssignedSeats:
    def fill(self, subscription, count):
        people = MembershipFactory.create_batch(count, tenant=subscription.tenant)
        seats.assign(subscription=subscription, members=people, by=acting(subscription.owner), at=NOON)

    def test_are_never_taken_now_and_both_numbers_are_named(self, subscription):
        self.fill(subscription, 4)
        for act in (change, preview):
            with pytest.raises(QuantityBelowAssigned) as refused:
                act(subscription, 4)
        assert str(refused.value).startswith("5 seats are assigned, and 4 would be left.")
        assert refused.value.extra == {"assigned": 5, "left": 4}
        assert seats_of(subscription) == (10, 5)
        assert ledger.refunded() == []
        assert change(subscription, 5).quote.after == 5

    def test_are_asked_for_again_only_when_the_renewal_comes(self, subscription):
        self.fill(subscription, 4)
        assert change(subscription, 4, at=NOON + 8 * DAY).quote.scheduled == 4

    def test_count_only_for_what_goes_now(self, subscription):
        self.fill(subscription, 4)
        change(subscription, 11, at=NOON + 8 * DAY)
        done = change(subscription, 4, at=NOON + 9 * DAY).quote
        assert (done.after, done.scheduled) == (10, 4)
        assert seats_of(subscription) == (10, 5)


class TestPreviewing:
    @pytest.mark.parametrize("days", [0, 3, 6.99, 7, 20])
    def test_shows_what_will_happen_and_changes_nothing(self, subscription, days):
        at = NOON + days * DAY
        told = preview(subscription, 7, at=at)
        assert seats_of(subscription) == (10, 1)
        assert not Refund.objects.exists()
        assert not subscription.scheduled_changes.exists()
        done = change(subscription, 7, at=at + timedelta(minutes=10), as_of=told.as_of).quote
        assert done.lines == told.lines
        assert sum(ledger.refunded()) == told.total

    def test_holds_no_longer_once_something_went_back_meanwhile(self, subscription):
        told = preview(subscription, 7)
        change(subscription, 9, at=NOON + SECOND)
        with pytest.raises(ChangedSincePreview):
            change(subscription, 7, at=NOON + 2 * SECOND, as_of=told.as_of)
        assert seats_of(subscription) == (9, 1)


class TestRefused:
    def test_to_everybody_but_its_owner(self, ana, subscription):
        others = [acting(MembershipFactory(tenant=ana.tenant)), admin_of(ana.tenant), admin_of(TenantFactory())]
        for by in others:
            for act in (change, preview):
                with pytest.raises(NotAllowed):
                    act(subscription, 5, by=by)
        assert seats_of(subscription) == (10, 1)

    @pytest.mark.parametrize("quantity", [0, -1, -(2**63)])
    def test_below_the_smallest_quantity(self, subscription, quantity):
        for act in (change, preview):
            with pytest.raises(BadInput) as refused:
                act(subscription, quantity)
            assert (refused.value.field, refused.value.field_code) == ("quantity", "quantity_out_of_range")
        assert seats_of(subscription) == (10, 1)

    def test_when_no_term_runs(self, subscription):
        for act in (change, preview):
            with pytest.raises(SubscriptionInactive):
                act(subscription, 5, at=subscription.term_end)
        lifecycle.advance_due(at=subscription.term_end)
        for act in (change, preview):
            with pytest.raises(SubscriptionInactive):
                act(subscription, 5, at=subscription.term_end)

    def test_while_an_order_waits_for_its_payment(self, subscription):
        change(subscription, 12, card=STEP_CARD)
        with pytest.raises(PaymentInProgress):
            change(subscription, 5)
        assert ledger.refunded() == []


def test_the_journal_names_both_numbers(subscription):
    change(subscription, 7)
    event = Event.objects.get(type="subscription.quantity_changed")
    assert (event.data["before"], event.data["quantity"]) == (10, 7)
    assert Event.objects.filter(type="refund.started").count() == 1


@between_transactions
class TestRaces:
    def test_twenty_reductions_at_once_give_back_each_seat_once(self, ana, plan):
        subscription = buy(ana, plan, 21)

        def give_one_back(target):
            change(Subscription.objects.get(), target)

        race(give_one_back, range(1, 21), refused=(ChangedSincePreview,))
        quantity, _assigned = seats_of(subscription)
        assert quantity == 21 - OrderLine.objects.get().returned
        assert sum(ledger.refunded()) == OrderLine.objects.get().returned * Decimal("9.99")
        assert sum(ledger.refunded()) <= sum(ledger.captured())
        assert findings() == []

    def test_reducing_while_people_are_given_seats_never_leaves_more_people_than_seats(self, ana, plan):
        subscription = buy(ana, plan, 10)
        people = MembershipFactory.create_batch(9, tenant=ana.tenant)

        def act(person):
            if person is None:
                change(Subscription.objects.get(), 5)
            else:
                seats.assign(subscription=subscription, members=[person], by=acting(ana), at=NOON)

        race(act, [*people[:5], None, *people[5:]], refused=(QuantityBelowAssigned, seats.NoSeatLeft))
        quantity, assigned = seats_of(subscription)
        assert assigned == Seat.objects.open().count() <= quantity
        assert (quantity, bool(ledger.refunded())) in ((10, False), (5, True))
        assert findings() == []


def test_seats_that_nobody_ordered_are_found(subscription):
    assert list(seats_of_the_term_were_ordered()) == []
    Subscription.objects.update(quantity=11)
    [finding] = seats_of_the_term_were_ordered()
    assert finding == f"subscription {subscription.pk}: 11 seats, its lines have 10 left"
