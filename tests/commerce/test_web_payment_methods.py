"""My cards: what is there, adding with the bank's step, default, replace, remove, and choosing one to pay with."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, Payment, PaymentMethod, PaymentSource
from licensing.models import Subscription
from tests import ledger
from tests.callers import signed_in
from tests.commerce.pages import VISA, opened, pay, url_of
from tests.factories import MembershipFactory, add_card, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

OTHER, ASKS = "pm_card_createDispute", "pm_card_authenticationRequired"
PAGE = reverse("payment-methods")


def add(who, card=VISA):
    return add_card(who, card, timezone.now()).payment_method


def url(action, card):
    return reverse(f"payment-method-{action}", kwargs={"card_id": card.pk})


def post(who, action, card, /, **sent):
    return signed_in(who).post(url(action, card), sent, follow=True)


def send(client, token, **more):
    return client.post(reverse("payment-method-add"), {"token": token, **more}, follow=True)


def expire_in(card, days):
    last = timezone.now() + timedelta(days=days)
    PaymentMethod.objects.filter(pk=card.pk).update(exp_year=last.year, exp_month=last.month)


# --- The list


def test_somebody_without_a_card_reads_what_the_page_is_for(ana):
    page = signed_in(ana).get(PAGE)
    assert "You keep no card yet" in page.text
    assert "Add card" in page.text
    assert "buys centrally" not in page.text


def test_a_purchase_leaves_its_card_with_what_it_pays_for(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    page = signed_in(ana).get(PAGE).text
    for told in ("Visa •••• 4242", "Default", "Expires 12/2034", "Power BI Pro", url_of(subscription), "Replace"):
        assert told in page
    assert "Remove" not in page


def test_nobody_reads_anybody_elses_cards(ana, cleo, admin):
    add(ana)
    for other in (cleo, admin, MembershipFactory()):
        page = signed_in(other).get(PAGE).text
        assert "You keep no card yet" in page
        assert "4242" not in page
    assert Client().get(PAGE).url.startswith("/sign-in/")


def test_of_much_that_a_card_pays_for_some_is_named_and_the_rest_counted(ana, plan):
    for n in range(5):
        buy(ana, plan, 1, timezone.now() + timedelta(seconds=n))
    page = signed_in(ana).get(PAGE).text
    assert page.count(">Power BI Pro</a>") == 3
    assert "and 2 more" in page


@pytest.mark.parametrize(
    ("days", "says", "badge"),
    [(-40, "Expired ", "badge-red"), (0, "Expires ", "badge-amber"), (100, "Expires ", "")],
)
def test_a_card_says_when_it_expires_and_stands_out_when_it_matters(ana, days, says, badge):
    card = add(ana)
    expire_in(card, days)
    page = signed_in(ana).get(PAGE).text
    last = timezone.now() + timedelta(days=days)
    assert f"{says}{last:%m/%Y}" in page
    assert ("badge-red" in page, "badge-amber" in page) == (badge == "badge-red", badge == "badge-amber")


def test_asks_the_same_number_of_questions_for_one_card_and_ten(ana, plan, django_assert_max_num_queries):
    client = signed_in(ana)
    buy(ana, plan, at=timezone.now())
    with django_assert_max_num_queries(40) as one:
        client.get(PAGE)
    card = PaymentMethod.objects.get()
    for n in range(9):
        other = PaymentMethod.objects.get(pk=card.pk)
        other.pk, other.fingerprint, other.is_default = None, str(n), False
        other.id = PaymentMethod._meta.get_field("id").get_default()
        other.save(force_insert=True)
    with django_assert_max_num_queries(40) as ten:
        assert client.get(PAGE).text.count("Make default") == 9
    assert len(one) == len(ten)


def test_the_cards_are_reached_from_the_subscriptions(ana):
    assert f'href="{PAGE}"' in signed_in(ana).get(reverse("my-subscriptions")).text


# --- Adding


def test_ana_adds_a_card(ana):
    page = send(signed_in(ana), VISA)
    assert "Visa •••• 4242 was added." in page.text
    assert PaymentMethod.objects.get().member == ana


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        ("pm_card_chargeDeclined", 402, "Your card was declined, and your bank gave no reason."),
        ("pm_card_mastercard_prepaid", 400, "Prepaid cards are not accepted. Use a credit card."),
        ("pm_bank_transfer", 400, "Choose one of the cards."),
        ("", 400, "Choose a card."),
    ],
)
def test_what_is_not_kept_says_why_at_the_field(ana, token, status, says):
    page = send(signed_in(ana), token)
    assert page.status_code == status
    assert page.text.count(says) == 2  # on top, and at the card
    assert not PaymentMethod.objects.exists()


def test_too_many_declines_are_told(ana):
    client = signed_in(ana)
    for _ in range(10):
        send(client, "pm_card_chargeDeclined")
    page = send(client, VISA)
    assert (page.status_code, "Too many cards were declined" in page.text) == (429, True)


def test_a_card_for_the_organisation_is_added_by_whoever_buys_for_it_and_shown_apart(ana, admin):
    client = signed_in(admin)
    assert "For what Contoso buys centrally" in client.get(PAGE).text
    page = send(client, VISA, for_organisation="on")
    assert "Cards of Contoso" in page.text
    assert PaymentMethod.objects.get().member is None
    send(signed_in(ana), VISA, for_organisation="on")
    assert PaymentMethod.objects.get(member=ana)


def test_whoever_signed_out_elsewhere_adds_nothing_and_comes_back(ana):
    page = send(Client(), VISA)
    assert page.redirect_chain[-1][0] == f"/sign-in/?next={PAGE}"
    assert not CardSetup.objects.exists()


# --- The bank's step


def at_the_bank(client):
    page = send(client, ASKS)
    assert "Confirm the card" in page.text
    return CardSetup.objects.get(), page.redirect_chain[-1][0]


def test_the_cardholder_approves(ana):
    client = signed_in(ana)
    _setup, step = at_the_bank(client)
    page = client.post(step, {"decision": "approve"}, follow=True)
    assert page.redirect_chain[-1][0] == PAGE
    assert "Visa •••• 3184 was added." in page.text
    # Once more: the answer stands, and is not told again.
    assert "was added" not in client.post(step, {"decision": "decline"}, follow=True).text
    assert "3184" in client.get(step, follow=True).text


def test_the_cardholder_declines(ana):
    client = signed_in(ana)
    _setup, step = at_the_bank(client)
    page = client.post(step, {"decision": "decline"}, follow=True)
    assert "was not confirmed with your bank" in page.text
    assert not PaymentMethod.objects.exists()


def test_a_step_that_waits_is_shown_with_the_way_to_the_bank_and_out(ana):
    client = signed_in(ana)
    setup, step = at_the_bank(client)
    page = client.get(PAGE).text
    assert "Your bank wants you to confirm a card." in page
    assert step in page
    page = client.post(reverse("payment-method-give-up", kwargs={"setup_id": setup.pk}), follow=True)
    assert "The card was not added. Nothing was charged." in page.text
    assert "Your bank wants you to confirm" not in page.text


def test_an_answer_that_is_not_known_is_told(ana, monkeypatch):
    monkeypatch.setattr(SandboxGateway, "set_up", Mock(side_effect=GatewayUnavailable))
    assert "has not told us yet whether a card was added" in send(signed_in(ana), VISA).text


def test_another_persons_step_is_not_found(ana, cleo):
    setup, step = at_the_bank(signed_in(ana))
    for stranger in (cleo, MembershipFactory()):
        client = signed_in(stranger)
        assert client.get(step).status_code == 404
        assert client.post(step, {"decision": "approve"}).status_code == 404
        for name in ("return", "give-up"):
            address = reverse(f"payment-method-{name}", kwargs={"setup_id": setup.pk})
            assert (client.get if name == "return" else client.post)(address).status_code == 404
    setup.refresh_from_db()
    assert setup.state == "requires_action"


# --- Default, remove, replace


def test_another_default(ana):
    add(ana)
    card = add(ana, OTHER)
    assert "Visa •••• 0259 is offered first from now on." in post(ana, "default", card).text
    assert PaymentMethod.objects.get(is_default=True) == card


def test_a_card_is_removed(ana):
    page = post(ana, "remove", add(ana))
    assert "Visa •••• 4242 was removed." in page.text
    assert "You keep no card yet" in page.text


def test_a_card_in_use_is_not_removed(ana, plan):
    buy(ana, plan, at=timezone.now())
    page = post(ana, "remove", PaymentMethod.objects.get())
    assert "This card pays for a subscription. Replace it with another card first." in page.text
    assert PaymentMethod.objects.kept().exists()


def test_a_card_is_replaced_by_another(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    card, other = PaymentMethod.objects.get(), add(ana, OTHER)
    page = signed_in(ana).get(url("replace", card)).text
    assert "Power BI Pro" in page
    assert f'value="{other.pk}"' in page
    assert f'value="{card.pk}"' not in page
    page = post(ana, "replace", card, card=str(other.pk))
    assert "Visa •••• 0259 pays from now on. Visa •••• 4242 was removed." in page.text
    assert PaymentSource.objects.get(subscription=subscription).payment_method == other


def test_without_another_card_one_is_added_first(ana, plan):
    buy(ana, plan, at=timezone.now())
    page = signed_in(ana).get(url("replace", PaymentMethod.objects.get()))
    assert "You keep no other card" in page.text
    assert PAGE in page.text


@pytest.mark.parametrize("chosen", ["", "theirs", "itself", "x"])
def test_what_is_no_card_of_ones_own_replaces_nothing(ana, cleo, plan, chosen):
    buy(ana, plan, at=timezone.now())
    card = PaymentMethod.objects.get()
    add(ana, OTHER)
    sent = {"theirs": str(add(cleo).pk), "itself": str(card.pk)}.get(chosen, chosen)
    page = post(ana, "replace", card, card=sent)
    assert page.status_code == 400
    assert PaymentSource.objects.get().payment_method == card


def test_another_persons_card_is_not_found(ana, cleo, admin):
    card = add(ana)
    for stranger in (cleo, admin, MembershipFactory()):
        for action in ("default", "remove", "replace"):
            assert post(stranger, action, card, card=str(card.pk)).status_code == 404
        assert signed_in(stranger).get(url("replace", card)).status_code == 404
    assert PaymentMethod.objects.kept().get() == card


@pytest.mark.parametrize("action", ["default", "remove"])
def test_the_address_of_an_action_leads_back_to_the_cards(ana, action):
    card = add(ana)
    assert signed_in(ana).get(url(action, card)).url == PAGE
    assert Client().post(url(action, card)).url.startswith("/sign-in/")
    assert PaymentMethod.objects.kept().get().is_default


# --- What pays for a subscription


def test_the_subscription_tells_its_card_and_leads_to_another(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    client = signed_in(ana)
    page = client.get(url_of(subscription)).text
    assert "Visa •••• 4242 pays for this subscription." in page
    assert "Change card" in page
    other = add(ana, OTHER)
    choose = url_of(subscription, "payment-method")
    assert f'value="{other.pk}"' in client.get(choose).text
    page = client.post(choose, {"card": str(other.pk)}, follow=True).text
    assert "Visa •••• 0259 pays from now on. Nothing was charged." in page
    assert "Visa •••• 0259 pays for this subscription." in page
    assert len(ledger.captured()) == 1


def test_a_subscription_whose_card_is_gone_says_so(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    PaymentSource.objects.update(payment_method=None)
    page = signed_in(ana).get(url_of(subscription)).text
    assert "No card pays for this subscription." in page
    assert "Choose a card" in page


def test_without_a_card_one_is_added_first(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    PaymentSource.objects.all().delete()
    PaymentMethod.objects.update(removed_at=timezone.now(), is_default=False)
    page = signed_in(ana).get(url_of(subscription, "payment-method"))
    assert "You keep no card yet" in page.text


def test_a_subscription_that_is_closed_for_good_has_no_card(ana, plan):
    subscription = buy(ana, plan, at=timezone.now())
    Subscription.objects.update(state="deleted", state_ends_at=None, seats_assigned=0)
    client = signed_in(ana)
    assert "pays for this subscription" not in client.get(url_of(subscription)).text
    card = str(PaymentMethod.objects.get().pk)
    page = client.post(url_of(subscription, "payment-method"), {"card": card}, follow=True)
    assert "This subscription is no longer active." in page.text


# --- The card at the checkout


def selected(page):
    return [line.split('value="')[1].split('"')[0] for line in page.text.splitlines() if " selected>" in line]


def test_without_a_kept_card_nothing_is_chosen_at_the_checkout(ana, plan):
    _checkout, page = opened(signed_in(ana), plan)
    assert selected(page) == []
    assert "<optgroup" not in page.text


def test_the_default_card_is_offered_first_and_pays(ana, plan):
    add(ana)
    card = add(ana, OTHER)
    post(ana, "default", card)
    client = signed_in(ana)
    checkout, page = opened(client, plan)
    assert selected(page) == [str(card.pk)]
    assert page.text.index("Visa •••• 0259") < page.text.index("Visa •••• 4242") < page.text.index(VISA)
    assert page.text.count("<select") == 1
    assert "Purchase complete" in pay(client, checkout, card=str(card.pk)).text
    assert Payment.objects.get().card == card


def test_another_card_still_pays_by_its_token(ana, plan):
    add(ana, OTHER)
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    assert "Purchase complete" in pay(client, checkout).text
    assert Payment.objects.get().card.last4 == "4242"


def test_an_expired_card_is_not_offered(ana, plan):
    card = add(ana)
    expire_in(card, -40)
    client = signed_in(ana)
    checkout, page = opened(client, plan)
    assert str(card.pk) not in page.text
    assert pay(client, checkout, card=str(card.pk)).status_code == 400


def test_nobody_pays_with_anybody_elses_card(ana, cleo, plan):
    card = add(cleo)
    client = signed_in(ana)
    checkout, page = opened(client, plan)
    assert str(card.pk) not in page.text
    for named in (str(card.pk), card.reference):
        assert "Choose one of the cards." in pay(client, checkout, card=named).text
    assert ledger.states() == []


def test_a_prepaid_card_is_refused_at_the_field(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    page = pay(client, checkout, card="pm_card_mastercard_prepaid")
    assert (page.status_code, page.text.count("Prepaid cards are not accepted.")) == (400, 2)
    assert not Payment.objects.exists()


def test_a_kept_card_that_is_declined_stays_chosen_and_says_why(ana, plan):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    pay(client, checkout, card="pm_card_chargeCustomerFail")
    card = PaymentMethod.objects.get()
    checkout, _page = opened(client, plan, 3)
    page = pay(client, checkout, card=str(card.pk))
    assert "Your card was declined" in page.text
    assert selected(page) == [str(card.pk)]


def test_a_provider_that_does_not_answer_is_told_at_the_checkout(ana, plan, monkeypatch):
    client = signed_in(ana)
    checkout, _page = opened(client, plan)
    monkeypatch.setattr(SandboxGateway, "describe", Mock(side_effect=GatewayUnavailable))
    assert "The payment provider does not answer now." in pay(client, checkout).text
    assert not Payment.objects.exists()
