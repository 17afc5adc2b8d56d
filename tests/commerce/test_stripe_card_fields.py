"""Stripe's own card fields: where its script may run, and that only a token comes to us."""

import re

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from commerce import gateways
from commerce.gateways.stripe import line
from commerce.models import Payment
from tests.callers import signed_in
from tests.commerce.stripe_wire import ASKS, CUSTOMER, STEP_URL, Wire, card, gateway_on, missing, payment
from tests.factories import open_checkout

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PI = payment("")["id"]


@pytest.fixture
def wire(monkeypatch, settings):
    settings.PAYMENT_GATEWAY = "stripe"
    settings.STRIPE_PUBLISHABLE_KEY = "pk_test_TYooMQauvdEDq54NiTphI7jx"
    monkeypatch.setattr(line, "PAUSES", (0, 0))
    wire = Wire()
    monkeypatch.setattr(gateways, "current", lambda: gateway_on(wire))
    return wire


@pytest.fixture
def checkout(ana, plan):
    return open_checkout(ana, plan, at=timezone.now())


@pytest.fixture
def url(checkout):
    return f"/checkouts/{checkout.pk}/"


def policy(response):
    """Directive → sources."""
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return {name: set(sources) for name, *sources in parts}


WITH_FIELDS = {
    "script-src": {"'self'", "https://js.stripe.com", "https://*.js.stripe.com"},
    "frame-src": {"https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"},
    "connect-src": {"'self'", "https://api.stripe.com"},
    "form-action": {"'self'", "https://*.stripe.com"},
}


@pytest.mark.parametrize("path", ["checkout", "/my/payment-methods/"])
def test_a_page_with_the_fields_lets_stripes_script_in_and_nothing_else(wire, ana, url, path):
    page = signed_in(ana).get(url if path == "checkout" else path)
    found, usual = policy(page), django_settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert {name: found[name] for name in WITH_FIELDS} == WITH_FIELDS
    assert {name: found[name] for name in usual if name not in WITH_FIELDS} == {
        name: set(usual[name]) for name in usual if name not in WITH_FIELDS
    }
    assert not any("unsafe" in source or source == "*" for sources in found.values() for source in sources)


def test_the_fields_are_an_empty_box_our_script_and_theirs(wire, ana, url):
    html = signed_in(ana).get(url).content.decode()
    assert 'data-key="pk_test_TYooMQauvdEDq54NiTphI7jx"' in html
    assert re.findall(r'<script src="([^"]+)"', html) == ["https://js.stripe.com/v3/", "/static/card_stripe.js"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", html), "no script inside the page"
    assert not re.search(r"\son\w+=|\sstyle=", html)
    # No field of ours could take a card's number: a select without a choice, until the browser has a token.
    assert re.search(r'<select name="payment_method"[^>]*>\s*</select>', html)
    assert "pm_card" not in html
    assert "sk_test" not in html


@pytest.mark.parametrize("path", ["/", "/my/subscriptions/", "/my/invoices/"])
def test_pages_without_the_fields_let_nobody_in(wire, ana, path):
    page = signed_in(ana).get(path)
    assert page.status_code == 200
    assert "stripe" not in page["Content-Security-Policy"]


def test_with_the_sandbox_stripes_script_is_let_in_nowhere(ana, url):
    page = signed_in(ana).get(url)
    assert "stripe" not in page["Content-Security-Policy"]
    assert "js.stripe.com" not in page.content.decode()


def paid(wire, answer):
    wire.on("GET", "/v1/payment_methods/pm_1", card("pm_1")).on("POST", "/v1/customers", CUSTOMER)
    wire.on("POST", "/v1/payment_intents", payment("requires_confirmation"))
    wire.on("POST", f"/v1/payment_intents/{PI}/confirm", answer)


def test_the_token_pays(wire, ana, url):
    paid(wire, payment("succeeded"))
    page = signed_in(ana).post(f"{url}pay/", {"quantity": 2, "payment_method": "pm_1"}, follow=True)
    assert "Purchase complete" in page.content.decode()
    assert wire.one("POST", "/v1/payment_intents").form["payment_method"] == "pm_1"


def test_a_step_at_the_bank_is_somewhere_that_the_page_may_lead_to(wire, ana, url):
    paid(wire, payment("requires_action", **ASKS))
    answer = signed_in(ana).post(f"{url}pay/", {"quantity": 2, "payment_method": "pm_1"})
    assert (answer.status_code, answer["Location"]) == (302, STEP_URL)


def test_a_new_total_needs_no_card(wire, ana, url, plan):
    answer = signed_in(ana).post(f"{url}pay/", {"quantity": 3, "payment_method": "", "update": "1"})
    assert (answer.status_code, answer["Location"]) == (302, f"/buy/{plan.pk}/?quantity=3")


@pytest.mark.parametrize("token", ["", "4242424242424242", "tok_visa", "pm_1"])
def test_without_a_card_that_stripe_knows_the_page_asks_again_with_its_fields(wire, ana, url, token):
    wire.on("GET", "/v1/payment_methods/pm_1", missing("payment_method"))
    page = signed_in(ana).post(f"{url}pay/", {"quantity": 2, "payment_method": token})
    assert page.status_code == 400
    assert "https://js.stripe.com" in policy(page)["script-src"]
    assert not Payment.objects.exists()
    assert token == "" or token not in page.content.decode()
