"""The pages of a transfer: the owner's, and that of whoever it is offered to."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from commerce.models import TransferOffer
from commerce.operations.letters import transfer_letters
from licensing.models import Subscription
from tests.callers import signed_in
from tests.commerce.conftest import state_of
from tests.commerce.handing_over import DECLINED, STEP_CARD, VISA, newest
from tests.commerce.pages import send, url_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

POST = {"site": "https://seatwise.example", "sender": "Seatwise <no-reply@seatwise.example>"}


def page_of(offer, action=""):
    return reverse(f"my-transfer-{action}" if action else "my-transfer", kwargs={"offer_id": offer.pk})


@pytest.fixture
def offered(ana, cleo, subscription):
    answer = send(ana, subscription, "transfer", to="Cleo@contoso.example", message="I change teams.")
    assert "Offered to Cleo@contoso.example" in answer.text
    return newest()


def press(who, offer, action, **sent):
    return signed_in(who).post(page_of(offer, action), sent, follow=True)


def test_the_owner_finds_the_way_and_sees_whom_they_asked(ana, subscription, offered):
    page = signed_in(ana).get(url_of(subscription)).text
    assert "Offered to Cleo Costa" in page
    page = signed_in(ana).get(url_of(subscription, "transfer")).text
    for told in ("I change teams.", "cleo@contoso.example", "Withdraw the offer", "$19.98"):
        assert told in page


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("", "Type your colleague"),
        ("nobody", "Type a whole address"),
        ("nobody@contoso.example", "is not a member of your organisation"),
        ("ana@contoso.example", "It is theirs already"),
    ],
)
def test_what_was_typed_stays_with_what_is_wrong(ana, subscription, to, said):
    answer = send(ana, subscription, "transfer", to=to, message="Please.")
    assert answer.status_code == 400
    assert said in answer.text
    assert "Please." in answer.text
    assert not TransferOffer.objects.exists()


def test_the_recipient_finds_it_among_their_subscriptions_with_what_it_costs(cleo, subscription, offered):
    assert "asks you to take over Power BI Pro" in signed_in(cleo).get(reverse("my-subscriptions")).text
    page = signed_in(cleo).get(page_of(offered)).text
    for told in (
        "I change teams.",
        "1 of 2 seats are assigned",
        "$19.98",
        "Next charge on",
        "nothing is charged today",
    ):
        assert told in page


def test_accepting_leads_to_what_is_theirs_now(ana, cleo, subscription, offered):
    answer = press(cleo, offered, "accept", payment_method=VISA)
    assert "is yours now. Nothing was charged." in answer.text
    assert Subscription.objects.get().owner == cleo
    assert signed_in(ana).get(url_of(subscription)).status_code == 404
    again = press(cleo, offered, "accept", payment_method=VISA)
    assert again.status_code in (200, 400)


def test_a_declined_card_is_said_above_the_field(cleo, offered):
    answer = press(cleo, offered, "accept", payment_method=DECLINED)
    assert answer.status_code == 400
    assert "declined" in answer.text
    assert state_of(offered) == "open"
    assert press(cleo, offered, "accept").status_code == 400


def test_the_bank_s_step_leads_there_and_back(cleo, offered):
    browser = signed_in(cleo)
    there = browser.post(page_of(offered, "accept"), {"payment_method": STEP_CARD})
    assert there.url.startswith("/sandbox/3ds/")
    assert "Your bank wants to know" in browser.get(page_of(offered)).text
    back = browser.post(there.url, {"decision": "approve"}, follow=True)
    assert "is yours now" in back.text, back.text
    assert Subscription.objects.get().owner == cleo


def test_declining_and_withdrawing(ana, cleo, subscription, offered):
    assert "is told" in press(cleo, offered, "decline").text
    assert state_of(offered) == "declined"
    assert "no longer open" in signed_in(cleo).get(page_of(offered)).text
    send(ana, subscription, "transfer", to="cleo@contoso.example")
    assert "The offer was withdrawn" in send(ana, subscription, "transfer-withdraw").text
    assert newest().state == "withdrawn"


def test_nobody_else_sees_or_answers_it(ana, admin, offered):
    for member in (ana, admin):
        assert signed_in(member).get(page_of(offered)).status_code == 404
        for action in ("accept", "decline"):
            assert press(member, offered, action, payment_method=VISA).status_code == 404
    assert Client().get(page_of(offered)).url.startswith("/sign-in/")
    assert state_of(offered) == "open"


def test_opening_an_address_changes_nothing(cleo, offered):
    for action in ("accept", "decline"):
        assert signed_in(cleo).get(page_of(offered, action)).url == page_of(offered)
    assert state_of(offered) == "open"


def test_both_are_told(ana, cleo, offered):
    transfer_letters.deliver_offer(offer_id=offered.pk, **POST)
    press(cleo, offered, "accept", payment_method=VISA)
    transfer_letters.deliver_offer(offer_id=offered.pk, **POST)  # answered already: no second letter
    transfer_letters.deliver_outcome(offer_id=offered.pk, **POST)
    asked, *outcomes = mail.outbox
    assert asked.to == [cleo.user.email]
    for told in ("I change teams.", "$19.98", f"https://seatwise.example{page_of(offered)}"):
        assert told in asked.body
    assert sorted(letter.to[0] for letter in outcomes) == [ana.user.email, cleo.user.email]
    assert all("is Cleo Costa's now" in letter.subject for letter in outcomes)
