"""More and fewer seats, and going on, in the browser: nobody pays what they have not seen."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, PaymentMethod
from licensing.models import Subscription
from licensing.operations import lifecycle
from tests import ledger
from tests.callers import signed_in
from tests.commerce.conftest import state_of
from tests.commerce.pages import VISA, cancel, seen, send, url_of
from tests.factories import MembershipFactory, PolicyFactory, TaxRateFactory, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

STEP = "pm_card_authenticationRequired"


@pytest.fixture
def half_gone(ana, plan):
    """Five seats, about half of whose term is over."""
    return buy(ana, plan, 5, at=timezone.now() - timedelta(days=15))


def change(who, subscription, action, *, count=1, when="now", card=VISA, **sent):
    """As somebody does who has looked at what it costs."""
    _page, shown = seen(who, subscription, action, quantity=count, when=when)
    body = {"shown": shown, "quantity": count, "when": when, "payment_method": card}
    return send(who, subscription, action, **{**body, **sent})


def add(who, subscription, **sent):
    return change(who, subscription, "add-seats", **sent)


def remove(who, subscription, **sent):
    return change(who, subscription, "remove-seats", **sent)


def quantity_of(subscription):
    return Subscription.objects.get(pk=subscription.pk).quantity


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
        done = add(ana, half_gone, count=3)
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
        again = add(ana, half_gone, shown=forged.get(tamper, tamper))
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
        assert said not in add(ana, half_gone, card=str(usual.pk)).text
        done = add(ana, half_gone, card="pm_card_refundFail")
        other = PaymentMethod.objects.exclude(pk=usual.pk).get()
        assert f"{other} {said}" in done.text
        assert said not in add(ana, half_gone, count=1, when="renewal", card="").text

    def test_shows_the_new_total_first_when_seats_were_bought_meanwhile(self, ana, half_gone):
        _page, shown = seen(ana, half_gone, "add-seats", quantity=1)
        add(ana, half_gone, count=2)
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
        page = add(ana, half_gone, card="pm_card_chargeDeclinedInsufficientFunds")
        assert "there is not enough money on it" in page.text
        assert page.context["card"].errors["payment_method"]
        assert quantity_of(half_gone) == 5
        assert "It has 6 seats now." in add(ana, half_gone).text

    def test_a_prepaid_card_is_refused_at_the_card(self, ana, half_gone):
        assert "Prepaid cards are not accepted" in add(ana, half_gone, card="pm_card_mastercard_prepaid").text

    def test_asks_for_a_card(self, ana, half_gone):
        page = add(ana, half_gone, card="")
        assert (page.status_code, "Choose a card." in page.text) == (400, True)

    def test_the_card_that_pays_for_it_is_chosen_already(self, ana, half_gone):
        page, _shown = seen(ana, half_gone, "add-seats")
        card = PaymentMethod.objects.get()
        assert f'<option value="{card.pk}" selected>' in page.text
        assert "It has 6 seats now." in add(ana, half_gone, card=str(card.pk)).text

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
        done = add(ana, half_gone, count=2, when="renewal", card="")
        assert "on it has 7 seats." in done.text
        assert quantity_of(half_gone) == 5

    def test_is_not_offered_when_no_term_runs(self, ana, half_gone):
        lifecycle.advance_due(at=timezone.now() + timedelta(days=20))
        assert "Add seats" not in signed_in(ana).get(url_of(half_gone)).text
        page = signed_in(ana).get(url_of(half_gone, "add-seats"), follow=True)
        assert "no longer active" in page.text


class TestTheBanksStep:
    def waiting(self, ana, half_gone):
        page = add(ana, half_gone, count=3, card=STEP)
        assert page.redirect_chain[-1][0].startswith("/sandbox/3ds/")
        return Payment.objects.get(state="requires_action")

    def test_leads_to_the_bank_and_back(self, ana, half_gone):
        payment = self.waiting(ana, half_gone)
        page = signed_in(ana).get(url_of(half_gone))
        assert "Your bank wants you to confirm" in page.text
        assert payment.action_url in page.text
        assert "Add seats" not in page.text
        done = signed_in(ana).post(payment.action_url, {"decision": "approve"}, follow=True)
        assert "What you ordered is there." in done.text
        assert quantity_of(half_gone) == 8

    def test_says_so_when_the_cardholder_declines(self, ana, half_gone):
        payment = self.waiting(ana, half_gone)
        done = signed_in(ana).post(payment.action_url, {"decision": "decline"}, follow=True)
        assert "not confirmed with your bank" in done.text
        assert quantity_of(half_gone) == 5
        assert "Your bank wants you to confirm" not in done.text

    def test_can_be_given_up(self, ana, half_gone):
        payment = self.waiting(ana, half_gone)
        assert "Nothing was charged." in send(ana, half_gone, "give-up").text
        assert SandboxGateway().find(payment.pk).outcome == "canceled"
        assert Order.objects.get(kind="seats").state == "canceled"
        assert "It has 6 seats now." in add(ana, half_gone).text

    def test_given_up_too_late_is_paid(self, ana, half_gone):
        payment = self.waiting(ana, half_gone)
        SandboxGateway().answer_step(payment.pk, approve=True)
        assert "was paid already" in send(ana, half_gone, "give-up").text
        assert quantity_of(half_gone) == 8

    def test_opens_no_other_order_meanwhile(self, ana, half_gone):
        self.waiting(ana, half_gone)
        for action in ("add-seats", "remove-seats"):
            page = signed_in(ana).get(url_of(half_gone, action), follow=True)
            assert "is in progress" in page.text

    def test_coming_back_twice_is_harmless(self, ana, half_gone):
        payment = self.waiting(ana, half_gone)
        signed_in(ana).post(payment.action_url, {"decision": "approve"}, follow=True)
        assert signed_in(ana).get(url_of(half_gone, "return"), follow=True).status_code == 200
        assert quantity_of(half_gone) == 8


class TestRemovingSeats:
    def test_shows_what_goes_back_and_then_gives_it_back(self, ana, subscription):
        page, _shown = seen(ana, subscription, "remove-seats", quantity=1)
        assert "Back to your card" in page.text
        assert "days not used yet" in page.text
        assert "Charged" not in page.text or "7 days" in page.text
        done = remove(ana, subscription)
        assert "It has 1 seat now." in done.text
        assert "goes back to your card." in done.text
        assert ledger.refunded() == [page.context["quote"].total]
        assert "Remove seats" not in done.text

    def test_another_number_than_was_shown_is_shown_first_and_gives_nothing_back(self, ana, plan):
        bought = buy(ana, plan, 5, at=timezone.now())
        _page, shown = seen(ana, bought, "remove-seats", quantity=1)
        again = send(ana, bought, "remove-seats", shown=shown, quantity=3, when="now")
        assert "This is for 3 seats now. Look at it, then go on." in again.text
        assert again.context["quote"].after == 2
        assert (quantity_of(bought), ledger.refunded()) == (5, [])

    def test_outside_the_window_waits_for_the_renewal_and_may_be_kept(self, ana, half_gone):
        page, _shown = seen(ana, half_gone, "remove-seats", quantity=3)
        assert "Nothing goes back" in page.text
        assert "Charged 7 days ago or longer" in page.text
        done = remove(ana, half_gone, count=3)
        assert "on it has 2 seats." in done.text
        assert "Keep 5 seats" in done.text
        assert "on 2 seats." in done.text
        kept = send(ana, half_gone, "keep-seats")
        assert "The number of seats stays as it is." in kept.text
        assert "Keep 5 seats" not in kept.text
        assert "No change of seats waits" in send(ana, half_gone, "keep-seats").text

    def test_says_how_many_are_assigned_where_it_would_take_seats_from_people(self, ana, cleo, subscription):
        send(ana, subscription, "assign", members=cleo.user.email)
        page, shown = seen(ana, subscription, "remove-seats", quantity=1)
        assert (page.status_code, shown) == (400, "")
        assert "2 seats are assigned, and 1 would be left." in page.text

    def test_warns_that_the_renewal_will_not_take_seats_from_people(self, ana, cleo, plan):
        bought = buy(ana, plan, 2, at=timezone.now() - timedelta(days=15))
        send(ana, bought, "assign", members=cleo.user.email)
        page, _shown = seen(ana, bought, "remove-seats", quantity=1)
        assert "2 seats are assigned now. Release some before that day" in page.text

    @pytest.mark.parametrize("count", ["", "0", "2", "x"])
    def test_asks_for_a_number_that_can_be(self, ana, subscription, count):
        page, _shown = seen(ana, subscription, "remove-seats", quantity=count)
        assert "Type a whole number from 1 to 1." in page.text


class TestReactivating:
    @pytest.fixture
    def in_grace(self, ana, plan):
        subscription = buy(ana, plan, 2, at=timezone.now() - timedelta(days=40))
        lifecycle.advance_due(at=timezone.now())
        return subscription

    def go_on(self, who, subscription, card=VISA, **sent):
        _page, shown = seen(who, subscription, "reactivate")
        return send(who, subscription, "reactivate", **{"shown": shown, "payment_method": card, **sent})

    def test_shows_what_it_costs_and_then_goes_on(self, ana, in_grace):
        assert "Reactivate" in signed_in(ana).get(url_of(in_grace)).text
        page, _shown = seen(ana, in_grace, "reactivate")
        assert "$19.98" in page.text
        assert "The next term begins where the last one ended." in page.text
        assert state_of(in_grace) == "expired"
        done = self.go_on(ana, in_grace)
        assert "It goes on. $19.98 was charged." in done.text
        assert state_of(in_grace) == "active"
        assert "Its term has ended" not in done.text

    def test_says_of_what_has_ended_that_a_new_term_begins(self, ana, subscription):
        cancel(ana, subscription, reason="A trial was enough.")
        assert "Nobody can use it" in signed_in(ana).get(url_of(subscription)).text
        assert "A new term begins when you pay." in seen(ana, subscription, "reactivate")[0].text
        self.go_on(ana, subscription)
        assert state_of(subscription) == "active"

    def test_a_declined_card_is_said_at_the_card(self, ana, in_grace):
        page = self.go_on(ana, in_grace, card="pm_card_chargeDeclined")
        assert "Your card was declined" in page.text
        assert state_of(in_grace) == "expired"

    def test_leads_to_the_bank_and_back(self, ana, in_grace):
        self.go_on(ana, in_grace, card=STEP)
        page = signed_in(ana).get(url_of(in_grace))
        assert "Your bank wants you to confirm" in page.text
        assert "Its term has ended" not in page.text
        payment = Payment.objects.get(state="requires_action")
        signed_in(ana).post(payment.action_url, {"decision": "approve"}, follow=True)
        assert state_of(in_grace) == "active"

    def test_without_having_seen_the_total_charges_nothing(self, ana, in_grace):
        assert "holds no longer" in self.go_on(ana, in_grace, shown="").text
        assert state_of(in_grace) == "expired"

    def test_of_what_runs_leads_to_its_page(self, ana, subscription):
        page = signed_in(ana).get(url_of(subscription, "reactivate"), follow=True)
        assert page.redirect_chain[-1][0] == url_of(subscription)

    def test_of_what_is_closed_for_good_is_refused(self, ana, subscription):
        lifecycle.advance_due(at=timezone.now() + timedelta(days=300))
        assert "no longer active" in signed_in(ana).get(url_of(subscription, "reactivate"), follow=True).text


class TestCanceling:
    def test_names_lines_and_people_and_refuses_an_old_total(self, ana, cleo, half_gone):
        add(ana, half_gone, count=2)
        page, shown = seen(ana, half_gone, "cancel")
        assert "5 seats keep working until" in page.text
        assert "Charged 7 days ago or longer" in page.text
        assert "days not used yet" in page.text
        with time_machine.travel(timezone.now() + timedelta(minutes=16)):
            again = send(ana, half_gone, "cancel", shown=shown, reason="Too dear.")
        assert "holds no longer" in again.text
        assert Subscription.objects.get().auto_renew
        done = cancel(ana, half_gone, reason="Too dear.")
        assert "The other seats keep working until" in done.text
        assert (quantity_of(half_gone), len(ledger.refunded())) == (5, 1)

    def test_names_the_people_who_lose_access(self, ana, cleo, half_gone):
        add(ana, half_gone, count=1)
        people = [cleo, *MembershipFactory.create_batch(4, tenant=ana.tenant)]
        for member in people:
            send(ana, half_gone, "assign", members=member.user.email)
        page, _shown = seen(ana, half_gone, "cancel")
        assert "1 person has a seat and loses access." in page.text
        assert people[-1].user.email in page.text
        assert cleo.user.email not in page.text


@pytest.mark.parametrize("action", ["add-seats", "remove-seats", "reactivate", "cancel"])
def test_pages_are_the_owners_alone(ana, subscription, action):
    for who in (MembershipFactory(tenant=ana.tenant, roles=["global_admin"]), MembershipFactory()):
        assert signed_in(who).get(url_of(subscription, action)).status_code == 404


def test_amounts_of_part_of_a_term_say_so_in_the_history(ana, half_gone):
    add(ana, half_gone, count=2)
    page = signed_in(ana).get(reverse("my-subscription", kwargs={"subscription_id": half_gone.pk})).text
    assert "For 1" in page
    assert "days." in page
    assert Decimal(ledger.captured()[-1]) < 2 * Decimal("9.99")
