"""What happens while a take-over is open: renewals and changes wait, disputes come, two act at once."""

from decimal import Decimal
from threading import Barrier
from unittest import mock

import pytest

from commerce.models import Order, Payment, Refund, ScheduledChange, TakeOver
from commerce.operations.accounts.invariants.take_overs import (
    nothing_is_taken_over_without_saying_so,
    open_take_overs_can_be_undone,
)
from commerce.operations.changes import cancellations, lines
from commerce.operations.changes.quantity import When
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying.settlement import PaymentInProgress
from commerce.operations.takeover import previewing, settling, starting, undoing
from commerce.operations.takeover.previewing import Wish
from commerce.operations.takeover.settling import TakeOverUndone
from commerce.operations.takeover.standing import TakenOver
from commerce.operations.takeover.undoing import ContestedMeanwhile, TakeOverSettled
from licensing.models import Subscription
from licensing.models.subscription import SubscriptionQuerySet
from licensing.operations.subscriptions import SubscriptionInactive
from tests import ledger
from tests.commerce.changes import DAY, change, findings, fresh
from tests.commerce.provider import contested
from tests.commerce.renewing import advance, renewal_of, sweep
from tests.commerce.takeover.conftest import newest, rows_of, settle, start, undo
from tests.factories import NOON, acting, agree, buy
from tests.race import WAITS_AT_MOST, race, without_unique_index

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
PAID = Decimal("29.97")


def test_a_renewal_that_falls_due_meanwhile_waits_and_lapses_when_it_is_settled(boss, subscription, central):
    end = subscription.term_end
    made = start(subscription, boss, target=central, at=end - DAY)
    advance(end + DAY)
    sweep(end + DAY)
    assert len(ledger.captured()) == 1
    settle(made, boss, at=end + 2 * DAY)
    sweep(end + 2 * DAY)
    assert not Order.objects.filter(kind="renewal", subscription=subscription).exists()
    assert fresh(subscription).state == "deleted"
    assert findings() == []


def test_undone_after_its_term_has_ended_it_is_in_grace_and_its_renewal_is_charged(boss, subscription, central):
    end = subscription.term_end
    made = start(subscription, boss, target=central, at=end - DAY)
    advance(end + DAY)
    sweep(end + DAY)
    undo(made, boss, at=end + 2 * DAY)
    assert fresh(subscription).state == "expired"
    sweep(end + 2 * DAY)
    assert (fresh(subscription).state, fresh(subscription).term_start) == ("active", end)
    assert ledger.captured() == [PAID, PAID]
    assert findings() == []


def test_a_renewal_that_was_due_already_waits_as_it_is(boss, ana, subscription, central):
    end = subscription.term_end
    subscription.payment_sources.update(payment_method=None)
    sweep(end)
    assert renewal_of(subscription).state == "blocked"
    advance(end)
    before = rows_of(subscription)
    made = start(subscription, boss, target=central, at=end + DAY)
    sweep(end + 2 * DAY)
    undo(made, boss, at=end + 3 * DAY)
    assert rows_of(subscription) == before
    assert findings() == []


def test_a_next_term_that_is_paid_already_comes_back_when_it_is_undone(boss, subscription, central):
    at = subscription.term_end - DAY / 4
    sweep(at)
    assert fresh(subscription).renewed_until
    before = rows_of(subscription)
    made = start(subscription, boss, target=central, at=at)
    assert fresh(subscription).renewed_until is None
    assert findings() == []
    undo(made, boss, at=at + DAY / 8)
    after = rows_of(subscription)
    for same in ("subscription", "seats", "source", "lines", "periods"):
        assert after[same] == before[same]
    assert renewal_of(subscription).state == "paid"
    assert findings() == []


def test_seats_that_were_added_to_a_next_term_that_is_paid_come_back_too(boss, subscription, central):
    at = subscription.term_end - DAY / 4
    sweep(at)
    change(subscription, 4, at=at)
    before = rows_of(subscription)["subscription"]
    assert before["renewed_quantity"] == 4
    made = start(subscription, boss, target=central, at=at)
    undo(made, boss, at=at + DAY / 8)
    assert rows_of(subscription)["subscription"] == before
    advance(subscription.term_end)
    assert fresh(subscription).quantity == 4
    assert findings() == []


def test_a_next_term_that_is_paid_already_goes_back_whole_when_it_is_settled(boss, subscription, central):
    at = subscription.term_end - DAY / 4
    sweep(at)
    made = start(subscription, boss, target=central, at=at)
    settle(made, boss, at=at + DAY)
    rest, whole = sorted(ledger.refunded())
    assert whole == PAID
    assert Decimal(0) < rest < Decimal(1)
    assert findings() == []


def test_seats_that_wait_for_the_renewal_wait_longer(boss, ana, subscription, central):
    change(subscription, 2, when=When.RENEWAL)
    end = subscription.term_end
    made = start(subscription, boss, target=central, at=end - DAY)
    advance(end + DAY)
    assert ScheduledChange.objects.get().state == "waiting"
    settle(made, boss, at=end + DAY)
    assert ScheduledChange.objects.get().state == "withdrawn"


def test_nobody_cancels_what_is_just_being_adopted(boss, tenant, subscription):
    made = start(subscription, boss, mode="adopt", payer=Payer(agreement=agree(tenant)))
    before, asked = rows_of(subscription), {"subscription": fresh(subscription), "by": acting(boss), "at": NOON}
    with pytest.raises(TakenOver):
        cancellations.preview_cancellation(**asked)
    with pytest.raises(TakenOver):
        cancellations.cancel_subscription(reason="", **asked)
    assert rows_of(subscription) == before
    settle(made, boss)
    cancellations.cancel_subscription(reason="", **asked | {"subscription": fresh(subscription)})
    assert fresh(subscription).state == "disabled"


def test_one_that_cannot_be_settled_now_is_put_off_and_holds_up_no_other(
    boss, ana, plan, subscription, central, caplog
):
    first = start(subscription, boss, target=central)
    second = start(buy(ana, plan, 1), boss, mode="cancel", at=NOON + DAY / 2)
    due = second.settles_at

    def one_is_being_paid(held, *args, **kwargs):
        if held.pk == subscription.pk:
            raise PaymentInProgress
        return lock_after(held, *args, **kwargs)

    lock_after = lines.lock_after
    with mock.patch.object(lines, "lock_after", one_is_being_paid):
        assert settling.settle_due(at=due) == 1
        assert (newest(first).state, newest(second).state) == ("open", "settled")
        assert newest(first).next_try_at == due + settling.AGAIN_AFTER
    assert settling.settle_due(at=due) == 0
    assert settling.settle_due(at=due + settling.AGAIN_AFTER) == 1
    assert findings() == []


def test_nothing_of_a_contested_charge_goes_back_and_it_is_not_undone(boss, subscription, central):
    made = start(subscription, boss, target=central)
    contest(subscription)
    with pytest.raises(ContestedMeanwhile):
        undo(made, boss, at=NOON + DAY)
    settle(made, boss, at=NOON + DAY)
    assert not Refund.objects.exists()
    assert fresh(subscription).state == "deleted"
    assert findings() == []


def contest(subscription):
    contested(Payment.objects.get(order__subscription=subscription), at=NOON + DAY / 2)


def test_the_audit_finds_what_nobody_took_over(boss, subscription, central):
    made = start(subscription, boss, target=central)
    TakeOver.objects.filter(pk=made.pk).update(state="undone", closed_at=NOON, next_try_at=None)
    assert len(list(nothing_is_taken_over_without_saying_so())) == 1
    TakeOver.objects.filter(pk=made.pk).update(state="open", closed_at=None, next_try_at=NOON)
    assert findings() == []
    Subscription.objects.filter(pk=subscription.pk).update(held_at=None)
    assert len(list(open_take_overs_can_be_undone())) == 1


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_of_undoing_and_settling_at_once_one_wins(boss, subscription, central):
    made = newest(start(subscription, boss, target=central))

    def act(deed):
        deed(take_over=made, by=acting(boss), at=NOON + DAY)

    won = race(act, [undoing.undo, settling.settle], refused=(TakeOverSettled, TakeOverUndone))
    state = newest(made).state
    assert won == 1
    assert fresh(subscription).state == {"undone": "active", "settled": "deleted"}[state]
    assert ledger.refunded() == ([] if state == "undone" else [PAID])
    assert findings() == []


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_of_ten_who_settle_at_once_money_goes_back_once(boss, subscription, central):
    made = newest(start(subscription, boss, target=central))
    race(lambda _one: settling.settle(take_over=made, by=acting(boss), at=NOON + DAY), range(10))
    assert ledger.refunded() == [PAID]
    assert findings() == []


def cancel(subscription, boss):
    starting.start(subscription=fresh(subscription), wish=Wish(mode="cancel"), by=acting(boss), at=NOON)


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_of_five_who_take_it_over_at_once_one_does(boss, subscription):
    won = race(lambda _one: cancel(subscription, boss), range(5), refused=(TakenOver, SubscriptionInactive))
    assert (won, TakeOver.objects.count()) == (1, 1)
    assert findings() == []


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_without_lock_and_constraint_two_take_it_over(boss, subscription, monkeypatch):
    """The control: both look before either writes."""
    gate, told = Barrier(2), previewing.told

    def looked(*args, **kwargs):
        found = told(*args, **kwargs)
        gate.wait(WAITS_AT_MOST)
        return found

    monkeypatch.setattr(SubscriptionQuerySet, "locked", lambda self: self.order_by("pk"))
    monkeypatch.setattr(previewing, "told", looked)
    with without_unique_index("commerce_takeover", "one_open_take_over_per_subscription"):
        won = race(lambda _one: cancel(subscription, boss), range(2))
        assert (won, TakeOver.objects.open().count()) == (2, 2)
