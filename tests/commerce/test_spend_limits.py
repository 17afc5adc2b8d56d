"""Spend limits where money is spent: what waits or was paid counts, and what no longer does."""

from datetime import timedelta
from decimal import Decimal

import pytest

from commerce.operations.buying import checkouts
from commerce.operations.changes import cancellations, quantity, reactivations
from licensing.operations import lifecycle, subscriptions
from policies.eligibility import PurchaseRefused
from policies.operations import spend_limits
from tests.commerce.limiting import MARCH, PRICE, limit, taken
from tests.factories import (
    NOON,
    RETURN_URL,
    DepartmentFactory,
    MembershipFactory,
    TaxRateFactory,
    acting,
    admin_of,
    agree,
    buy,
    confirm,
    open_checkout,
    order_centrally,
    pay,
    plan_on_sale,
    price_centrally,
)


@pytest.mark.django_db(databases=["default", "sandbox"])
class TestWhatCounts:
    def test_a_purchase_with_its_renewals_from_the_try_of_a_card_on(self, ana, plan):
        month, year = limit(ana.tenant, 1000), limit(ana.tenant, 1000, period="year")
        checkout = open_checkout(ana, plan)
        assert taken(month) == taken(year) == (0, 0)
        pay(checkout, "pm_card_authenticationRequired")
        assert taken(month) == (PRICE, 0)
        assert taken(year) == (10 * PRICE, 0)  # March, and April to December
        confirm(checkout)
        assert taken(month) == (PRICE, PRICE)
        assert taken(year) == (10 * PRICE, PRICE)

    def test_of_a_plan_for_a_year_one_payment(self, ana, plan):
        year = limit(ana.tenant, 1000, period="year")
        buy(ana, plan_on_sale("99.90", product=plan.product, term="P1Y"))
        assert taken(year) == (Decimal("199.80"), Decimal("199.80"))
        assert taken(year, MARCH + 12) == (Decimal("199.80"), 0)  # its renewal

    def test_a_card_that_is_declined_no_longer(self, ana, plan):
        month, checkout = limit(ana.tenant, 1000), open_checkout(ana, plan)
        with pytest.raises(Exception, match="declined"):
            pay(checkout, "pm_card_chargeDeclined")
        assert taken(month) == (0, 0)
        pay(checkout)
        assert taken(month) == (PRICE, PRICE)

    @pytest.mark.parametrize("end", ["cancel", "expire"])
    def test_a_checkout_that_ended_no_longer(self, ana, plan, end):
        month, checkout = limit(ana.tenant, 1000), open_checkout(ana, plan)
        pay(checkout, "pm_card_authenticationRequired")
        if end == "cancel":
            checkouts.cancel_checkout(checkout=checkout, by=acting(ana), at=NOON)
        else:
            assert checkouts.expire_overdue(at=NOON + timedelta(hours=25)) == 1
        assert taken(month) == (0, 0)

    def test_more_seats_and_their_renewals(self, ana, plan):
        month, year = limit(ana.tenant, 1000), limit(ana.tenant, 1000, period="year")
        held = buy(ana, plan)
        quantity.change(subscription=held, quantity=5, return_url=RETURN_URL, by=acting(ana), at=NOON)
        assert taken(month)[0] == 5 * Decimal("9.99")
        assert taken(year)[0] == 10 * 5 * Decimal("9.99")

    def test_without_renewal_no_renewals_and_with_it_again(self, ana, plan):
        year, held = limit(ana.tenant, 1000, period="year"), buy(ana, plan)
        subscriptions.set_auto_renew(subscription=held, auto_renew=False, by=acting(ana), at=NOON)
        assert taken(year) == (PRICE, PRICE)
        subscriptions.set_auto_renew(subscription=held, auto_renew=True, by=acting(ana), at=NOON)
        assert taken(year) == (10 * PRICE, PRICE)

    def test_a_running_trial_with_a_card_what_it_is_charged_from_its_end_on(self, ana):
        plan = plan_on_sale(product__trial_days=30, product__trial_seats=5)
        year = limit(ana.tenant, 1000, period="year", counts=["trial", "self_service"])
        held = pay(open_checkout(ana, plan, with_trial=True)).trial
        times = 12 - held.term_end.month + 1
        assert taken(year) == (times * PRICE, 0)
        subscriptions.set_auto_renew(subscription=held, auto_renew=False, by=acting(ana), at=NOON)
        assert taken(year) == (0, 0)

    def test_what_was_given_back_no_longer(self, ana, plan):
        year, held = limit(ana.tenant, 1000, period="year"), buy(ana, plan)
        cancellations.cancel_subscription(subscription=held, reason="", by=acting(ana), at=NOON)
        assert taken(year) == (0, 0)

    def test_another_term_after_the_end(self, ana, plan):
        year, held = limit(ana.tenant, 1000, period="year"), buy(ana, plan)
        lifecycle.advance_due(at=held.term_end)
        held.refresh_from_db()
        assert taken(year) == (PRICE, PRICE)
        later = held.term_end + timedelta(days=1)
        reactivations.reactivate(subscription=held, return_url=RETURN_URL, by=acting(ana), at=later)
        assert taken(year) == (10 * PRICE, 2 * PRICE)

    def test_another_term_turns_renewal_on_so_that_its_renewals_are_weighed_too(self, ana, plan):
        held = buy(ana, plan)
        subscriptions.set_auto_renew(subscription=held, auto_renew=False, by=acting(ana), at=NOON)
        lifecycle.advance_due(at=held.term_end)
        held.refresh_from_db()
        later = held.term_end + timedelta(days=1)
        year = limit(ana.tenant, 10 * PRICE - Decimal("0.01"), period="year")
        again = {"subscription": held, "return_url": RETURN_URL, "by": acting(ana), "at": later}
        with pytest.raises(PurchaseRefused):
            reactivations.reactivate(**again)
        assert taken(year) == (PRICE, PRICE)
        spend_limits.change(limit=year, amount=10 * PRICE, by=admin_of(ana.tenant), at=NOON)
        reactivations.reactivate(**again)
        assert taken(year) == (10 * PRICE, 2 * PRICE)

    def test_more_seats_without_renewal_add_no_renewals(self, ana, plan):
        held = buy(ana, plan)
        subscriptions.set_auto_renew(subscription=held, auto_renew=False, by=acting(ana), at=NOON)
        year = limit(ana.tenant, 3 * Decimal("9.99"), period="year")
        quantity.change(subscription=held, quantity=3, return_url=RETURN_URL, by=acting(ana), at=NOON)
        assert taken(year) == (3 * Decimal("9.99"), 3 * Decimal("9.99"))

    def test_what_was_bought_before_there_was_a_limit(self, ana, plan):
        buy(ana, plan)
        assert taken(limit(ana.tenant, 1000)) == (PRICE, PRICE)

    def test_of_a_department_also_those_below_it_as_they_were_then(self, ana, plan):
        head = DepartmentFactory(tenant=ana.tenant)
        ana.department = DepartmentFactory(tenant=ana.tenant, parent=head)
        ana.save()
        buy(ana, plan)
        of_head, of_other = (
            limit(ana.tenant, 1000, "department", head),
            limit(ana.tenant, 1000, "department", DepartmentFactory(tenant=ana.tenant)),
        )
        ana.department = None
        ana.save()
        assert (taken(of_head)[0], taken(of_other)[0]) == (PRICE, 0)

    def test_the_tax_too(self, ana, plan):
        TaxRateFactory(country="US", rate=Decimal("0.10"))
        year = limit(ana.tenant, 1000, period="year")
        buy(ana, plan)
        assert taken(year) == (Decimal("21.98") + 9 * 2 * Decimal("10.989"), Decimal("21.98"))

    def test_what_the_tenant_buys_itself_where_the_limit_says_so(self, ana, plan):
        billing = MembershipFactory(tenant=ana.tenant, roles=["billing_admin"])
        both = limit(ana.tenant, 1000, counts=("self_service", "central"))
        own = limit(ana.tenant, 1000, mode="approval")
        order_centrally(billing, price_centrally(plan), agreement=agree(ana.tenant))
        assert taken(both) == (Decimal("17.98"), Decimal("17.98"))
        assert taken(own) == (0, 0)
