"""Fewer seats, the bank's step, going on and canceling in the browser: nobody pays what they have not seen."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment
from licensing.models import Subscription
from licensing.operations import lifecycle
from tests import ledger
from tests.callers import signed_in
from tests.commerce.changes import STEP_CARD, quantity_of
from tests.commerce.conftest import state_of
from tests.commerce.pages import VISA, add_seats, cancel, remove_seats, seen, send, url_of
from tests.factories import MembershipFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


class TestTheBanksStep:
    def waiting(self, ana, half_gone):
        page = add_seats(ana, half_gone, count=3, card=STEP_CARD)
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
        assert "It has 6 seats now." in add_seats(ana, half_gone).text

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
        done = remove_seats(ana, subscription)
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
        done = remove_seats(ana, half_gone, count=3)
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
        self.go_on(ana, in_grace, card=STEP_CARD)
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
        add_seats(ana, half_gone, count=2)
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
        add_seats(ana, half_gone, count=1)
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
    add_seats(ana, half_gone, count=2)
    page = signed_in(ana).get(reverse("my-subscription", kwargs={"subscription_id": half_gone.pk})).text
    assert "For 1" in page
    assert "days." in page
    assert Decimal(ledger.captured()[-1]) < 2 * Decimal("9.99")
