"""Which card pays, in the browser: for a subscription, and at the checkout."""

from unittest.mock import Mock

import pytest
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Payment, PaymentMethod, PaymentSource
from licensing.models import Subscription
from tests import ledger
from tests.callers import signed_in
from tests.commerce.cards import OTHER, add, expire_in, post
from tests.commerce.pages import VISA, opened, pay, url_of
from tests.factories import buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


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
    Subscription.objects.update(state="disabled")
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
