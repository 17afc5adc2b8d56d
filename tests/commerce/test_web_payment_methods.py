"""My cards in the browser: what is there, adding with the bank's step, default, replace, remove."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import CardSetup, PaymentMethod, PaymentSource
from tests.callers import signed_in
from tests.commerce.cards import OTHER, add, expire_in, post, url
from tests.commerce.pages import VISA, url_of
from tests.factories import MembershipFactory, buy

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ASKS = "pm_card_authenticationRequired"
PAGE = reverse("payment-methods")


def send(client, token, **more):
    return client.post(reverse("payment-method-add"), {"token": token, **more}, follow=True)


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
