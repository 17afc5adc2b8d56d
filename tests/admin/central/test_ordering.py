"""Buying for the organisation in the procurement view: shown first, then ordered, once."""

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, PaymentMethod
from commerce.operations.buying import agreements
from licensing.models import Subscription
from tenants.access import SYSTEM
from tests import factories, ledger
from tests.admin.pages import PURCHASES, browser_of, listed, opened, text_of
from tests.callers import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ORDER = reverse("admin:commerce_purchase_order")
ROLES = ("global_admin", "billing_admin", "license_admin", "user_admin", "global_reader")


class TestOrdering:
    def wanted(self, office, agreement, **more):
        return {"plan": office.pk, "quantity": "10", "agreement": str(agreement.pk), "pay": "invoice", **more}

    def previewed(self, browser, wanted):
        page = browser.get(ORDER, wanted)
        return text_of(page), {**wanted, "seen": page.context["seen"]}

    def test_shows_lines_and_total_first_and_orders_then(self, contoso, office, agreement):
        browser = browser_of(contoso, "billing_admin")
        empty = browser.get(ORDER)
        assert "Order now" not in text_of(empty)
        # What is chosen first goes together.
        first = empty.context["form"]
        assert (first["agreement"].value(), first.fields["pay"].choices[0][0]) == (agreement.pk, "invoice")
        page, sent = self.previewed(browser, self.wanted(office, agreement))
        for said in ("Office suite, monthly", "9.00", "$90.00", "within 30 days", "Order now"):
            assert said in page, said
        assert not Order.objects.exists()
        told = browser.post(ORDER, sent, follow=True)
        subscription = Subscription.objects.get()
        assert told.redirect_chain[-1][0] == opened(PURCHASES, subscription)
        assert "Bought. Its seats are assigned by a global, license or user administrator." in text_of(told)
        assert (subscription.quantity, Order.objects.get().state) == (10, "invoiced")

    def test_a_second_click_orders_nothing_more(self, contoso, office, agreement):
        browser = browser_of(contoso, "billing_admin")
        _page, sent = self.previewed(browser, self.wanted(office, agreement))
        for _ in range(2):
            assert browser.post(ORDER, sent).status_code == 302
        assert Subscription.objects.count() == 1

    def test_shows_the_tax(self, contoso, office, agreement):
        factories.TaxRateFactory(country="US", name="Sales tax", rate=Decimal("0.10"))
        page, _sent = self.previewed(browser_of(contoso), self.wanted(office, agreement))
        assert "Sales tax 10%" in page
        assert "$99.00" in page

    def test_with_a_card_of_the_organisation(self, contoso, office):
        bill = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"])
        factories.order_centrally(bill, office, payment_method="pm_card_visa", at=timezone.now())
        card = PaymentMethod.objects.get()
        browser = signed_in(bill)
        page, sent = self.previewed(browser, {"plan": office.pk, "quantity": "1", "agreement": "", "pay": str(card.pk)})
        assert f"Charged now to {card}" in page
        assert "$10.50" in page
        browser.post(ORDER, sent)
        assert ledger.captured() == [Decimal("21.00"), Decimal("10.50")]

    def test_a_total_that_changed_meanwhile_is_shown_anew(self, contoso, office, agreement):
        browser = browser_of(contoso)
        _page, sent = self.previewed(browser, self.wanted(office, agreement))
        agreements.change(agreement=agreement, prices={office.pk: Decimal("9.50")}, by=SYSTEM, at=timezone.now())
        page = text_of(browser.post(ORDER, sent), 409)
        assert "The total has changed" in page
        assert "$95.00" in page
        assert not Order.objects.exists()

    @pytest.mark.parametrize("seen", ["", "forged", "x:y:z"])
    def test_nothing_is_ordered_that_was_not_shown(self, contoso, office, agreement, seen):
        text_of(browser_of(contoso).post(ORDER, {**self.wanted(office, agreement), "seen": seen}), 400)
        assert not Order.objects.exists()

    def test_what_one_admin_was_shown_nobody_else_orders(self, contoso, office, agreement):
        first, second = browser_of(contoso), browser_of(contoso, "billing_admin")
        _page, sent = self.previewed(first, self.wanted(office, agreement))
        first.post(ORDER, sent)
        text_of(second.post(ORDER, sent), 400)
        assert Order.objects.count() == 1

    @pytest.mark.parametrize("typed", [{"quantity": "11"}, {"quantity": "1"}])
    def test_what_was_typed_after_the_total_was_shown_is_shown_first(self, contoso, office, agreement, typed):
        browser = browser_of(contoso)
        _page, sent = self.previewed(browser, self.wanted(office, agreement))
        page = text_of(browser.post(ORDER, {**sent, **typed}), 400)
        assert "Order now" in page
        assert not Order.objects.exists()

    def test_what_is_wrong_is_said_at_its_field(self, contoso, office, agreement, plan):
        browser = browser_of(contoso)
        for wrong, said in (
            ({"quantity": "many"}, "whole number"),
            ({"quantity": "0"}, "1 to 10"),
            ({"plan": "none"}, "Choose a plan"),
            ({"plan": plan.pk}, "no price in your market"),
            ({"agreement": ""}, "Choose an agreement"),
            ({"agreement": "01890000-0000-7000-8000-000000000000"}, "does not hold today"),
        ):
            page = text_of(browser.get(ORDER, {**self.wanted(office, agreement), **wrong}))
            assert said in page, said
            assert "Order now" not in page

    @pytest.mark.parametrize("role", ROLES)
    def test_is_for_those_who_buy_for_the_organisation(self, contoso, office, agreement, role):
        browser = browser_of(contoso, role)
        status = 200 if role in ("global_admin", "billing_admin") else 403
        assert browser.get(ORDER).status_code == status
        assert ("Order centrally" in text_of(browser.get(listed(PURCHASES)))) == (status == 200)
        assert browser.post(ORDER, self.wanted(office, agreement)).status_code in (400, 403)
        assert not Order.objects.exists()

    def test_not_for_an_operator_nor_for_a_stranger(self, operator, client):
        assert signed_in(operator).get(ORDER).status_code == 403
        assert client.get(ORDER).status_code == 302

    def test_an_order_of_another_tenant_is_as_one_that_never_was(self, fabrikam, central):
        address = reverse("admin:commerce_purchase_ordered", args=[central.orders.get().pk])
        assert browser_of(fabrikam).get(address).status_code == 404
        assert browser_of(central.tenant).get(address).status_code == 302

    def test_a_step_of_the_cardholder_is_waited_for(self, contoso, office):
        bill = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"])
        order = factories.order_centrally(
            bill, office, payment_method="pm_card_authenticationRequired", at=timezone.now()
        )
        address = reverse("admin:commerce_purchase_ordered", args=[order.pk])
        browser = signed_in(bill)
        assert "Go to your bank" in text_of(browser.get(address))
        step = order.payments.get().action_url
        browser.post(step, {"decision": "approve"})
        assert browser.get(address).status_code == 302
        assert Subscription.objects.get().channel == "central"

    def test_a_step_that_was_declined_is_told(self, contoso, office):
        bill = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"])
        order = factories.order_centrally(
            bill, office, payment_method="pm_card_authenticationRequired", at=timezone.now()
        )
        browser = signed_in(bill)
        browser.post(order.payments.get().action_url, {"decision": "decline"})
        told = browser.get(reverse("admin:commerce_purchase_ordered", args=[order.pk]), follow=True)
        assert "Nothing was charged" in text_of(told)
        assert not Subscription.objects.exists()
