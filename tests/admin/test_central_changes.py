"""Changing what the organisation has bought, in the procurement view: seen first, then done, once."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from commerce.models import Order, Payment, PaymentMethod, PaymentSource, Refund, ScheduledChange
from licensing.models import Subscription
from licensing.operations import lifecycle
from tenants.journal.models import Event
from tests import factories, ledger
from tests.admin.pages import PURCHASES, browser_of, opened
from tests.callers import signed_in
from tests.factories import agree, buy_centrally, order_centrally, price_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ROLES = ("license_admin", "user_admin", "global_reader")
PAGES = ("add-seats", "remove-seats", "cancel", "reactivate", "payment")
BUTTONS = ("keep-seats", "renewal", "give-up")
STEP = "pm_card_authenticationRequired"


@pytest.fixture
def office(db):
    return price_centrally(factories.PlanFactory(product__name="Office suite", product__self_service=False))


@pytest.fixture
def bill(contoso):
    return factories.MembershipFactory(tenant=contoso, roles=["billing_admin"], name="Bill")


@pytest.fixture
def billed(bill, office):
    """Four seats at 8.99, on an agreement that is paid by invoice."""
    return buy_centrally(bill, office, 4, at=timezone.now())


@pytest.fixture
def charged(bill, office):
    """Four seats at 8.99, on a card of the organisation."""
    return order_centrally(bill, office, 4, timezone.now(), payment_method="pm_card_visa").subscription


def url_of(subscription, page):
    return reverse(f"admin:commerce_purchase_{page.replace('-', '_')}", args=[subscription.pk])


def text_of(response, status=200):
    assert response.status_code == status, response.content
    return re.sub(r"\s+", " ", response.content.decode())


def fresh(subscription):
    return Subscription.objects.get(pk=subscription.pk)


def means_of(subscription):
    source = PaymentSource.objects.get(subscription=subscription)
    return str(source.payment_method_id or source.agreement_id)


def seen(who, subscription, page, **query):
    """What the page shows, and what its button sends."""
    response = signed_in(who).get(url_of(subscription, page), query)
    sent = {"shown": response.context["shown"], "quantity": query.get("quantity", "1"), "when": "now", **query}
    return text_of(response), sent


def send(who, subscription, page, **sent):
    return signed_in(who).post(url_of(subscription, page), sent, follow=True)


class TestSeats:
    def test_are_added_for_the_total_that_was_shown_and_billed(self, bill, billed):
        page, sent = seen(bill, billed, "add-seats", quantity="2")
        for said in ("Total today", "8.99", " of ", "Invoice, under"):
            assert said in page, said
        total = signed_in(bill).get(url_of(billed, "add-seats"), {"quantity": "2"}).context["quote"].total
        done = send(bill, billed, "add-seats", payment_method=means_of(billed), **sent)
        assert done.redirect_chain[-1][0] == opened(PURCHASES, billed)
        assert f"It has 6 seats now. ${total} was billed." in text_of(done)
        order = Order.objects.get(kind="seats")
        assert (order.state, order.total, fresh(billed).quantity) == ("invoiced", total, 6)
        assert ledger.captured() == []

    def test_are_charged_to_the_organisations_card_once_however_often_one_clicks(self, bill, charged):
        _page, sent = seen(bill, charged, "add-seats", quantity="2")
        for _ in range(3):
            done = send(bill, charged, "add-seats", payment_method=means_of(charged), **sent)
            assert "It has 6 seats now." in text_of(done)
        assert len(ledger.captured()) == 2
        assert fresh(charged).quantity == 6

    @pytest.mark.parametrize("page", ["add-seats", "remove-seats"])
    def test_another_number_than_was_shown_is_shown_first(self, bill, charged, page):
        text, sent = seen(bill, charged, page, quantity="1")
        form = text[text.index('name="quantity"') : text.index('name="shown"')]
        assert "<form" not in form
        again = send(bill, charged, page, payment_method=means_of(charged), **{**sent, "quantity": "3"})
        assert "for 3 seats now. Look at it, then" in text_of(again)
        assert again.context["quote"].after == (7 if page == "add-seats" else 1)
        assert (fresh(charged).quantity, len(ledger.captured()), ledger.refunded()) == (4, 1, [])

    def test_say_which_card_pays_from_now_on(self, bill, charged):
        factories.add_card(bill, "pm_card_refundFail", at=timezone.now(), for_organisation=True)
        other = PaymentMethod.objects.exclude(pk=means_of(charged)).get()
        page, sent = seen(bill, charged, "add-seats", quantity="2")
        assert "This card also pays this subscription from now on." in page
        done = text_of(send(bill, charged, "add-seats", payment_method=str(other.pk), **sent))
        assert f"{other} also pays this subscription from now on." in done

    def test_may_be_paid_by_a_card_though_an_agreement_pays(self, bill, billed):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card = PaymentMethod.objects.get(member=None)
        page, sent = seen(bill, billed, "add-seats", quantity="2")
        done = text_of(send(bill, billed, "add-seats", payment_method=str(card.pk), **sent))
        assert "was charged." in done
        assert "from now on" not in page + done
        assert PaymentSource.objects.get().agreement_id is not None

    @pytest.mark.parametrize("card", ["", "pm_card_visa", "somebody's own"])
    def test_take_no_other_card_than_those_offered(self, bill, charged, card):
        if card == "somebody's own":
            factories.add_card(bill, at=timezone.now())
            card = str(PaymentMethod.objects.get(member=bill).pk)
        _page, sent = seen(bill, charged, "add-seats", quantity="2")
        page = text_of(send(bill, charged, "add-seats", payment_method=card, **sent), 400)
        assert "Choose what pays." in page
        assert (len(ledger.captured()), fresh(charged).quantity) == (1, 4)

    def test_need_something_that_pays(self, bill, billed):
        PaymentSource.objects.update(agreement=None, by_invoice=False)
        page, sent = seen(bill, billed, "add-seats", quantity="2")
        assert "There is neither an agreement" in page
        send(bill, billed, "add-seats", **sent)
        assert fresh(billed).quantity == 4

    @pytest.mark.parametrize("shown", ["", "forged", "another's"])
    def test_nothing_is_bought_that_was_not_shown(self, bill, office, billed, shown):
        if shown == "another's":
            shown = seen(bill, buy_centrally(bill, office, 1, at=timezone.now()), "add-seats", quantity="2")[1]["shown"]
        _page, sent = seen(bill, billed, "add-seats", quantity="2")
        again = send(bill, billed, "add-seats", payment_method=means_of(billed), **{**sent, "shown": shown})
        assert "What you saw holds no longer." in text_of(again)
        assert fresh(billed).quantity == 4

    def test_a_number_that_cannot_be_is_said_at_its_field(self, bill, billed):
        page = signed_in(bill).get(url_of(billed, "add-seats"), {"quantity": "0"})
        assert "Type a whole number from 1" in text_of(page, 400)
        assert "Total today" not in text_of(page, 400)

    def test_go_back_with_their_money(self, bill, billed, charged):
        for subscription, said in ((billed, "comes off the invoice."), (charged, "goes back to the card that paid.")):
            page, sent = seen(bill, subscription, "remove-seats", quantity="3")
            assert "Goes back" in page
            assert "not used yet" in page
            assert said in text_of(send(bill, subscription, "remove-seats", **sent))
            send(bill, subscription, "remove-seats", **sent)
            assert fresh(subscription).quantity == 1
        assert Refund.objects.count() == 2
        assert len(ledger.refunded()) == 1

    def test_wait_for_the_renewal_and_may_be_kept(self, bill, billed):
        _page, sent = seen(bill, billed, "remove-seats", quantity="3", when="renewal")
        done = text_of(send(bill, billed, "remove-seats", **sent))
        assert "it has 1 seat" in done
        assert "Keep 4 seats" in done
        kept = text_of(send(bill, billed, "keep-seats"))
        assert "The number of seats stays as it is." in kept
        assert "Keep 4 seats" not in kept
        assert ScheduledChange.objects.get().state == "withdrawn"


class TestTheBanksStep:
    @pytest.fixture
    def waiting(self, bill, charged):
        """Two seats more that wait for their cardholder."""
        card = PaymentMethod.objects.get()
        PaymentMethod.objects.filter(pk=card.pk).update(reference=STEP)
        _page, sent = seen(bill, charged, "add-seats", quantity="2")
        answer = signed_in(bill).post(url_of(charged, "add-seats"), {**sent, "payment_method": str(card.pk)})
        payment = Payment.objects.get(state="requires_action")
        assert answer["Location"] == payment.action_url
        return payment

    def test_leads_there_and_back_to_the_purchase(self, bill, charged, waiting):
        browser = signed_in(bill)
        page = text_of(browser.get(opened(PURCHASES, charged)))
        assert "Your bank wants you to confirm" in page
        assert waiting.action_url in page
        assert "Add seats" not in page
        back = browser.post(waiting.action_url, {"decision": "approve"}, follow=True)
        assert back.redirect_chain[-1][0] == opened(PURCHASES, charged)
        assert "Paid. What you ordered is there." in text_of(back)
        assert fresh(charged).quantity == 6

    def test_that_was_declined_is_told_there(self, bill, charged, waiting):
        back = signed_in(bill).post(waiting.action_url, {"decision": "decline"}, follow=True)
        assert back.redirect_chain[-1][0] == opened(PURCHASES, charged)
        assert "Nothing was charged" in text_of(back)
        assert fresh(charged).quantity == 4

    def test_is_given_up_by_who_ordered(self, contoso, bill, charged, waiting):
        other = browser_of(contoso)
        assert "has to confirm it with the bank" in text_of(other.get(opened(PURCHASES, charged)))
        other.post(url_of(charged, "give-up"))
        assert Order.objects.filter(state="pending").exists()
        assert "Given up. Nothing was charged." in text_of(send(bill, charged, "give-up"))
        assert not Order.objects.filter(state="pending").exists()
        assert len(ledger.captured()) == 1


class TestTheEnd:
    def test_is_shown_with_its_money_and_needs_a_reason(self, contoso, bill, charged):
        page, sent = seen(bill, charged, "cancel")
        assert "Access ends at once" in page
        assert "$35.96" in page
        assert "Say in a few words" in text_of(send(bill, charged, "cancel", **sent), 400)
        assert fresh(charged).state == "active"
        done = send(bill, charged, "cancel", reason="Nobody used it.", **sent)
        assert done.redirect_chain[-1][0] == opened(PURCHASES, charged)
        for said in ("goes back to the card that paid.", "Nobody used it.", "Bill"):
            assert said in text_of(done), said
        send(bill, charged, "cancel", reason="Again.", **sent)
        assert ledger.refunded() == [Decimal("35.96")]

    def test_of_what_ends_anyway_changes_nothing(self, bill, office):
        old = buy_centrally(bill, office, 2, at=timezone.now() - timedelta(days=8))
        signed_in(bill).post(url_of(old, "renewal"), {"auto_renew": "off"})
        page = text_of(signed_in(bill).get(url_of(old, "cancel")))
        assert "There is nothing to cancel" in page
        assert "Cancel subscription" not in text_of(signed_in(bill).get(opened(PURCHASES, old)))

    def test_renewal_is_turned_off_and_on(self, bill, billed):
        assert "Automatic renewal is off." in text_of(send(bill, billed, "renewal", auto_renew="off"))
        assert not fresh(billed).auto_renew
        assert "Automatic renewal is on." in text_of(send(bill, billed, "renewal", auto_renew="on"))
        assert fresh(billed).auto_renew


class TestGoingOn:
    @pytest.fixture
    def over(self, bill, office):
        """Two seats whose term is over, on an agreement."""
        subscription = buy_centrally(bill, office, 2, at=timezone.now() - timedelta(days=40))
        lifecycle.advance_due(at=timezone.now())
        return subscription

    def test_is_billed_once_under_the_agreement(self, bill, over):
        assert "Reactivate" in text_of(signed_in(bill).get(opened(PURCHASES, over)))
        page, sent = seen(bill, over, "reactivate")
        assert "$17.98" in page
        for _ in range(3):
            done = send(bill, over, "reactivate", payment_method=means_of(over), **sent)
            assert "It goes on. $17.98 was billed." in text_of(done)
        assert Order.objects.filter(kind="reactivation").count() == 1
        assert fresh(over).state == "active"

    def test_or_charged_to_a_card(self, bill, over):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card = PaymentMethod.objects.get(member=None)
        _page, sent = seen(bill, over, "reactivate")
        done = send(bill, over, "reactivate", payment_method=str(card.pk), **sent)
        assert "It goes on. $17.98 was charged." in text_of(done)
        assert ledger.captured() == [Decimal("17.98")]

    def test_with_a_card_that_is_declined_it_does_not_and_another_one_may_be_tried(self, bill, over):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card = PaymentMethod.objects.get(member=None)
        PaymentMethod.objects.update(reference="pm_card_chargeDeclinedInsufficientFunds")
        _page, sent = seen(bill, over, "reactivate")
        page = send(bill, over, "reactivate", payment_method=str(card.pk), **sent)
        assert "there is not enough money on it" in text_of(page, 400)
        again = {"shown": page.context["shown"], "payment_method": means_of(over)}
        assert "was billed." in text_of(send(bill, over, "reactivate", **again))
        assert ledger.captured() == []


class TestWhatPays:
    def test_is_a_card_or_an_agreement_from_the_next_charge_on(self, bill, billed):
        factories.add_card(bill, at=timezone.now(), for_organisation=True)
        card, agreement = PaymentMethod.objects.get(member=None), PaymentSource.objects.get().agreement
        page = text_of(signed_in(bill).get(url_of(billed, "payment")))
        assert str(card) in page
        assert f"Invoice, under {agreement.name}: $8.99 a seat" in page
        agree(bill.tenant, name="Bare")
        page = text_of(signed_in(bill).get(url_of(billed, "payment")))
        assert "Invoice, under Bare: it has no price of its own for this plan" in page
        done = text_of(send(bill, billed, "payment", payment_method=str(card.pk)))
        assert "Nothing was charged now." in done
        assert f"{card} pays for it." in done
        for _ in range(2):
            done = text_of(send(bill, billed, "payment", payment_method=str(agreement.pk)))
        assert f"It is billed under the agreement {agreement}." in done
        [told] = Event.objects.filter(type="subscription.agreement_chosen")
        assert told.data == {"agreement": str(agreement.pk)}

    @pytest.mark.parametrize(
        "terms",
        [{"pay_by_invoice": False}, {"currency": "EUR"}, {"valid_to": "ended"}, {"tenant": "another"}],
        ids=["wants a card", "another currency", "holds no longer", "another organisation's"],
    )
    def test_is_no_agreement_that_cannot(self, bill, fabrikam, charged, terms):
        today = timezone.now().date()
        tenant = fabrikam if "tenant" in terms else bill.tenant
        if "valid_to" in terms:
            terms = {"valid_to": today - timedelta(days=1)}
        if terms.get("currency") == "EUR":
            factories.PriceFactory(plan=charged.plan, channel="central", amount=Decimal("8"), currency="EUR")
        agreement = agree(tenant, **{name: term for name, term in terms.items() if name != "tenant"})
        before = means_of(charged)
        page = text_of(send(bill, charged, "payment", payment_method=str(agreement.pk)), 400)
        assert "Choose what pays." in page
        assert means_of(charged) == before


class TestWhoMay:
    def test_those_who_buy_for_the_organisation_find_the_buttons(self, contoso, billed):
        for role in ("global_admin", "billing_admin"):
            browser = browser_of(contoso, role)
            page = text_of(browser.get(opened(PURCHASES, billed)))
            for said in ("Add seats", "Remove seats", "Change what pays", "Turn off automatic", "Cancel subscription"):
                assert said in page, said
            for name in PAGES:
                assert browser.get(url_of(billed, name)).status_code in (200, 302), name

    @pytest.mark.parametrize("role", ROLES)
    def test_nobody_else_does(self, contoso, billed, role):
        browser = browser_of(contoso, role)
        page = text_of(browser.get(opened(PURCHASES, billed)))
        assert "Change it" not in page
        assert "Cancel subscription" not in page
        for name in (*PAGES, *BUTTONS):
            assert browser.get(url_of(billed, name)).status_code == 403
            assert browser.post(url_of(billed, name), {"auto_renew": "off"}).status_code == 403
        assert fresh(billed).auto_renew

    def test_a_persons_own_purchase_never_gets_them(self, contoso, bought):
        browser = browser_of(contoso)
        assert "Change it" not in text_of(browser.get(opened(PURCHASES, bought)))
        for name in (*PAGES, *BUTTONS):
            assert browser.post(url_of(bought, name), {"auto_renew": "off"}).status_code == 404
        assert fresh(bought).auto_renew

    def test_nor_an_operator_nor_another_organisation(self, operator, fabrikam, billed):
        ops, stranger = signed_in(operator), browser_of(fabrikam)
        assert "Change it" not in text_of(ops.get(opened(PURCHASES, billed)))
        for name in (*PAGES, *BUTTONS):
            assert ops.post(url_of(billed, name), {"auto_renew": "off"}).status_code == 403
            assert stranger.post(url_of(billed, name), {"auto_renew": "off"}).status_code == 404
        assert fresh(billed).auto_renew

    @pytest.mark.parametrize("name", BUTTONS)
    def test_a_button_is_pressed_not_opened(self, bill, billed, name):
        assert signed_in(bill).get(url_of(billed, name)).status_code == 403
