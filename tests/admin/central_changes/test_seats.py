"""Adding and removing seats of what the organisation has bought, and its bank's step, in the procurement view."""

import pytest
from django.utils import timezone

from commerce.models import Order, Payment, PaymentMethod, PaymentSource, Refund, ScheduledChange
from tests import factories, ledger
from tests.admin.central_changes.conftest import fresh, means_of, seen, send, url_of
from tests.admin.pages import PURCHASES, browser_of, opened, text_of
from tests.callers import signed_in
from tests.factories import buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

STEP = "pm_card_authenticationRequired"


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
