"""What the organisation makes its own renews at its price: the central one, or its agreement's."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.models import Order
from commerce.operations.leaving.adoption import Payer
from commerce.operations.pricing import coming_prices, next_charge, price_notices
from commerce.operations.pricing.prices import renewal_price
from tests.commerce.announcing import announce, tell
from tests.commerce.changes import DAY, findings, fresh
from tests.commerce.renewing import advance, sweep
from tests.commerce.takeover.conftest import adopt, preview, settle
from tests.factories import NOON, PriceFactory, agree

pytestmark = [pytest.mark.django_db(databases=["default", "sandbox"]), pytest.mark.usefixtures("central_price")]
CENTRAL = Decimal("8.99")


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
