"""A checkout in the browser: review, card, the bank's step, receipt, and every way in which it stops."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.models import Checkout, CheckoutState, Order, Payment, PaymentState
from commerce.models.sandbox import SandboxCharge
from licensing.models import Seat, Subscription
from tests.callers import signed_in
from tests.commerce.pages import VISA, opened, pay
from tests.factories import MembershipFactory, TenantFactory

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


# --- Review and pay


def test_ana_buys_two_seats_and_one_is_hers(ana, plan):
    client = signed_in(ana)
    checkout, page = opened(client, plan)
    assert checkout.total == Decimal("19.98")
    assert "ana@contoso.example" in page.text
    assert "Tax" not in page.text
    receipt = pay(client, checkout)
    assert "Purchase complete" in receipt.text
    assert "$19.98" in receipt.text
    subscription = Subscription.objects.get()
    assert (subscription.purchaser, subscription.quantity) == (ana, 2)
    assert Seat.objects.open().get().member == ana


def test_a_second_click_on_pay_now_charges_nothing_more(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    first, second = pay(client, checkout), pay(client, checkout)
    assert "Purchase complete" in first.text
    assert "Purchase complete" in second.text
    assert Payment.objects.count() == Order.objects.count() == 1
    # By the bank's own ledger, which no test rolls back.
    assert SandboxCharge.objects.using("sandbox").filter(customer=str(ana.pk)).count() == 1


def test_paying_with_another_quantity_shows_the_new_total_first(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, quantity=3)
    assert "The total is for 3 seats now" in page.text
    assert "$29.97" in page.text
    assert not Payment.objects.exists()


def test_the_total_is_updated_without_script(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    assert "$49.95" in pay(client, checkout, quantity=5, update="1").text


@pytest.mark.parametrize("quantity", ["0", "-1", "10001", "x", "1.5", "", "9" * 400, "\0"])
def test_a_quantity_that_cannot_be_is_asked_for_again(ana, plan, quantity):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    url = reverse("checkout-pay", kwargs={"checkout_id": checkout.pk})
    page = client.post(url, {"quantity": quantity, "payment_method": VISA})
    assert page.status_code == 400
    assert "Type a whole number from 1 to 10,000." in page.text
    link = client.get(reverse("buy", kwargs={"plan_id": plan.pk}), {"quantity": quantity}, follow=True)
    assert link.context["checkout"].quantity == 1
    assert list(link.context["form"].errors) == (["quantity"] if quantity else [])
    assert not Payment.objects.exists()


def test_a_token_that_is_no_card_is_refused(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, card="pm_bank_transfer")
    assert page.status_code == 400
    assert "Choose one of the cards." in page.text
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("pm_card_chargeDeclined", "Your card was declined, and your bank gave no reason. Nothing was charged."),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "Your card was declined: there is not enough money on it. Nothing was charged.",
        ),
    ],
)
def test_a_declined_card_says_what_happened_to_the_money_and_another_one_pays(ana, plan, card, sentence):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, card=card)
    assert page.text.count(sentence) == 2  # on top, and at the card
    assert f'<option value="{card}" selected>' in page.text
    assert sentence not in client.get(page.redirect_chain[-1][0]).text
    assert "Purchase complete" in pay(client, checkout).text


def test_a_checkout_takes_no_more_cards_after_five_declines(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    for _ in range(5):
        pay(client, checkout, card="pm_card_chargeDeclined")
    assert "Too many cards were declined" in pay(client, checkout).text
    assert not Subscription.objects.exists()


def test_the_address_of_an_action_leads_back_to_the_checkout(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    for name in ("checkout-pay", "checkout-other-card"):
        answer = client.get(reverse(name, kwargs={"checkout_id": checkout.pk}))
        assert answer.url == reverse("checkout", kwargs={"checkout_id": checkout.pk})


def test_whoever_signed_out_elsewhere_pays_nothing_and_comes_back(ana, plan):
    checkout, _page = opened(signed_in(ana), plan)
    page = pay(Client(), checkout)
    assert page.redirect_chain[-1][0] == f"/sign-in/?next=/checkouts/{checkout.pk}/"
    assert "You were signed out, so nothing was charged." in page.text
    assert not Payment.objects.exists()


# --- The bank's step


def at_the_bank(client, plan):
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, card="pm_card_authenticationRequired")
    assert "Confirm the payment" in page.text
    return checkout, page.redirect_chain[-1][0]


def test_the_cardholder_approves(ana, plan):
    client = signed_in(ana)
    _checkout, step = at_the_bank(client, plan)
    assert "Purchase complete" in client.post(step, {"decision": "approve"}, follow=True).text
    # Once more: the answer stands.
    assert "Purchase complete" in client.post(step, {"decision": "decline"}, follow=True).text
    assert "Purchase complete" in client.get(step, follow=True).text


def test_the_cardholder_declines_and_pays_with_another_card(ana, plan):
    client = signed_in(ana)
    checkout, step = at_the_bank(client, plan)
    page = client.post(step, {"decision": "decline"}, follow=True)
    assert "Your card was declined: the payment was not confirmed with your bank. Nothing was charged." in page.text
    assert "Purchase complete" in pay(client, checkout).text


def test_a_step_that_waits_leads_back_to_the_bank_or_to_another_card(ana, plan):
    client = signed_in(ana)
    checkout, step = at_the_bank(client, plan)
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk}))
    assert "Your bank wants you to confirm" in page.text
    assert step in page.text
    client.post(reverse("checkout-other-card", kwargs={"checkout_id": checkout.pk}))
    assert Payment.objects.get().state == PaymentState.CANCELED
    assert "Purchase complete" in pay(client, checkout).text


def test_the_return_without_an_answer_still_waits(ana, plan):
    client = signed_in(ana)
    checkout, _step = at_the_bank(client, plan)
    page = client.get(reverse("checkout-return", kwargs={"checkout_id": checkout.pk}), follow=True)
    assert "Your bank wants you to confirm" in page.text


# --- A checkout's other states


def test_a_payment_whose_answer_is_not_known_says_what_happens_to_the_money(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    Checkout.objects.update(state=CheckoutState.PROCESSING)
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk}))
    assert "has not told us yet whether it paid $19.98" in page.text
    assert page["Refresh"] == "5"


@pytest.mark.parametrize("state", [CheckoutState.EXPIRED, CheckoutState.CANCELED, CheckoutState.OPEN])
def test_a_checkout_that_ended_offers_a_new_one(ana, plan, state):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    Checkout.objects.update(state=state, expires_at=timezone.now() - timedelta(seconds=1))
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk}))
    assert "Start again" in page.text
    assert "Nothing was charged" in page.text
    assert "Start again" in pay(client, checkout).text
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("state", "says", "offers"),
    [
        (
            PaymentState.SURPLUS,
            "Your card was charged $19.98 after this checkout had ended. All of it goes back.",
            True,
        ),
        (PaymentState.SET_ASIDE, "Please don't pay again.", False),
        (PaymentState.FAILED, "Nothing was charged.", True),
    ],
)
def test_a_checkout_that_ended_tells_what_became_of_the_money(ana, plan, state, says, offers):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    pay(client, checkout, "pm_card_chargeDeclined")
    captured = 0 if state == PaymentState.FAILED else checkout.total
    Payment.objects.update(state=state, captured=captured)
    Checkout.objects.update(state=CheckoutState.CANCELED)
    page = client.get(reverse("checkout", kwargs={"checkout_id": checkout.pk})).text
    assert says in page
    assert ("Start again" in page, "Nothing was charged" in page) == (offers, state == PaymentState.FAILED)
    assert (str(Order.objects.get().pk) in page) is (state == PaymentState.SET_ASIDE)


# --- Other people's


@pytest.mark.parametrize("name", ["checkout", "checkout-return"])
def test_another_persons_checkout_is_not_found(ana, tenant, plan, name):
    checkout, _page = opened(signed_in(ana), plan)
    url = reverse(name, kwargs={"checkout_id": checkout.pk})
    for stranger in (MembershipFactory(tenant=tenant), MembershipFactory(tenant=TenantFactory())):
        assert signed_in(stranger).get(url).status_code == 404
    assert Client().get(url).url.startswith("/sign-in/")


@pytest.mark.parametrize("name", ["checkout-pay", "checkout-other-card"])
def test_another_persons_checkout_is_not_paid_or_given_up(ana, tenant, plan, name):
    checkout, _page = opened(signed_in(ana), plan)
    url = reverse(name, kwargs={"checkout_id": checkout.pk})
    sent = {"quantity": 2, "payment_method": VISA}
    for stranger in (MembershipFactory(tenant=tenant), MembershipFactory(tenant=TenantFactory())):
        assert signed_in(stranger).post(url, sent).status_code == 404
    assert Client().post(url, sent).url.startswith("/sign-in/")
    assert not Payment.objects.exists()


def test_another_persons_bank_step_is_not_found(ana, tenant, plan):
    _checkout, step = at_the_bank(signed_in(ana), plan)
    for stranger in (MembershipFactory(tenant=tenant), MembershipFactory(tenant=TenantFactory())):
        client = signed_in(stranger)
        assert client.get(step).status_code == 404
        assert client.post(step, {"decision": "approve"}).status_code == 404
    assert not Subscription.objects.exists()


def test_a_page_that_pays_cannot_be_sent_from_another_site(ana, plan):
    checkout, _page = opened(signed_in(ana), plan)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana.user)
    url = reverse("checkout-pay", kwargs={"checkout_id": checkout.pk})
    assert client.post(url, {"quantity": 2, "payment_method": VISA}).status_code == 403
    assert not Payment.objects.exists()
