"""More seats in the browser: nobody pays what they have not seen."""

from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.utils import timezone

from commerce.models import PaymentMethod
from licensing.operations import lifecycle
from tests import ledger
from tests.callers import signed_in
from tests.commerce.changes import quantity_of
from tests.commerce.pages import VISA, add_seats, seen, send, url_of
from tests.factories import MembershipFactory, PolicyFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestAddingSeats:
    def test_shows_the_total_with_its_lines_before_the_card_is_charged(self, ana, half_gone):
        assert "Add seats" in signed_in(ana).get(url_of(half_gone)).text
        page, _shown = seen(ana, half_gone, "add-seats", quantity=3)
        told = page.context["quote"]
        assert f"${told.total:.2f}" in page.text
        assert "9.99 × 3 seats" in page.text
        assert " of 3" in page.text
        assert "Total today" in page.text
        assert "Pay now" in page.text
        assert quantity_of(half_gone) == 5
        done = add_seats(ana, half_gone, count=3)
        assert "It has 8 seats now." in done.text
        assert f"${ledger.captured()[-1]:.2f} was charged." in done.text
        assert quantity_of(half_gone) == 8
        assert "days." in done.text  # the part of the term, in its history

    def test_begins_with_one_seat(self, ana, half_gone):
        page, _shown = seen(ana, half_gone, "add-seats")
        assert page.context["quote"].after == 6

    def test_charges_what_was_shown_to_the_cent_minutes_later(self, ana, half_gone):
        page, shown = seen(ana, half_gone, "add-seats", quantity=3)
        with time_machine.travel(timezone.now() + timedelta(minutes=14)):
            send(ana, half_gone, "add-seats", shown=shown, quantity=3, when="now", payment_method=VISA)
        assert ledger.captured()[-1] == page.context["quote"].total

    def test_shows_the_new_total_first_when_the_old_one_is_too_old(self, ana, half_gone):
        _page, shown = seen(ana, half_gone, "add-seats", quantity=3)
        with time_machine.travel(timezone.now() + timedelta(minutes=16)):
            again = send(ana, half_gone, "add-seats", shown=shown, quantity=3, when="now", payment_method=VISA)
            assert "holds no longer" in again.text
            assert again.context["quote"].after == 8
        assert quantity_of(half_gone) == 5
        assert len(ledger.captured()) == 1

    @pytest.mark.parametrize("tamper", ["", "x", "longer", "other", "another subscription's"])
    def test_takes_no_signature_but_its_own(self, ana, plan, half_gone, tamper):
        other = buy(ana, plan, 1, at=timezone.now())
        _page, shown = seen(ana, half_gone, "add-seats", quantity=1)
        forged = {
            "longer": shown + "x",
            "other": signing.dumps([str(half_gone.pk), 50, "now", timezone.now().isoformat()], salt="another"),
            "another subscription's": seen(ana, other, "add-seats", quantity=1)[1],
        }
        again = add_seats(ana, half_gone, shown=forged.get(tamper, tamper))
        assert "holds no longer" in again.text
        assert (quantity_of(half_gone), quantity_of(other)) == (5, 1)

    @pytest.mark.parametrize("typed", [{"quantity": 9, "when": "now"}, {"quantity": 1, "when": "renewal"}])
    def test_another_number_or_time_than_was_shown_is_shown_first_and_charges_nothing(self, ana, half_gone, typed):
        _page, shown = seen(ana, half_gone, "add-seats", quantity=1)
        again = send(ana, half_gone, "add-seats", shown=shown, payment_method=VISA, **typed)
        assert "Look at it, then" in again.text
        told = again.context["quote"]
        assert (told.after, told.scheduled) == ((14, None) if typed["when"] == "now" else (5, 6))
        assert (quantity_of(half_gone), len(ledger.captured())) == (5, 1)
        send(ana, half_gone, "add-seats", shown=again.context["shown"], payment_method=VISA, **typed)
        assert quantity_of(half_gone) == told.after
        assert ledger.captured()[1:] == ([told.total] if typed["when"] == "now" else [])

    def test_the_number_travels_with_both_buttons(self, ana, half_gone):
        page, shown = seen(ana, half_gone, "add-seats", quantity=1)
        [form] = [part for part in page.text.split("<form")[1:] if 'name="shown"' in part.split("</form>")[0]]
        form = form.split("</form>")[0]
        assert form.count('name="quantity"') == form.count('name="when"') == 1
        assert 'name="update"' in form
        assert "Pay now" in form
        for number, status in ((3, 200), ("x", 400)):
            updated = send(
                ana, half_gone, "add-seats", shown=shown, quantity=number, when="now", payment_method=VISA, update=1
            )
            assert updated.status_code == status
            assert "Look at it, then pay" not in updated.text
        assert (quantity_of(half_gone), len(ledger.captured())) == (5, 1)

    def test_a_number_that_cannot_be_is_said_at_its_field_and_charges_nothing(self, ana, half_gone):
        _page, shown = seen(ana, half_gone, "add-seats", quantity=1)
        page = send(ana, half_gone, "add-seats", shown=shown, quantity="0", when="now", payment_method=VISA)
        assert (page.status_code, len(ledger.captured())) == (400, 1)
        assert "Type a whole number from 1 to 9,995." in page.text

    def test_a_second_click_buys_nothing_more(self, ana, half_gone):
        _page, shown = seen(ana, half_gone, "add-seats", quantity=2)
        for _ in range(2):
            done = send(ana, half_gone, "add-seats", shown=shown, quantity=2, when="now", payment_method=VISA)
            assert "It has 7 seats now." in done.text
        assert (quantity_of(half_gone), len(ledger.captured())) == (7, 2)

    def test_says_that_another_card_pays_from_now_on(self, ana, half_gone):
        said = "also pays this subscription from now on."
        usual = PaymentMethod.objects.get()
        assert f"This card {said}" in seen(ana, half_gone, "add-seats")[0].text
        assert said not in add_seats(ana, half_gone, card=str(usual.pk)).text
        done = add_seats(ana, half_gone, card="pm_card_refundFail")
        other = PaymentMethod.objects.exclude(pk=usual.pk).get()
        assert f"{other} {said}" in done.text
        assert said not in add_seats(ana, half_gone, count=1, when="renewal", card="").text

    def test_shows_the_new_total_first_when_seats_were_bought_meanwhile(self, ana, half_gone):
        _page, shown = seen(ana, half_gone, "add-seats", quantity=1)
        add_seats(ana, half_gone, count=2)
        again = send(ana, half_gone, "add-seats", shown=shown, quantity=1, when="now", payment_method=VISA)
        assert "changed after you looked" in again.text
        assert again.context["quote"].after == 8
        assert quantity_of(half_gone) == 7

    @pytest.mark.parametrize("count", ["", "0", "-1", "x", "1.5", "10000", "9" * 30])
    def test_asks_for_a_number_that_can_be(self, ana, half_gone, count):
        page, shown = seen(ana, half_gone, "add-seats", quantity=count)
        assert (page.status_code, shown) == (400, "")
        assert "Type a whole number from 1 to 9,995." in page.text
        assert "Pay now" not in page.text

    def test_a_declined_card_is_said_at_the_card_and_another_one_may_be_tried(self, ana, half_gone):
        page = add_seats(ana, half_gone, card="pm_card_chargeDeclinedInsufficientFunds")
        assert "there is not enough money on it" in page.text
        assert page.context["card"].errors["payment_method"]
        assert quantity_of(half_gone) == 5
        assert "It has 6 seats now." in add_seats(ana, half_gone).text

    def test_a_prepaid_card_is_refused_at_the_card(self, ana, half_gone):
        assert "Prepaid cards are not accepted" in add_seats(ana, half_gone, card="pm_card_mastercard_prepaid").text

    def test_asks_for_a_card(self, ana, half_gone):
        page = add_seats(ana, half_gone, card="")
        assert (page.status_code, "Choose a card." in page.text) == (400, True)

    def test_the_card_that_pays_for_it_is_chosen_already(self, ana, half_gone):
        page, _shown = seen(ana, half_gone, "add-seats")
        card = PaymentMethod.objects.get()
        assert f'<option value="{card.pk}" selected>' in page.text
        assert "It has 6 seats now." in add_seats(ana, half_gone, card=str(card.pk)).text

    def test_a_rule_that_forbids_it_is_told_with_the_contact(self, ana, plan, half_gone):
        _page, shown = seen(ana, half_gone, "add-seats")
        PolicyFactory(tenant=ana.tenant, product=plan.product, value="disabled")
        refused, _none = seen(ana, half_gone, "add-seats")
        too_late = send(ana, half_gone, "add-seats", shown=shown, quantity=1, when="now", payment_method=VISA)
        for page in (refused, too_late):
            assert page.status_code == 403
            assert "You can't buy this yourself" in page.text
        assert quantity_of(half_gone) == 5

    def test_names_the_tax(self):
        ben = MembershipFactory(tenant__country="DE")
        TaxRateFactory()
        subscription = buy(ben, plan_on_sale(country="DE"), at=timezone.now() - timedelta(days=15))
        assert "VAT 19%" in seen(ben, subscription, "add-seats")[0].text

    def test_from_the_renewal_on_asks_for_no_card(self, ana, half_gone):
        page, _shown = seen(ana, half_gone, "add-seats", quantity=2, when="renewal")
        assert "Nothing is charged today" in page.text
        assert "Pay now" not in page.text
        done = add_seats(ana, half_gone, count=2, when="renewal", card="")
        assert "on it has 7 seats." in done.text
        assert quantity_of(half_gone) == 5

    def test_is_not_offered_when_no_term_runs(self, ana, half_gone):
        lifecycle.advance_due(at=timezone.now() + timedelta(days=20))
        assert "Add seats" not in signed_in(ana).get(url_of(half_gone)).text
        page = signed_in(ana).get(url_of(half_gone, "add-seats"), follow=True)
        assert "no longer active" in page.text
