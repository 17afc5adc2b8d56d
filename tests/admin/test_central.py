"""Buying for the organisation, giving its seats, and its agreements, in the procurement view."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import Agreement, Order, PaymentMethod
from commerce.operations.buying import agreements
from licensing.models import Seat, Subscription
from policies.operations import settings
from tenants.access import SYSTEM
from tenants.journal.models import Event
from tests import factories, ledger
from tests.admin.pages import AGREEMENTS, PURCHASES, browser_of, listed, opened
from tests.callers import signed_in
from tests.factories import agree, buy, buy_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ORDER = reverse("admin:commerce_purchase_order")
ROLES = ("global_admin", "billing_admin", "license_admin", "user_admin", "global_reader")


@pytest.fixture
def office(db):
    return price_centrally(factories.PlanFactory(product__name="Office suite", product__self_service=False), "10.50")


@pytest.fixture
def agreement(contoso, office):
    return agree(contoso, prices=[(office, "9.00")])


@pytest.fixture
def central(contoso, office):
    """Three seats of the organisation's own, for USD 8.99 each."""
    bill = factories.MembershipFactory(tenant=contoso, roles=["billing_admin"], name="Bill")
    return buy_centrally(bill, office, 3, at=timezone.now())


def text_of(response, status=200):
    assert response.status_code == status, response.content
    return re.sub(r"\s+", " ", response.content.decode())


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


class TestSeats:
    def assign(self, browser, central, *members):
        emails = ", ".join(member.user.email for member in members)
        address = reverse("admin:commerce_purchase_assign", args=[central.pk])
        return browser.post(address, {"members": emails}, follow=True)

    def release(self, browser, central, *seats):
        address = reverse("admin:commerce_purchase_release", args=[central.pk])
        return browser.post(address, {"seats": [str(seat.pk) for seat in seats]}, follow=True)

    @pytest.mark.parametrize("role", ["global_admin", "license_admin", "user_admin"])
    def test_are_given_and_taken_back_by_those_who_may(self, contoso, central, role):
        browser = browser_of(contoso, role)
        people = factories.MembershipFactory.create_batch(2, tenant=contoso)
        assert "2 people have a seat now." in text_of(self.assign(browser, central, *people))
        seats = list(Seat.objects.open())
        assert {seat.member for seat in seats} == set(people)
        assert "The seat of" in text_of(self.release(browser, central, seats[0]))
        assert Seat.objects.open().count() == 1

    @pytest.mark.parametrize("role", ["billing_admin", "global_reader"])
    def test_are_only_shown_to_the_others(self, contoso, central, role):
        browser, person = browser_of(contoso, role), factories.MembershipFactory(tenant=contoso)
        assert "Assign</button>" not in text_of(browser.get(opened(PURCHASES, central)))
        assert self.assign(browser, central, person).status_code == 403
        self.assign(browser_of(contoso), central, person)
        assert self.release(browser, central, Seat.objects.get()).status_code == 403
        assert Seat.objects.open().count() == 1

    def test_of_self_service_are_their_owners(self, contoso, bought):
        browser, person = browser_of(contoso), factories.MembershipFactory(tenant=contoso)
        assert "Assign</button>" not in text_of(browser.get(opened(PURCHASES, bought)))
        assert self.assign(browser, bought, person).status_code == 403
        assert Seat.objects.count() == 1

    def test_of_another_tenant_are_not_there(self, contoso, fabrikam, central):
        assert (
            self.assign(browser_of(fabrikam), central, factories.MembershipFactory(tenant=fabrikam)).status_code == 404
        )

    def test_what_is_wrong_is_said_at_the_field(self, contoso, central):
        browser = browser_of(contoso, "license_admin")
        outsider = factories.MembershipFactory()
        assert "is not a member of your organisation" in text_of(self.assign(browser, central, outsider), 400)
        crowd = factories.MembershipFactory.create_batch(4, tenant=contoso)
        assert "Only 3 seats are free, 4 are needed." in text_of(self.assign(browser, central, *crowd), 409)
        assert "Type at least one" in text_of(self.assign(browser, central), 400)
        assert "Tick at least one" in text_of(self.release(browser, central))
        assert not Seat.objects.exists()


class TestPrices:
    def test_are_hidden_from_those_who_only_give_seats(self, contoso, central, bought):
        for role in ("license_admin", "user_admin"):
            browser = browser_of(contoso, role)
            for page in (reverse("admin:index"), listed(PURCHASES), opened(PURCHASES, central)):
                shown = text_of(browser.get(page))
                assert "Office suite" in shown
                for amount in ("8.99", "26.97", "9.99", "19.98", "Price paid", "Order history"):
                    assert amount not in shown, (role, page, amount)

    def test_of_self_service_the_user_admin_sees_nothing_at_all(self, contoso, central, bought):
        browser = browser_of(contoso, "user_admin")
        assert [row.pk for row in browser.get(listed(PURCHASES)).context["cl"].result_list] == [central.pk]
        assert browser.get(opened(PURCHASES, bought)).status_code == 404
        assert browser_of(contoso, "license_admin").get(opened(PURCHASES, bought)).status_code == 200

    def test_are_shown_of_ones_own_purchase(self, contoso, central, plan):
        user_admin = factories.MembershipFactory(tenant=contoso, roles=["user_admin"])
        own = buy(user_admin, plan, at=timezone.now())
        shown = text_of(signed_in(user_admin).get(opened(PURCHASES, own)))
        assert "Order history" in shown
        assert "$19.98" in shown

    def test_are_shown_to_everybody_else(self, contoso, central):
        for role in ("global_admin", "billing_admin", "global_reader"):
            shown = text_of(browser_of(contoso, role).get(opened(PURCHASES, central)))
            assert "The organisation" in shown
            assert "$0.00, $26.97 to be paid" in shown
            assert "$26.97 to be paid" in text_of(browser_of(contoso, role).get(listed(PURCHASES)))
            assert "$8.99" in shown
            assert "$26.97" in shown


class TestAgreements:
    NEW = reverse("admin:commerce_agreement_new")

    def typed(self, office, **more):
        return {
            "tenant": "contoso",
            "name": "Volume",
            "currency": "",
            "valid_from": "2026-01-01",
            "valid_to": "",
            "pay_by_invoice": "on",
            "payment_days": "14",
            "prices": f"{office.pk} 7.50",
            **more,
        }

    def test_are_written_by_the_operator(self, operator, contoso, office):
        browser = signed_in(operator)
        assert browser.get(self.NEW).status_code == 200
        told = text_of(browser.post(self.NEW, self.typed(office), follow=True))
        made = Agreement.objects.get()
        assert (made.tenant, made.pay_by_invoice, made.payment_days, made.valid_to) == (contoso, True, 14, None)
        assert (made.currency, made.prices.get().amount) == ("USD", Decimal("7.50"))
        for said in ("Contoso", "By invoice, within 14 days", "$7.50", "No end"):
            assert said in told, said

    def test_are_changed_by_the_operator(self, operator, agreement):
        browser, address = signed_in(operator), opened(AGREEMENTS, agreement)
        page = browser.get(address)
        stands = {name: page.context["form"][name].value() or "" for name in page.context["form"].fields}
        browser.post(address, {**stands, "prices": "", "valid_to": "2027-01-01", "pay_by_invoice": ""})
        agreement.refresh_from_db()
        assert (agreement.pay_by_invoice, str(agreement.valid_to), agreement.prices.count()) == (False, "2027-01-01", 0)
        assert Event.objects.filter(type="agreement.changed").get().actor == operator

    def test_what_is_wrong_is_said_at_its_field(self, operator, contoso, office):
        browser = signed_in(operator)
        for wrong, said in (
            ({"tenant": "nobody"}, "no organisation of that short name"),
            ({"prices": "7.50"}, "is no plan with its price"),
            ({"prices": f"{office.pk} 7.505"}, "is no amount in USD"),
            ({"prices": "none 7.50"}, "There is no plan none"),
            ({"valid_to": "2025-01-01"}, "must end after it begins"),
            ({"currency": "XXX"}, "Nothing is sold in this currency"),
            ({"payment_days": "1000"}, "less than or equal to 365"),
        ):
            assert said in text_of(browser.post(self.NEW, self.typed(office, **wrong)), 400), said
        assert not Agreement.objects.exists()

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin", "global_reader"])
    def test_are_only_read_by_the_organisations_own(self, contoso, agreement, office, role):
        browser, address = browser_of(contoso, role), opened(AGREEMENTS, agreement)
        shown = text_of(browser.get(address))
        assert "$9.00" in shown
        assert "Ask the operator to change it" in shown
        assert "<textarea" not in shown
        assert browser.post(address, self.typed(office)).status_code == 403
        assert browser.get(self.NEW).status_code == 403
        assert browser.post(self.NEW, self.typed(office)).status_code == 403
        assert Agreement.objects.count() == 1


class TestClaiming:
    SWITCH = reverse("admin:policies_selfserviceproduct_claiming")

    @pytest.mark.parametrize("role", ["global_admin", "billing_admin"])
    def test_is_switched_by_those_who_change_policies(self, contoso, plan, role):
        browser = browser_of(contoso, role)
        assert "given by admins only" in text_of(browser.get(listed("policies_selfserviceproduct")))
        assert "Members take free seats" in text_of(browser.post(self.SWITCH, {"allowed": "on"}, follow=True))
        assert settings.members_claim_seats(contoso)
        browser.post(self.SWITCH, {"allowed": "off"})
        assert not settings.members_claim_seats(contoso)
        told = Event.objects.filter(type="settings.changed").order_by("pk")
        assert [event.data for event in told] == [{"members_claim_seats": True}, {"members_claim_seats": False}]

    @pytest.mark.parametrize("role", ["license_admin", "user_admin", "global_reader"])
    def test_by_nobody_else(self, contoso, operator, plan, role):
        for browser in (browser_of(contoso, role), signed_in(operator)):
            assert browser.post(self.SWITCH, {"allowed": "on"}).status_code == 403
            assert browser.get(self.SWITCH).status_code == 403
        assert not settings.members_claim_seats(contoso)
