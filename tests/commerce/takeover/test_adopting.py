"""The organisation makes it its own: owner and payer at once, until it is undone or settled."""

from decimal import Decimal

import pytest

from commerce.models import Order, PaymentMethod, PaymentSource, TakeOver
from commerce.operations.leaving.adoption import Payer
from commerce.operations.paying import kept_cards
from commerce.operations.paying.cards import PaymentMethodNotAccepted
from commerce.operations.pricing.prices import renewal_price
from commerce.operations.takeover import settling
from commerce.operations.takeover.previewing import OwnedAlready
from commerce.operations.takeover.standing import TakenOver
from licensing.operations import central_seats, seats, subscriptions
from tenants.refusal import BadInput, NotAllowed
from tests import ledger
from tests.commerce.changes import DAY, change, findings, fresh
from tests.commerce.renewing import advance, sweep
from tests.commerce.takeover.conftest import adopt, holders, preview, rows_of, settle, undo
from tests.factories import NOON, MembershipFactory, acting

pytestmark = [pytest.mark.django_db(databases=["default", "sandbox"]), pytest.mark.usefixtures("central_price")]
PAID = Decimal("29.97")
CENTRAL = Decimal("8.99")


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
