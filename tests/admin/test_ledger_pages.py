"""The operator's pages of what the provider's books say otherwise, and of the ledger."""

from datetime import timedelta

import pytest
from django.utils.html import escape

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Difference, DifferenceKind, Movement, Order, Payment, Refund
from commerce.operations.accounts.repairs import REPAIRS, STILL_STANDS
from tests import factories, ledger
from tests.admin.pages import DIFFERENCES, LEDGER, browser_of, listed, opened
from tests.admin.test_lists import cost, found
from tests.callers import signed_in
from tests.commerce.differences import (
    ONE_OF_EACH,
    compare,
    never_captured,
    refund_made_there,
    set_aside,
    stranger,
)
from tests.factories import NOON, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana(contoso):
    return factories.MembershipFactory(tenant=contoso, name="Ana")


@pytest.fixture
def browser(operator):
    return signed_in(operator)


@pytest.fixture
def difference(ana, plan):
    refund_made_there(ana, plan)
    compare()
    return Difference.objects.get()


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


class TestDifferences:
    @pytest.mark.parametrize("kind", DifferenceKind)
    def test_each_kind_has_a_button_named_after_its_repair(self, ana, plan, browser, kind):
        ONE_OF_EACH[kind](ana, plan)
        compare()
        row = Difference.objects.get()
        name = str(REPAIRS[kind].name)
        shown = text_of(browser.get(listed(DIFFERENCES)))
        assert f'<a class="sw-button" href="{opened(DIFFERENCES, row)}">{name}</a>' in shown
        for said in (row.get_kind_display(), row.reference, "sandbox", "10 Mar 2026, 12:01"):
            assert said in shown
        page = text_of(browser.get(opened(DIFFERENCES, row)))
        assert f'type="submit">{name}</button>' in page
        assert escape(str(REPAIRS[kind].explanation)) in page

    def test_say_what_stands_here_and_there_and_whose_it_is(self, difference, browser):
        shown = text_of(browser.get(listed(DIFFERENCES)))
        for said in ("Contoso", "Not there", "$0.00", "Succeeded", "$5.00"):
            assert said in shown

    def test_are_repaired_by_their_button(self, difference, browser, operator):
        answer = browser.post(opened(DIFFERENCES, difference), follow=True)
        assert "Unknown refund: repaired." in text_of(answer)
        difference.refresh_from_db()
        assert (difference.resolution, difference.resolved_by) == ("repaired", operator)
        assert Refund.objects.get().reason == "external"
        page = text_of(browser.get(opened(DIFFERENCES, difference)))
        assert "Repaired" in page
        assert str(REPAIRS[difference.kind].name) not in page

    def test_are_repaired_once_however_often_the_button_is_pressed(self, difference, browser):
        browser.post(opened(DIFFERENCES, difference))
        answer = browser.post(opened(DIFFERENCES, difference))
        assert answer.status_code == 409
        assert "This was repaired already, or has gone away." in answer.content.decode()
        assert Refund.objects.count() == 1

    def test_that_still_stand_say_so(self, ana, plan, browser):
        never_captured(ana, plan)
        compare()
        answer = browser.post(opened(DIFFERENCES, Difference.objects.get()), follow=True)
        assert text_of(answer).count(STILL_STANDS) == 2  # as a message and as a note

    def test_wait_while_the_provider_is_away(self, difference, browser, monkeypatch):
        def away(*_):
            raise GatewayUnavailable

        monkeypatch.setattr(SandboxGateway, "fetch", away)
        answer = browser.post(opened(DIFFERENCES, difference))
        assert answer.status_code == 503
        assert not Refund.objects.exists()

    def test_are_nobody_elses(self, difference, contoso):
        before = ledger.refunded()
        for somebody in (browser_of(contoso), signed_in(factories.MembershipFactory(tenant=contoso))):
            assert somebody.get(listed(DIFFERENCES)).status_code == 403
            assert somebody.get(opened(DIFFERENCES, difference)).status_code == 403
            assert somebody.post(opened(DIFFERENCES, difference)).status_code == 403
        difference.refresh_from_db()
        assert difference.resolved_at is None
        assert ledger.refunded() == before

    def test_open_ones_stand_first(self, difference, browser, ana, plan):
        browser.post(opened(DIFFERENCES, difference))
        stranger()
        compare()
        rows = found(browser, DIFFERENCES, "")
        assert [row.kind for row in rows] == ["unknown_charge", "unknown_refund"]
        assert found(browser, DIFFERENCES, "state=open") == rows[:1]
        assert found(browser, DIFFERENCES, "state=repaired") == rows[1:]
        assert found(browser, DIFFERENCES, "kind=unknown_refund") == rows[1:]
        assert found(browser, DIFFERENCES, f"q={rows[0].reference}") == rows[:1]

    def test_of_nobody_here_have_a_page_too(self, browser):
        stranger()
        compare()
        assert "$12.50" in text_of(browser.get(opened(DIFFERENCES, Difference.objects.get())))

    def test_without_any_it_says_so(self, browser):
        assert "No differences" in text_of(browser.get(listed(DIFFERENCES)))

    def test_cost_the_same_for_one_row_and_for_thirty(self, browser):
        stranger()
        compare()
        once = cost(browser, listed(DIFFERENCES))
        for _ in range(29):
            stranger()
        compare()
        assert Difference.objects.count() == 30
        assert cost(browser, listed(DIFFERENCES)) == once


class TestTheLedger:
    def test_lists_movements_with_their_postings_and_what_they_add_up_to(self, bought, browser):
        shown = text_of(browser.get(listed(LEDGER)))
        for said in ("Contoso", "Order billed", "Payment received", "Owed by buyers", "$19.98", "-$19.98", "Balances"):
            assert said in shown
        movement = Movement.objects.get(kind="captured")
        page = text_of(browser.get(opened(LEDGER, movement)))
        assert str(Payment.objects.get().pk) in page
        assert "At the payment provider" in page

    def test_finds_by_organisation_and_by_ids(self, bought, elsewhere, browser):
        order = Order.objects.get(subscription=bought)
        mine = {movement.pk for movement in Movement.objects.filter(order=order)}
        payment = Payment.objects.get(order=order)
        for query in ("contoso", str(order.pk), f" {order.pk} "):
            assert {row.pk for row in found(browser, LEDGER, f"q={query}")} == mine
        assert [row.kind for row in found(browser, LEDGER, f"q={payment.pk}")] == ["captured"]
        assert found(browser, LEDGER, "q=cont") == []
        assert {row.kind for row in found(browser, LEDGER, "kind=order_billed")} == {"order_billed"}

    def test_adds_up_what_it_shows(self, bought, elsewhere, browser):
        everything = browser.get(listed(LEDGER)).context["balances"]
        one = browser.get(f"{listed(LEDGER)}?q=contoso").context["balances"]
        assert [row["balance"] * 2 for row in one] == [row["balance"] for row in everything]
        assert {str(row["account"]) for row in one} == {"At the payment provider", "Owed by buyers", "Sales"}

    def test_tells_currencies_apart(self, ana, plan, browser):
        set_aside(ana, plan, currency="EUR")
        buy(ana, plan)
        shown = browser.get(listed(LEDGER)).context["balances"]
        assert {row["currency"] for row in shown} == {"EUR", "USD"}

    def test_is_nobody_elses(self, bought, contoso):
        movement = Movement.objects.first()
        for somebody in (browser_of(contoso), browser_of(contoso, "global_reader")):
            assert somebody.get(listed(LEDGER)).status_code == 403
            assert somebody.get(opened(LEDGER, movement)).status_code == 403

    def test_takes_no_write(self, bought, browser):
        for method in ("post", "put", "patch", "delete"):
            assert getattr(browser, method)(opened(LEDGER, Movement.objects.first())).status_code == 403

    def test_costs_the_same_for_one_purchase_and_for_twenty(self, bought, contoso, plan, browser):
        once = cost(browser, listed(LEDGER))
        for n in range(20):
            buy(factories.MembershipFactory(tenant=contoso), plan, at=NOON + timedelta(minutes=n))
        assert cost(browser, listed(LEDGER)) == once
