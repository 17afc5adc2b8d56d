"""
Stripe's own card fields in a real browser, under the page's real policy. What `js.stripe.com` serves is not to be had
here, so a stand-in of a few lines answers at its address: it draws a frame and hands back a token, as theirs does.
"""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from commerce import gateways
from commerce.gateways.stripe import line, shapes
from commerce.models import Payment
from commerce.operations.paying import cards
from tests.callers import signed_in
from tests.commerce.stripe_wire import ASKS, CUSTOMER, Wire, card, gateway_on, payment
from tests.factories import MembershipFactory, open_checkout, plan_on_sale

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])]

ONE = f"/v1/payment_intents/{payment('')['id']}"
NUMBER = "4242424242424242"

STRIPE_JS = """
window.Stripe = (key, options) => {
  let number;
  const card = {
    mount(box) {
      const frame = document.createElement("iframe");
      frame.src = "https://js.stripe.com/v3/elements-inner-card.html";
      number = document.createElement("input");
      number.setAttribute("aria-label", `Card number for ${key} in ${options.locale}`);
      box.append(number, frame);
    },
    on() {},
    focus() { number.focus(); },
  };
  return {
    elements: () => ({ create: () => card }),
    async createPaymentMethod() {
      const answer = await fetch("https://api.stripe.com/v1/payment_methods", { method: "POST", body: number.value });
      const id = await answer.text();
      return id ? { paymentMethod: { id } } : { error: { message: "Your card number is incomplete." } };
    },
  };
};
"""


@pytest.fixture
def wire(monkeypatch, settings):
    settings.PAYMENT_GATEWAY = "stripe"
    settings.STRIPE_PUBLISHABLE_KEY = "pk_test_1"
    monkeypatch.setattr(line, "PAUSES", (0, 0))
    wire = Wire()
    monkeypatch.setattr(gateways, "current", lambda: gateway_on(wire))
    wire.on("GET", "/v1/payment_methods/pm_1", card("pm_1")).on("POST", "/v1/customers", CUSTOMER)
    return wire.on("POST", "/v1/payment_intents", payment("requires_confirmation"))


@pytest.fixture
def buyer(wire):
    return MembershipFactory(user__email="ana@contoso.example")


@pytest.fixture
def page(chromium, live_server, buyer):
    """Ana's checkout of two seats. Nothing but the stand-in answers for Stripe, and nothing may break the policy."""
    checkout = open_checkout(buyer, plan_on_sale(), at=timezone.now())
    context = chromium.new_context(base_url=live_server.url)
    context.set_default_timeout(15_000)
    session = signed_in(buyer).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    context.route("https://js.stripe.com/v3/", script)
    context.route("https://js.stripe.com/v3/elements-inner-card.html", lambda route: route.fulfill(body="<p>Card"))
    context.route("https://api.stripe.com/**", token)
    context.route("https://hooks.stripe.com/**", lambda route: route.fulfill(body="<h1>Your bank</h1>"))
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"/checkouts/{checkout.pk}/")
    yield page
    context.close()
    assert [text for text in complaints if "favicon" not in text] == []


def script(route):
    route.fulfill(body=STRIPE_JS, content_type="text/javascript")


def token(route):
    body = "pm_1" if route.request.post_data == NUMBER else ""
    route.fulfill(body=body, headers={"Access-Control-Allow-Origin": "*"})


def number(page):
    return page.get_by_label("Card number for pk_test_1 in en")


def test_what_is_typed_goes_to_stripe_and_a_token_pays(page, wire):
    wire.on("POST", f"{ONE}/confirm", payment("succeeded"))
    sent = []
    page.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    expect(page.frame_locator("iframe").get_by_text("Card")).to_be_visible()
    expect(page.get_by_role("combobox", name="Card")).to_be_hidden()
    number(page).fill(NUMBER)
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("heading", name="Purchase complete")).to_be_visible()
    seen_by = {url.split("/")[2] for url, body in sent if NUMBER in body + url}
    assert seen_by == {"api.stripe.com"}
    assert Payment.objects.get().payment_method == "pm_1"


def test_a_number_that_is_none_is_told_and_nothing_is_sent_to_us(page):
    number(page).fill("42")
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("alert").get_by_text("Your card number is incomplete.")).to_be_visible()
    expect(number(page)).to_be_focused()
    assert not Payment.objects.exists()


def test_the_policy_lets_the_form_lead_to_the_bank(page, wire):
    wire.on("POST", f"{ONE}/confirm", payment("requires_action", **ASKS))
    number(page).fill(NUMBER)
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("heading", name="Your bank")).to_be_visible()


def test_a_new_total_asks_for_no_card(page):
    page.get_by_label("Quantity").fill("3")
    page.get_by_role("button", name="Update total").click()
    expect(page.get_by_label("Quantity")).to_have_value("3")


def test_a_kept_card_is_offered_first_and_another_one_is_a_choice_away(page, wire, buyer):
    cards.keep(
        details=shapes.card_of(card("pm_kept")), tenant=buyer.tenant, member=buyer, gateway="stripe", at=timezone.now()
    )
    page.reload()
    choice = page.get_by_label("Card", exact=True)
    expect(choice.locator("option:checked")).to_have_text("visa •••• 4242")
    expect(number(page)).to_be_hidden()
    choice.select_option(label="Another card")
    number(page).fill(NUMBER)
    wire.on("POST", f"{ONE}/confirm", payment("succeeded"))
    page.get_by_role("button", name="Pay now").click()
    expect(page.get_by_role("heading", name="Purchase complete")).to_be_visible()
    assert Payment.objects.get().payment_method == "pm_1"


def test_without_stripes_script_the_page_says_so(page):
    page.context.route(
        "https://js.stripe.com/v3/", lambda route: route.fulfill(body="", content_type="text/javascript")
    )
    page.reload()
    expect(page.get_by_role("alert").get_by_text("did not load")).to_be_visible()
