"""
The gateway against another program that speaks Stripe's API over HTTP, for what that can do: customers, payment
methods, payment and setup intents, refunds, signed events. What it cannot do is in docs/stripe.md.
"""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from commerce import gateways
from commerce.gateways.protocol import (
    ChargeRequest,
    EventRefused,
    GatewayUnavailable,
    Kind,
    Outcome,
    RefundOutcome,
    SetupRequest,
    UnknownPaymentMethod,
)
from commerce.models import Payment, StripeCustomer, StripeIntent
from tests.callers import Api
from tests.factories import MembershipFactory, plan_on_sale

pytestmark = [pytest.mark.interop, pytest.mark.django_db]

GOOD, DECLINED_LATER, ASKS_HOLDER = "4242424242424242", "4000000000000341", "4000002760003184"
BACK = "https://seatwise.example/back/"


@pytest.fixture
def gateway():
    return gateways.current()


@pytest.fixture
def typed(between):
    """What Stripe's own card fields do in the browser: a card number becomes a token."""

    def to_token(number):
        card = {"number": number, "exp_month": "12", "exp_year": "2031", "cvc": "123"}
        form = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
        status, method = between.ask("POST", "/v1/payment_methods", form)
        assert status == 200, method
        return method["id"]

    return to_token


def asked(token, **more):
    given = {"key": uuid4(), "amount": Decimal("19.98"), "currency": "EUR", "customer": "payer-1", "return_url": BACK}
    return ChargeRequest(payment_method=token, **{**given, **more})


def at_the_bank(between, charge, *, success):
    _status, intent = between.ask("GET", f"/v1/payment_intents/{charge.reference}")
    status, _intent = between.ask(
        "POST",
        f"/v1/payment_intents/{charge.reference}/_authenticate",
        {"client_secret": intent["client_secret"], "success": str(success).lower()},
    )
    assert status == 200


def test_a_card_is_described_and_charged(gateway, between, typed):
    token = typed(GOOD)
    card = gateway.describe(token)
    assert (card.reference, card.last4, card.country, card.funding) == (token, "4242", "FR", "credit")
    request = asked(token)
    charge = gateway.charge(request)
    assert (charge.outcome, charge.amount, charge.currency) == (Outcome.CAPTURED, Decimal("19.98"), "EUR")
    assert charge.card == card
    assert gateway.find(request.key) == gateway.charge(request) == gateway.cancel(request.key) == charge
    assert gateway.fetch(Kind.CHARGE, charge.reference) == charge
    _status, intent = between.ask("GET", f"/v1/payment_intents/{charge.reference}")
    assert (intent["amount"], intent["currency"], intent["metadata"]) == (1998, "eur", {"key": str(request.key)})
    assert intent["customer"] == StripeCustomer.objects.get(payer="payer-1").reference


@pytest.mark.parametrize("amount, currency, minor", [("500", "JPY", 500), ("1.250", "KWD", 1250), ("5", "ISK", 500)])
def test_other_currencies_arrive_in_their_own_units(gateway, between, typed, amount, currency, minor):
    charge = gateway.charge(asked(typed(GOOD), amount=Decimal(amount), currency=currency))
    assert charge.amount == Decimal(amount)
    assert between.ask("GET", f"/v1/payment_intents/{charge.reference}")[1]["amount"] == minor


def test_a_card_that_the_bank_declines_leaves_a_dead_intent(gateway, between, typed):
    request = asked(typed(DECLINED_LATER))
    charge = gateway.charge(request)
    assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "card_declined")
    assert between.ask("GET", f"/v1/payment_intents/{charge.reference}")[1]["status"] == "canceled"
    assert gateway.find(request.key).outcome == Outcome.DECLINED


def test_a_step_at_the_bank_that_is_taken(gateway, between, typed):
    request = asked(typed(ASKS_HOLDER))
    waiting = gateway.charge(request)
    assert waiting.outcome == gateway.confirm(request.key).outcome == Outcome.REQUIRES_ACTION
    at_the_bank(between, waiting, success=True)
    assert gateway.confirm(request.key).outcome == Outcome.CAPTURED


def test_a_step_at_the_bank_that_fails(gateway, between, typed):
    request = asked(typed(ASKS_HOLDER))
    at_the_bank(between, gateway.charge(request), success=False)
    charge = gateway.confirm(request.key)
    assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "authentication_failed")


def test_a_step_that_nobody_takes_is_called_off(gateway, between, typed):
    request = asked(typed(ASKS_HOLDER))
    waiting = gateway.charge(request)
    assert gateway.cancel(request.key).outcome == Outcome.CANCELED
    assert between.ask("GET", f"/v1/payment_intents/{waiting.reference}")[1]["status"] == "canceled"


def test_a_key_that_was_canceled_first_charges_nothing(gateway, between, typed):
    request = asked(typed(GOOD))
    gateway.cancel(request.key)
    assert gateway.charge(request).outcome == Outcome.CANCELED
    assert not any(path.startswith("/v1/payment_intents") for _method, path, _form, _key in between.seen)


def test_a_confirmation_whose_answer_is_lost_is_found_captured(gateway, between, typed):
    request = asked(typed(GOOD))

    class LoseConfirmations(list):
        def __contains__(self, path):
            return path.endswith("/confirm")

        def remove(self, path):
            between.stops = []

    between.stops = LoseConfirmations()
    assert gateway.charge(request).outcome == Outcome.CAPTURED
    confirmed = [key for _method, path, _form, key in between.seen if path.endswith("/confirm")]
    assert set(confirmed) == {f"{request.key}-confirm"}


def test_a_card_that_is_not_known(gateway):
    with pytest.raises(UnknownPaymentMethod):
        gateway.describe("pm_1NotThere")


def test_a_card_is_kept_and_forgotten(gateway, between, typed):
    token = typed(GOOD)
    request = SetupRequest(key=uuid4(), payment_method=token, customer="payer-1", return_url=BACK)
    kept = gateway.set_up(request)
    assert (kept.outcome, kept.card.reference) == (Outcome.CAPTURED, token)
    assert gateway.find_setup(request.key) == gateway.set_up(request) == kept
    assert gateway.fetch(Kind.SETUP, kept.reference) == kept
    between.ask("POST", f"/v1/payment_methods/{token}/attach", {"customer": StripeCustomer.objects.get().reference})
    gateway.forget(token)
    assert between.ask("GET", f"/v1/payment_methods/{token}")[1]["customer"] is None
    gateway.forget(token)


def test_a_card_whose_bank_asks_is_not_kept_before_the_step(gateway, typed):
    request = SetupRequest(key=uuid4(), payment_method=typed(ASKS_HOLDER), customer="payer-1", return_url=BACK)
    assert gateway.set_up(request).outcome == gateway.confirm_setup(request.key).outcome == Outcome.REQUIRES_ACTION
    assert gateway.cancel_setup(request.key).outcome == Outcome.CANCELED


def test_money_goes_back_once_for_a_key(gateway, between, typed):
    charge = gateway.charge(asked(typed(GOOD)))
    key = uuid4()
    first = gateway.refund(key=key, charge_key=charge.key, amount=Decimal("5.00"))
    assert (first.outcome, first.amount, first.currency) == (RefundOutcome.SUCCEEDED, Decimal("5.00"), "EUR")
    assert gateway.refund(key=key, charge_key=charge.key, amount=Decimal("5.00")) == first
    assert gateway.find_refund(key) == gateway.fetch(Kind.REFUND, first.reference) == first
    _status, page = between.ask("GET", f"/v1/refunds?payment_intent={charge.reference}")
    assert [refund["amount"] for refund in page["data"]] == [500]


def test_a_refund_whose_answer_is_lost_is_found_and_not_made_again(gateway, between, typed, monkeypatch):
    # localstripe knows no idempotency keys, so only looking for it first can keep it from being made twice.
    monkeypatch.setattr("commerce.gateways.stripe.line.PAUSES", ())
    charge, key = gateway.charge(asked(typed(GOOD))), uuid4()
    between.stops = ["/v1/refunds"]
    with pytest.raises(GatewayUnavailable):
        gateway.refund(key=key, charge_key=charge.key, amount=Decimal("5.00"))
    assert gateway.refund(key=key, charge_key=charge.key, amount=Decimal("5.00")).outcome == RefundOutcome.SUCCEEDED
    _status, page = between.ask("GET", f"/v1/refunds?payment_intent={charge.reference}")
    assert len(page["data"]) == 1


def news_of(charge, gateway, mailbox):
    """The next event about a charge, as it came in, and what it was read as."""
    while True:
        body, headers = mailbox.next()
        event = gateway.read_event(body, headers, timezone.now())
        if event.reference == charge.reference:
            return body, headers, event


def test_its_events_are_believed_with_our_secret_only(gateway, mailbox, typed, settings):
    charge = gateway.charge(asked(typed(GOOD)))
    body, headers, event = news_of(charge, gateway, mailbox)
    assert (event.type, event.kind) == ("payment_intent.succeeded", Kind.CHARGE)
    assert gateway.fetch(event.kind, event.reference) == charge
    with pytest.raises(EventRefused):
        gateway.read_event(body + b" ", headers, timezone.now())
    settings.STRIPE_WEBHOOK_SECRET = "whsec_another"
    with pytest.raises(EventRefused):
        gateways.current().read_event(body, headers, timezone.now())


def test_news_of_a_decline_lead_to_the_same_decline(gateway, mailbox, typed):
    charge = gateway.charge(asked(typed(DECLINED_LATER)))
    _body, _headers, event = news_of(charge, gateway, mailbox)
    assert event.type == "payment_intent.payment_failed"
    assert gateway.fetch(event.kind, event.reference) == charge


def test_an_intent_is_on_record_here_before_it_is_confirmed_there(gateway, between, typed, monkeypatch):
    monkeypatch.setattr("commerce.gateways.stripe.line.PAUSES", ())
    request = asked(typed(GOOD))
    between.stops = ["/v1/payment_intents"]  # the answer to its creation is lost
    with pytest.raises(GatewayUnavailable):
        gateway.charge(request)
    assert not StripeIntent.objects.exists()
    assert gateway.find(request.key) is None
    assert not any(path.endswith("/confirm") for _method, path, _form, _key in between.seen)


def test_somebody_buys_two_seats_with_a_card_of_their_country(between, typed):
    member = MembershipFactory(tenant__country="FR", tenant__contact_email="it@contoso.example")
    plan = plan_on_sale(currency="USD", country="FR")
    api = Api(member)
    opened = api.post("checkouts/", {"plan": plan.pk, "quantity": 2}, key="open").json()
    paid = api.post(f"checkouts/{opened['id']}/pay/", {"payment_method": typed(GOOD)}, key="pay")
    assert (paid.status_code, paid.json()["state"]) == (200, "completed"), paid.content
    payment = Payment.objects.get()
    status, intent = between.ask("GET", f"/v1/payment_intents/{payment.gateway_ref}")
    assert (status, intent["status"], intent["metadata"]["key"]) == (200, "succeeded", str(payment.pk))
