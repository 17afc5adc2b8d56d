"""Changes of one subscription at the same moment, each beside a control that loses without lock and constraint."""

from contextlib import ExitStack
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import IntegrityError

from commerce.models import Order, OrderLine, Payment, Refund
from commerce.models.order import OrderQuerySet
from commerce.operations.changes import aligned_terms, aligning, lines
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.paying import open_orders
from commerce.operations.paying.settlement import PaymentInProgress
from licensing.models import Subscription
from licensing.models.subscription import SubscriptionQuerySet
from tenants.ids import new_id
from tenants.refusal import Refused
from tests import ledger
from tests.commerce.changes import DAY, change, findings, fresh, seats_of
from tests.factories import NOON, RETURN_URL, acting, buy
from tests.race import race, without_constraint, without_unique_index

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

FIVE = range(5)
TWENTY = range(20)


@pytest.fixture
def nobody_locks(monkeypatch):
    """Code that forgot the locks of orders and subscriptions."""
    for rows in (OrderQuerySet, SubscriptionQuerySet):
        monkeypatch.setattr(rows, "locked", lambda self: self)


def all_look_first(monkeypatch, place, name, people):
    """Everybody has looked before the first one goes on."""
    barrier, look = Barrier(people), getattr(place, name)

    def look_and_wait_for_the_others(*args, **options):
        found = look(*args, **options)
        barrier.wait(30)
        return found

    monkeypatch.setattr(place, name, look_and_wait_for_the_others)


class TestMoreSeatsFiveTimesAtOnce:
    def ask(self, refused):
        return race(lambda _: change(Subscription.objects.get(), 5), FIVE, refused=refused)

    def test_are_charged_once(self, ana, plan):
        subscription = buy(ana, plan)
        self.ask((PaymentInProgress, ChangedSincePreview))
        assert seats_of(subscription) == (5, 1)
        assert ledger.captured() == [Decimal("19.98"), Decimal("29.97")]
        assert Order.objects.filter(kind="seats").count() == 1
        assert findings() == []

    def test_without_the_lock_the_constraint_still_holds(self, ana, plan, nobody_locks, monkeypatch):
        buy(ana, plan)
        all_look_first(monkeypatch, open_orders, "require_nothing_pending", len(FIVE))
        assert self.ask(IntegrityError) == 1
        assert len(ledger.captured()) == 2

    def test_the_control_without_both_charges_five_times(self, ana, plan, nobody_locks, monkeypatch):
        buy(ana, plan)
        all_look_first(monkeypatch, open_orders, "require_nothing_pending", len(FIVE))
        with without_unique_index("commerce_order", "one_open_order_per_subscription"):
            assert self.ask(IntegrityError) == 5
            assert len(ledger.captured()) == 6


class TestAligningFiveTimesAtOnce:
    def one(self, target, early, refused):
        [told] = aligning.align(
            target=fresh(target),
            others=[fresh(early)],
            return_url=lambda one: RETURN_URL,
            key=new_id(),
            by=acting(target.owner),
            at=NOON + 10 * DAY,
        ).each
        assert told.order or isinstance(told.refusal, refused)
        return bool(told.order)

    def test_is_charged_once(self, ana, plan):
        early, target = buy(ana, plan), buy(ana, plan, at=NOON + 10 * DAY)
        race(lambda _: self.one(target, early, (PaymentInProgress, aligned_terms.AlignedAlready)), FIVE)
        early.refresh_from_db()
        assert early.term_end == target.term_end
        assert Order.objects.filter(kind="alignment", state="paid").count() == 1
        assert len(ledger.captured()) == 3
        assert findings() == []

    def test_the_control_without_lock_and_constraint_charges_five_times(self, ana, plan, nobody_locks, monkeypatch):
        early, target = buy(ana, plan), buy(ana, plan, at=NOON + 10 * DAY)
        all_look_first(monkeypatch, aligned_terms, "_require_alike", len(FIVE))
        with without_unique_index("commerce_order", "one_open_order_per_subscription"):
            race(lambda _: self.one(target, early, Refused), FIVE, refused=IntegrityError)
        assert len(ledger.captured()) == 7


class TestTwentyRefundsAtOnce:
    """Each wants all seats but one back: twenty times nearly everything that was ever charged."""

    def ask(self, refused):
        return race(lambda _: change(Subscription.objects.get(), 1), TWENTY, refused=refused)

    def refunded(self):
        return sum(Refund.objects.values_list("amount", flat=True))

    def test_never_give_back_more_than_was_captured(self, ana, plan):
        subscription = buy(ana, plan, 21)
        self.ask(ChangedSincePreview)
        assert seats_of(subscription) == (1, 1)
        assert ledger.refunded() == [Decimal("199.80")]
        assert self.refunded() <= Payment.objects.get().captured
        assert findings() == []

    def test_without_the_locks_the_constraints_still_hold(self, ana, plan, nobody_locks, monkeypatch):
        buy(ana, plan, 21)
        all_look_first(monkeypatch, lines, "of_term", len(TWENTY))
        assert self.ask(IntegrityError) == 1
        assert self.refunded() <= Payment.objects.get().captured

    def test_the_control_without_both_gives_back_more(self, ana, plan, nobody_locks, monkeypatch):
        buy(ana, plan, 21)
        all_look_first(monkeypatch, lines, "of_term", len(TWENTY))
        monkeypatch.setattr(lines, "send_refunds", lambda *args, **options: None)
        with ExitStack() as walls:
            walls.enter_context(without_constraint("commerce_payment", "refunded_and_disputed_within_captured"))
            walls.enter_context(without_constraint("commerce_orderline", "returned_within_line"))
            assert self.ask(IntegrityError) == 20
        assert self.refunded() > Payment.objects.get().captured
        assert OrderLine.objects.get().returned == 400
