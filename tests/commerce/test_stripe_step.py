"""The page where a cardholder begins the step that the bank asked for while nobody was there."""

import pytest

from commerce import gateways
from commerce.gateways.stripe import line
from commerce.models import CheckoutState, Payment, PaymentState, StripeIntent
from tests.callers import signed_in
from tests.commerce.stripe_wire import (
    ASKS,
    CUSTOMER,
    STEP_URL,
    Wire,
    card,
    declined,
    failure,
    gateway_on,
    payment,
    timeout,
)
from tests.factories import RETURN_URL, MembershipFactory, open_checkout, pay

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PI = payment("")["id"]
ONE = f"/v1/payment_intents/{PI}"
ASKED = failure("authentication_required", "authentication_required")
UNBEGUN = payment("requires_payment_method", last_payment_error=ASKED, payment_method=None)


@pytest.fixture
def wire(monkeypatch):
    monkeypatch.setattr(line, "PAUSES", (0, 0))
    wire = Wire()
    monkeypatch.setattr(gateways, "current", lambda: gateway_on(wire))
    return wire


@pytest.fixture
def waiting(wire, ana, plan):
    """A charge of Ana's card that her bank wants her for. She was not there."""
    wire.on("GET", "/v1/payment_methods/pm_1", card("pm_1")).on("POST", "/v1/customers", CUSTOMER)
    wire.on("POST", "/v1/payment_intents", payment("requires_confirmation"))
    wire.on("POST", f"{ONE}/confirm", payment("requires_action", **ASKS))
    checkout = open_checkout(ana, plan)
    pay(checkout, "pm_1")
    StripeIntent.objects.update(off_session=True)
    wire.sent.clear()
    return Payment.objects.get(order__checkout=checkout)


@pytest.fixture
def url(waiting):
    return f"/payments/{waiting.pk}/step/"


def test_nothing_is_asked_of_the_bank_by_opening_the_link(wire, ana, url):
    wire.on("GET", ONE, UNBEGUN)
    page = signed_in(ana).get(url)
    assert page.status_code == 200
    assert STEP_URL not in page.content.decode()
    assert '<form class="row buttons" method="post">' in page.content.decode()
    assert wire.told() == [f"GET {ONE}"]


def test_the_button_begins_the_step_and_the_page_leads_to_the_bank(wire, ana, url):
    wire.on("GET", ONE, UNBEGUN, payment("requires_action", **ASKS))
    wire.on("POST", f"{ONE}/confirm", payment("requires_action", **ASKS))
    page = signed_in(ana).post(url, follow=True)
    assert page.redirect_chain == [(url, 302)]
    assert STEP_URL.replace("&", "&amp;") in page.content.decode()


@pytest.mark.parametrize(
    "intent, answer, state",
    [
        (payment("succeeded", amount=1998), payment("succeeded", amount=1998), PaymentState.SUCCEEDED),
        (UNBEGUN, declined("card_declined", "lost_card"), PaymentState.FAILED),
    ],
)
def test_what_was_decided_meanwhile_is_settled_and_shown_where_it_belongs(
    wire, ana, url, waiting, intent, answer, state
):
    wire.on("GET", ONE, intent, payment("requires_payment_method", last_payment_error=failure("x", "lost_card")))
    wire.on("POST", f"{ONE}/confirm", answer).on("POST", f"{ONE}/cancel", payment("canceled"))
    browser = signed_in(ana)
    browser.post(url)
    assert browser.get(url)["Location"] == RETURN_URL
    waiting.refresh_from_db()
    assert waiting.state == state


def test_while_stripe_does_not_answer_it_can_be_tried_again(wire, ana, url, waiting):
    wire.on("GET", ONE, *[timeout()] * 6)
    page = signed_in(ana).post(url, follow=True)
    assert page.status_code == 200
    waiting.order.checkout.refresh_from_db()
    assert waiting.order.checkout.state == CheckoutState.REQUIRES_ACTION


def test_nobody_else_finds_it(wire, ana, url):
    for visitor in (MembershipFactory(), MembershipFactory(tenant=ana.tenant, roles=["global_admin"])):
        assert signed_in(visitor).get(url).status_code == 404
        assert signed_in(visitor).post(url).status_code == 404
    assert wire.told() == []


def test_with_the_sandbox_it_is_not_there(ana, url, monkeypatch):
    monkeypatch.undo()
    assert signed_in(ana).get(url).status_code == 404
