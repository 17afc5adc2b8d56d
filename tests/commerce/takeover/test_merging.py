"""Several purchases become one central subscription with one end date, with the seats that it lacked."""

from decimal import Decimal
from uuid import uuid4

import pytest

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, TakeOver
from commerce.operations.changes.quotes import ChangedSincePreview
from commerce.operations.takeover import merging
from licensing.models import Seat
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, STEP_CARD, confirm, findings, fresh
from tests.commerce.takeover.conftest import holders, settle
from tests.factories import (
    NOON,
    RETURN_URL,
    MembershipFactory,
    acting,
    buy,
    buy_centrally,
    order_centrally,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def central(boss, plan):
    return buy_centrally(boss, plan, 1)


@pytest.fixture
def by_card(boss, plan):
    """One central seat that a card pays for."""
    return order_centrally(boss, price_centrally(plan), 1, payment_method="pm_card_visa").subscription


@pytest.fixture
def others(ana, cleo, plan):
    """Of ana and of cleo, who has a second one."""
    return [buy(ana, plan, 2), buy(cleo, plan, 1), buy(cleo, plan, 1)]


def asked(central, others, boss, at=NOON + DAY, **more):
    return {"target": fresh(central), "others": [fresh(one) for one in others], "by": acting(boss), "at": at, **more}


def merge(central, others, boss, key=None, **more):
    return merging.merge(return_url=RETURN_URL, key=key or uuid4(), **asked(central, others, boss, **more))


def test_the_preview_says_what_the_missing_seats_cost_and_what_goes_back(boss, central, others):
    told = merging.preview(**asked(central, others, boss))
    # Two people need a seat, one is free.
    assert (told.missing, told.room.after) == (1, 2)
    assert Decimal(0) < told.room.total < Decimal("8.99")
    assert told.refunds["USD"] == sum(one.preview.back for one in told.each) > 0
    assert not TakeOver.objects.exists()
    assert fresh(central).quantity == 1


def test_missing_seats_are_bought_and_everybody_ends_in_one(boss, ana, cleo, central, others):
    shown = merging.preview(**asked(central, others, boss))
    done = merge(central, others, boss, as_of=shown.as_of, expecting=shown.room.total)
    assert done.order.total == shown.room.total
    assert [one.refusal for one in done.each] == [None, None, None]
    assert holders(central) == {ana, cleo}
    assert Seat.objects.filter(subscription=central).count() == 2
    assert {fresh(one).state for one in others} == {"disabled"}
    for one in done.each:
        settle(one.take_over, boss, at=NOON + 2 * DAY)
    assert sum(ledger.refunded()) == shown.refunds["USD"]
    assert findings() == []


def test_the_same_key_again_buys_and_moves_nothing_twice(boss, central, others):
    key = uuid4()
    first = merge(central, others, boss, key=key)
    again = merge(central, others, boss, key=key)
    assert again.order == first.order
    assert [one.take_over for one in again.each] == [one.take_over for one in first.each]
    assert fresh(central).quantity == 2
    assert Order.objects.filter(subscription=central, kind="seats").count() == 1


def test_seats_that_are_not_missing_any_more_are_not_what_was_shown(boss, central, others):
    shown = merging.preview(**asked(central, others, boss))
    roomy = buy_centrally(boss, fresh(central).plan, 5)
    with pytest.raises(ChangedSincePreview):
        merge(roomy, others, boss, as_of=shown.as_of, expecting=shown.room.total)
    assert not TakeOver.objects.exists()


def test_while_the_bank_asks_about_the_seats_nobody_is_moved(boss, ana, cleo, by_card, others):
    key = uuid4()
    waits = merge(by_card, others, boss, key=key, payment_method=STEP_CARD)
    assert (waits.waits, waits.each, holders(by_card), TakeOver.objects.count()) == (True, (), set(), 0)
    payment = Payment.objects.get(order=waits.order)
    SandboxGateway().answer_step(payment.pk, approve=True)
    confirm(waits.order, at=NOON + DAY)
    done = merge(by_card, others, boss, key=key, payment_method=STEP_CARD)
    assert (done.waits, done.order) == (False, waits.order)
    assert holders(by_card) == {ana, cleo}
    assert findings() == []


def test_one_that_cannot_be_moved_leaves_the_others_to_be(boss, central, others, plan):
    own = buy_centrally(boss, plan, 1)
    done = merge(central, [own, *others], boss)
    assert [one.refusal and one.refusal.code for one in done.each] == ["not_self_service", None, None, None]
    assert findings() == []


def test_it_is_refused_as_a_whole_where_it_makes_no_sense(ana, boss, central, others):
    for wrong in ([], [others[0], others[0]]):
        with pytest.raises(BadInput):
            merge(central, wrong, boss)
    for who in (ana, MembershipFactory(tenant=ana.tenant, roles=["license_admin"])):
        with pytest.raises(NotAllowed):
            merge(central, others, who)
    assert not TakeOver.objects.exists()
