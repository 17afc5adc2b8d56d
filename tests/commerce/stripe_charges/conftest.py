"""The one charge of these tests: what is asked for, and how Stripe begins it."""

from decimal import Decimal
from uuid import UUID

import pytest

from commerce.gateways.protocol import ChargeRequest
from commerce.gateways.stripe import line
from commerce.models import StripeCustomer, StripeIntent
from tests.commerce.stripe_wire import CUSTOMER, Wire, payment

KEY = UUID("01960000-0000-7000-8000-000000000001")
PI = payment("")["id"]
INTENTS = "/v1/payment_intents"
ONE = f"{INTENTS}/{PI}"
BACK = "https://seatwise.example/back/"
CREATE, LOOK, CONFIRM, CANCEL = f"POST {INTENTS}", f"GET {ONE}", f"POST {ONE}/confirm", f"POST {ONE}/cancel"


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    monkeypatch.setattr(line, "PAUSES", (0, 0))


@pytest.fixture
def customer():
    return StripeCustomer.objects.create(payer="payer-1", reference=CUSTOMER["id"])


def asked(key=KEY, **more):
    given = {"amount": Decimal("19.98"), "currency": "USD", "payment_method": "pm_card_visa", "customer": "payer-1"}
    return ChargeRequest(key=key, return_url=BACK, **{**given, **more})


def created(wire, confirmed=(), *looks):
    """Stripe makes the intent, tells that it waits for us, and answers the confirmation."""
    wire.on("POST", INTENTS, payment("requires_confirmation", KEY))
    wire.on("GET", ONE, *looks)
    if confirmed:
        wire.on("POST", f"{ONE}/confirm", confirmed)
    return wire


def remembered(**more):
    return StripeIntent.objects.create(key=KEY, reference=PI, amount="19.98", currency="USD", return_url=BACK, **more)
