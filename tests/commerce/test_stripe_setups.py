"""Keeping a card at Stripe without charging it."""

from uuid import UUID

import pytest

from commerce.gateways.protocol import GatewayUnavailable, Kind, Outcome, SetupRequest
from commerce.gateways.stripe import line
from commerce.models import StripeCustomer, StripeIntent
from tests.commerce.stripe_wire import (
    ASKS,
    COLLISION,
    CUSTOMER,
    STEP_URL,
    TROUBLE,
    Wire,
    declined,
    failure,
    gateway_on,
    invalid,
    setup,
    timeout,
)

pytestmark = pytest.mark.django_db

KEY = UUID(int=1)
SETI = setup("")["id"]
SETUPS = "/v1/setup_intents"
ONE = f"{SETUPS}/{SETI}"
BACK = "https://seatwise.example/back/"
CREATE, LOOK, CONFIRM, CANCEL = f"POST {SETUPS}", f"GET {ONE}", f"POST {ONE}/confirm", f"POST {ONE}/cancel"
ASKED = SetupRequest(key=KEY, payment_method="pm_card_visa", customer="payer-1", return_url=BACK)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    monkeypatch.setattr(line, "PAUSES", (0, 0))
    StripeCustomer.objects.create(payer="payer-1", reference=CUSTOMER["id"])


@pytest.fixture
def wire():
    return Wire().on("POST", SETUPS, setup("requires_confirmation", KEY))


def test_a_card_is_kept_for_charges_without_its_holder(wire):
    kept = gateway_on(wire.on("POST", f"{ONE}/confirm", setup("succeeded", KEY))).set_up(ASKED)
    create, confirm = wire.sent
    assert (create.key, confirm.key) == (str(KEY), f"{KEY}-confirm")
    assert create.form == {
        "customer": CUSTOMER["id"],
        "payment_method": "pm_card_visa",
        "payment_method_types[0]": "card",
        "usage": "off_session",
        "metadata[key]": str(KEY),
    }
    assert confirm.form == {"return_url": BACK, "use_stripe_sdk": "false", "expand[0]": "payment_method"}
    assert (kept.key, kept.reference, kept.outcome, kept.card.last4) == (KEY, SETI, Outcome.CAPTURED, "4242")
    assert StripeIntent.objects.get().reference == SETI


def test_a_step_at_the_bank_and_what_came_of_it(wire):
    wire.on("POST", f"{ONE}/confirm", setup("requires_action", **ASKS))
    wire.on("GET", ONE, setup("requires_action", **ASKS), setup("succeeded"))
    gateway = gateway_on(wire)
    waiting = gateway.set_up(ASKED)
    assert (waiting.outcome, waiting.action_url, waiting.card) == (Outcome.REQUIRES_ACTION, STEP_URL, None)
    assert gateway.find_setup(KEY) == waiting
    assert gateway.confirm_setup(KEY).card is not None


@pytest.mark.parametrize(
    "code, decline_code, said",
    [
        ("card_declined", "lost_card", "lost_card"),
        ("expired_card", None, "expired_card"),
        ("setup_intent_authentication_failure", None, "authentication_failed"),
    ],
)
def test_a_card_that_the_bank_refuses_is_not_kept(wire, code, decline_code, said):
    wire.on("POST", f"{ONE}/confirm", declined(code, decline_code))
    wire.on("GET", ONE, setup("requires_payment_method", last_setup_error=failure(code, decline_code)))
    wire.on("POST", f"{ONE}/cancel", setup("canceled"))
    kept = gateway_on(wire).set_up(ASKED)
    assert (kept.outcome, kept.decline_code, kept.card) == (Outcome.DECLINED, said, None)


@pytest.mark.parametrize("trouble", [timeout(), TROUBLE, COLLISION])
def test_what_went_wrong_is_tried_again_with_the_same_key(trouble):
    wire = Wire().on("POST", SETUPS, trouble, setup("requires_confirmation", KEY))
    wire.on("POST", f"{ONE}/confirm", trouble, setup("succeeded"))
    assert gateway_on(wire).set_up(ASKED).outcome == Outcome.CAPTURED
    assert [sent.key for sent in wire.sent] == [str(KEY)] * 2 + [f"{KEY}-confirm"] * 2


def test_a_key_that_was_canceled_before_keeps_nothing(wire):
    gateway = gateway_on(wire)
    assert gateway.cancel_setup(KEY).outcome == Outcome.CANCELED
    assert gateway.set_up(ASKED).outcome == Outcome.CANCELED
    assert wire.told() == []


def test_what_waits_is_canceled_and_what_is_kept_stays(wire):
    StripeIntent.objects.create(key=KEY, reference=SETI)
    gateway = gateway_on(wire)
    wire.on("POST", f"{ONE}/cancel", setup("canceled"), invalid("setup_intent_unexpected_state"))
    wire.on("GET", ONE, setup("succeeded"))
    assert gateway.cancel_setup(KEY).outcome == Outcome.CANCELED
    assert gateway.cancel_setup(KEY).outcome == Outcome.CAPTURED


def test_what_was_never_asked_for_is_not_known(wire):
    gateway = gateway_on(wire)
    assert gateway.find_setup(KEY) is None
    with pytest.raises(GatewayUnavailable):
        gateway.confirm_setup(KEY)


def test_news_of_a_setup_are_asked_for_by_its_id(wire):
    StripeIntent.objects.create(key=KEY, reference=SETI)
    wire.on("GET", ONE, setup("succeeded"), setup("requires_confirmation"))
    gateway = gateway_on(wire)
    assert gateway.fetch(Kind.SETUP, SETI).key == KEY
    assert gateway.fetch(Kind.SETUP, SETI) is None
    wire.on("GET", f"{SETUPS}/seti_theirs", setup("succeeded", seti="seti_theirs"))
    assert gateway.fetch(Kind.SETUP, "seti_theirs") is None
