"""The organisation makes it its own: owner and payer at once, the central price from the next renewal on."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.models import Invoice, Order, PaymentMethod, PaymentSource, TakeOver
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying import kept_cards
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.paying.charging import CardDeclined
from commerce.operations.pricing import coming_prices, next_charge, price_notices
from commerce.operations.pricing.prices import renewal_price
from commerce.operations.takeover import reimbursing, settling
from commerce.operations.takeover.previewing import OwnedAlready
from commerce.operations.takeover.standing import TakenOver
from licensing.operations import central_seats, seats, subscriptions
from tenants.delivery.models import Job
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.announcing import announce, tell
from tests.commerce.changes import DAY, change, findings, fresh
from tests.commerce.renewing import advance, sweep
from tests.commerce.takeover.conftest import holders, preview, rows_of, settle, start, undo
from tests.factories import (
    NOON,
    MembershipFactory,
    PriceFactory,
    acting,
    add_card,
    agree,
    order_centrally,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
WEEK = 7 * DAY
PAID = Decimal("29.97")
CENTRAL = Decimal("8.99")


@pytest.fixture
def by_invoice(tenant):
    return Payer(agreement=agree(tenant))


@pytest.fixture
def card(boss):
    add_card(boss, for_organisation=True)
    return PaymentMethod.objects.get(member=None)


@pytest.fixture(autouse=True)
def central_price(plan):
    return price_centrally(plan, "8.99")


def adopt(subscription, boss, payer, **wish):
    return start(subscription, boss, mode="adopt", payer=payer, **wish)


def test_owner_and_payer_become_the_organisation_and_everybody_keeps_their_seat(
    boss, ana, cleo, subscription, by_invoice
):
    before = fresh(subscription)
    adopt(subscription, boss, by_invoice)
    now = fresh(subscription)
    assert (now.owner, now.payer, now.purchaser, now.channel) == (None, None, ana, "self_service")
    assert (now.term_end, now.quantity, now.state) == (before.term_end, 3, "active")
    assert holders(subscription) == {ana, cleo}
    assert ledger.captured() == [PAID]
    assert findings() == []


def test_it_renews_at_the_central_price(boss, subscription, by_invoice):
    told = preview(subscription, boss, mode="adopt", payer=by_invoice)
    assert (told.next_term.unit_price, told.next_term.total) == (CENTRAL, 3 * CENTRAL)
    made = adopt(subscription, boss, by_invoice)
    settle(made, boss)
    assert renewal_price(subscription) == (CENTRAL, "USD")
    assert next_charge.of(fresh(subscription), tenant=subscription.tenant).total == told.next_term.total
    advance(subscription.term_end)
    sweep(subscription.term_end)
    assert Order.objects.get(kind="renewal").total == 3 * CENTRAL
    # And so it goes on.
    assert renewal_price(subscription) == (CENTRAL, "USD")
    assert findings() == []


def test_an_agreement_that_has_a_price_gives_it(boss, tenant, plan, subscription):
    payer = Payer(agreement=agree(tenant, prices=[(plan, "7.00")]))
    told = preview(subscription, boss, mode="adopt", payer=payer)
    adopt(subscription, boss, payer)
    assert told.next_term.unit_price == renewal_price(subscription)[0] == Decimal("7.00")


def test_without_a_central_price_it_renews_as_it_did(boss, plan, subscription, by_invoice):
    plan.prices.filter(channel="central").delete()
    told = preview(subscription, boss, mode="adopt", payer=by_invoice)
    adopt(subscription, boss, by_invoice)
    assert told.next_term.unit_price == renewal_price(subscription)[0] == Decimal("9.99")


def test_a_central_price_that_is_announced_later_holds_once_its_letter_is_a_month_old(
    boss, plan, subscription, by_invoice
):
    settle(adopt(subscription, boss, by_invoice), boss)
    PriceFactory(
        plan=plan, channel="central", amount=Decimal("8.00"), valid_from=date(2026, 3, 20), announced_at=NOON + DAY
    )
    assert renewal_price(subscription) == (CENTRAL, "USD")
    assert price_notices.announce_due(at=NOON + 2 * DAY) == 1
    told = subscription.price_notices.get()
    subscription.price_notices.update(sent_at=NOON + 2 * DAY)
    assert told.applies_from > subscription.term_end
    assert renewal_price(subscription) == (CENTRAL, "USD")
    assert renewal_price(subscription, told.applies_from) == (Decimal("8.00"), "USD")


def test_the_operator_counts_it_where_it_is_paid_and_where_it_renews(boss, plan, subscription, by_invoice):
    announce(plan, "12", date(2026, 5, 1), NOON)
    tell(NOON)
    assert counted(plan) == {"9.99": (1, 0), "12.00": (0, 1), "8.99": (0, 0)}
    settle(adopt(subscription, boss, by_invoice), boss)
    assert counted(plan) == {"9.99": (1, 0), "12.00": (0, 0), "8.99": (0, 0)}
    announce(plan, "8", date(2026, 5, 1), NOON + DAY, channel="central")
    tell(NOON + 2 * DAY)
    assert counted(plan) == {"9.99": (1, 0), "12.00": (0, 0), "8.99": (0, 0), "8.00": (0, 1)}
    advance(subscription.term_end)
    sweep(subscription.term_end)
    assert counted(plan) == {"9.99": (0, 0), "12.00": (0, 0), "8.99": (1, 0), "8.00": (0, 1)}


def counted(plan):
    return {
        f"{price.amount:.2f}": (price.payers, price.joining) for price in coming_prices.with_payers(plan.prices.all())
    }


def test_nobody_is_told_of_the_central_price_that_they_took_over_at(boss, plan, subscription, by_invoice):
    adopt(subscription, boss, by_invoice)
    assert price_notices.announce_due(at=NOON + DAY) == 0


def test_a_renewal_that_falls_due_meanwhile_waits_and_is_charged_once_it_is_settled(boss, subscription, by_invoice):
    end = subscription.term_end
    made = adopt(subscription, boss, by_invoice, at=end - 2 * DAY)
    advance(end)
    sweep(end)
    assert not Order.objects.filter(kind="renewal").exists()
    assert settling.settle_due(at=end + 5 * DAY) == 1
    advance(end + 5 * DAY)
    sweep(end + 5 * DAY)
    order = Order.objects.get(kind="renewal")
    assert (order.total, order.state) == (3 * CENTRAL, "invoiced")
    assert fresh(subscription).term_start == end
    assert made.state == "open"
    assert findings() == []


def test_undone_it_is_whose_it_was_with_what_paid_before(boss, ana, subscription, by_invoice):
    before = rows_of(subscription)
    made = adopt(subscription, boss, by_invoice)
    undo(made, boss, at=NOON + DAY)
    assert rows_of(subscription) == before
    assert renewal_price(subscription) == (Decimal("9.99"), "USD")
    advance(subscription.term_end)
    sweep(subscription.term_end)
    assert ledger.captured() == [PAID, PAID]
    assert findings() == []


def test_a_renewal_that_waited_is_charged_to_whose_it_was_when_it_is_undone(boss, subscription, by_invoice):
    end = subscription.term_end
    made = adopt(subscription, boss, by_invoice, at=end - DAY)
    advance(end + DAY)
    sweep(end + DAY)
    undo(made, boss, at=end + 2 * DAY)
    advance(end + 2 * DAY)
    sweep(end + 2 * DAY)
    assert ledger.captured() == [PAID, PAID]
    assert fresh(subscription).term_start == end
    assert findings() == []


def test_what_admins_did_meanwhile_to_its_renewal_is_undone_too(boss, subscription, by_invoice):
    made = adopt(subscription, boss, by_invoice)
    subscriptions.set_auto_renew(subscription=fresh(subscription), auto_renew=False, by=acting(boss), at=NOON)
    undo(made, boss)
    assert fresh(subscription).auto_renew


def test_seats_that_admins_gave_and_took_meanwhile_are_as_they_were_when_it_is_undone(
    boss, ana, cleo, tenant, subscription, by_invoice
):
    made, new = adopt(subscription, boss, by_invoice), MembershipFactory(tenant=tenant)
    gives = acting(MembershipFactory(tenant=tenant, roles=["license_admin"]))
    central_seats.give(tenant=tenant, product=subscription.plan.product, members=[new], by=gives, at=NOON + DAY)
    seats.release(subscription=fresh(subscription), members=[cleo], by=gives, at=NOON + DAY)
    assert holders(subscription) == {ana, new}
    undo(made, boss, at=NOON + 2 * DAY)
    assert (holders(subscription), fresh(subscription).seats_assigned) == ({ana, cleo}, 2)


def test_a_card_that_was_removed_meanwhile_pays_for_nothing(boss, ana, subscription, by_invoice):
    made = adopt(subscription, boss, by_invoice)
    kept_cards.remove(card=PaymentMethod.objects.get(member=ana), by=acting(ana), at=NOON)
    undo(made, boss)
    assert PaymentSource.objects.get(subscription=subscription).payment_method is None
    assert findings() == []


def test_meanwhile_nobody_changes_it(boss, ana, subscription, by_invoice):
    adopt(subscription, boss, by_invoice)
    admin = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
    with pytest.raises(TakenOver):
        change(subscription, 5, by=acting(admin))
    with pytest.raises(TakenOver):
        change(subscription, 2, by=acting(admin))
    with pytest.raises(NotAllowed):
        seats.assign(subscription=fresh(subscription), members=[admin], by=acting(ana), at=NOON)
    seats.assign(subscription=fresh(subscription), members=[admin], by=acting(admin), at=NOON)


def test_it_needs_something_of_the_organisations_that_pays(boss, ana, tenant, subscription):
    before = rows_of(subscription)
    wrong = Payer(card=PaymentMethod.objects.get(member=ana))
    for payer, error in ((None, BadInput), (wrong, PaymentMethodNotAccepted)):
        with pytest.raises(error):
            preview(subscription, boss, mode="adopt", payer=payer)
        with pytest.raises(error):
            adopt(subscription, boss, payer)
    assert rows_of(subscription) == before
    assert not TakeOver.objects.exists()


def test_what_the_organisation_owns_is_not_adopted_again(boss, subscription, by_invoice):
    settle(adopt(subscription, boss, by_invoice), boss)
    with pytest.raises(OwnedAlready):
        adopt(subscription, boss, by_invoice)


# --- With the rest of its term


def test_the_rest_of_the_term_goes_back_and_is_billed_to_the_organisation(boss, subscription, by_invoice):
    at = NOON + (subscription.term_end - NOON) / 2
    told = preview(subscription, boss, mode="adopt", payer=by_invoice, reimburse=True, at=at)
    assert told.total == told.charge == Decimal("14.99")
    made = adopt(subscription, boss, by_invoice, reimburse=True, at=at)
    assert ledger.refunded() == []
    settled = settle(made, boss, at=at + WEEK)
    assert settled.state == "settled"
    assert ledger.refunded() == [Decimal("14.99")]
    order = Order.objects.get(kind="reimbursement")
    assert (order.total, order.state, order.subscription) == (Decimal("14.99"), "invoiced", subscription)
    assert Invoice.objects.get(order=order).bill_to_name == subscription.tenant.billed_as
    assert fresh(subscription).state == "active"
    assert findings() == []


def test_by_card_the_organisation_is_charged_first(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    settle(made, boss, at=NOON + DAY)
    assert ledger.captured() == [PAID, PAID]
    assert ledger.refunded() == [PAID]
    settle(made, boss, at=NOON + 2 * DAY)
    assert len(ledger.captured()) == 2
    assert findings() == []


def test_a_card_that_does_not_pay_leaves_everything_open_and_it_is_tried_again(boss, plan, subscription):
    order_centrally(boss, plan, 1, payment_method="pm_card_chargeCustomerFail")
    card = PaymentMethod.objects.get(member=None)
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    with pytest.raises(CardDeclined):
        settle(made, boss)
    assert ledger.refunded() == []
    assert TakeOver.objects.get().state == "open"
    assert TakeOver.objects.get().next_try_at == NOON + DAY
    assert Job.objects.filter(name="commerce.tell_unpaid_take_over").count() == 1
    assert settling.settle_due(at=NOON + DAY) == 0
    assert Order.objects.filter(kind="reimbursement", state="canceled").count() == 2
    undo(made, boss, at=NOON + DAY)
    assert fresh(subscription).owner is not None
    assert findings() == []


def test_in_a_run_a_card_is_charged_by_the_job_that_follows(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    held, back = settling.settle_rows(take_over=made, by=acting(boss), at=NOON)
    assert (held.state, back) == ("open", ())
    assert Job.objects.filter(name="commerce.settle_take_over").count() == 1
    assert settling.settle_one(take_over_id=made.pk, at=NOON).state == "settled"
    assert findings() == []


def test_a_process_that_dies_between_charge_and_refund_loses_nothing(boss, subscription, card):
    made = adopt(subscription, boss, Payer(card=card), reimburse=True)
    reimbursing.charge(take_over=made, at=NOON)
    assert (len(ledger.captured()), ledger.refunded()) == (2, [])
    assert Job.objects.filter(name="commerce.settle_take_over").count() == 1
    assert settling.settle_due(at=NOON + WEEK) == 1
    assert (len(ledger.captured()), ledger.refunded()) == (2, [PAID])
    assert findings() == []
