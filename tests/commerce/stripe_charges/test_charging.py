"""A charge at Stripe: what is sent, in which order, and what each answer becomes."""

from decimal import Decimal
from uuid import uuid4

import pytest

from commerce.gateways.protocol import CardDetails, Funding, GatewayUnavailable, Outcome
from commerce.models import StripeIntent
from tests.commerce.stripe_charges.conftest import (
    BACK,
    CANCEL,
    CONFIRM,
    CREATE,
    INTENTS,
    KEY,
    LOOK,
    ONE,
    PI,
    asked,
    created,
    remembered,
)
from tests.commerce.stripe_wire import (
    ASKS,
    CUSTOMER,
    STEP_URL,
    TROUBLE,
    card,
    declined,
    failure,
    gateway_on,
    invalid,
    payment,
    timeout,
)

pytestmark = pytest.mark.django_db


def test_a_card_is_charged_by_an_intent_that_is_stored_before_it_is_confirmed(wire):
    stored = []

    def confirm(sent):
        stored.extend(StripeIntent.objects.values_list("key", "reference"))
        return payment("succeeded", KEY)

    wire.on("POST", "/v1/customers", CUSTOMER)
    charge = gateway_on(created(wire, confirm)).charge(asked())
    assert wire.told() == ["POST /v1/customers", CREATE, CONFIRM]
    assert stored == [(KEY, PI)]
    customer, intent, confirmation = wire.sent
    assert (customer.key, customer.form) == ("customer-payer-1", {"metadata[payer]": "payer-1"})
    assert (intent.key, intent.form) == (
        str(KEY),
        {
            "amount": "1998",
            "currency": "usd",
            "customer": CUSTOMER["id"],
            "payment_method": "pm_card_visa",
            "payment_method_types[0]": "card",
            "setup_future_usage": "off_session",
            "metadata[key]": str(KEY),
        },
    )
    assert confirmation.key == f"{KEY}-confirm"
    assert confirmation.form == {"return_url": BACK, "use_stripe_sdk": "false", "expand[0]": "payment_method"}
    assert confirmation.headers["Authorization"].startswith("Bearer sk_test_")
    assert (charge.key, charge.reference, charge.outcome) == (KEY, PI, Outcome.CAPTURED)
    assert (charge.amount, charge.currency) == (Decimal("19.98"), "USD")
    assert charge.card == CardDetails(
        reference="pm_1MoWDA2eZvKYlo2CMXbWCm2m", fingerprint="Xt5EWLLDS7FJjR1c", brand="visa", last4="4242",
        exp_month=8, exp_year=2029, funding=Funding.CREDIT, country="US",
    )  # fmt: skip


def test_a_payer_is_one_customer_for_ever(wire):
    wire.on("POST", "/v1/customers", CUSTOMER)
    gateway = gateway_on(created(wire, payment("succeeded")))
    gateway.charge(asked())
    wire.on("POST", INTENTS, payment("requires_confirmation", pi="pi_2"))
    wire.on("POST", f"{INTENTS}/pi_2/confirm", payment("succeeded", pi="pi_2"))
    gateway.charge(asked(uuid4()))
    assert wire.told().count("POST /v1/customers") == 1
    assert wire.sent[-2].form["customer"] == CUSTOMER["id"]


def test_what_was_captured_is_told_and_not_what_was_asked_for(wire, customer):
    charge = gateway_on(created(wire, payment("succeeded", amount_received=1500))).charge(asked())
    assert charge.amount == Decimal("15.00")


def test_with_nobody_there_the_bank_is_told_so(wire, customer):
    gateway_on(created(wire, payment("succeeded"))).charge(asked(off_session=True))
    assert "setup_future_usage" not in wire.one("POST", INTENTS).form
    assert wire.one("POST", f"{ONE}/confirm").form == {"off_session": "true", "expand[0]": "payment_method"}


def test_a_declined_intent_is_canceled_so_that_nobody_tries_another_card_on_it(wire, customer):
    open_still = payment("requires_payment_method", last_payment_error=failure(), payment_method=None)
    created(wire, declined(), open_still).on("POST", f"{ONE}/cancel", payment("canceled", payment_method=None))
    gateway = gateway_on(wire)
    charge = gateway.charge(asked())
    assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "insufficient_funds")
    assert wire.told()[-3:] == [CONFIRM, LOOK, CANCEL]
    # Stripe forgets the reason with the cancellation, we don't; and the same key is not tried again.
    wire.on("GET", ONE, payment("canceled"), payment("canceled"))
    assert gateway.find(KEY).decline_code == "insufficient_funds"
    assert gateway.charge(asked()).outcome == Outcome.DECLINED
    assert wire.told()[-2:] == [LOOK, LOOK]


def test_a_decline_that_lost_the_race_against_its_holder_is_told_as_captured(wire, customer):
    open_still = payment("requires_payment_method", last_payment_error=failure())
    created(wire, declined(), open_still, payment("succeeded"))
    wire.on("POST", f"{ONE}/cancel", invalid("payment_intent_unexpected_state"))
    assert gateway_on(wire).charge(asked()).outcome == Outcome.CAPTURED


def test_a_step_at_the_bank_is_an_address_to_go_to(wire, customer):
    charge = gateway_on(created(wire, payment("requires_action", **ASKS))).charge(asked())
    assert (charge.outcome, charge.action_url) == (Outcome.REQUIRES_ACTION, STEP_URL)


def test_after_the_step_only_stripe_says_what_became_of_it(wire):
    remembered()
    wire.on("GET", ONE, payment("succeeded"))
    assert gateway_on(wire).confirm(KEY).outcome == Outcome.CAPTURED
    failed = failure("payment_intent_authentication_failure", None)
    wire.on("GET", ONE, payment("requires_payment_method", last_payment_error=failed))
    wire.on("POST", f"{ONE}/cancel", payment("canceled"))
    charge = gateway_on(wire).confirm(KEY)
    assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "authentication_failed")


class TestNobodyThere:
    """The bank asks for its cardholder while a card is charged without them."""

    @pytest.fixture
    def waiting(self):
        asks = failure("authentication_required", "authentication_required")
        return payment("requires_payment_method", last_payment_error=asks, payment_method=None)

    def test_it_waits_behind_a_link_of_ours(self, wire, customer, waiting):
        created(wire, declined("authentication_required", "authentication_required"), waiting)
        charge = gateway_on(wire).charge(asked(off_session=True))
        assert (charge.outcome, charge.action_url) == (Outcome.REQUIRES_ACTION, f"/payments/{KEY}/step/")
        assert CANCEL not in wire.told()

    def test_with_its_holder_the_same_intent_is_confirmed_once_more(self, wire, waiting):
        remembered(off_session=True)
        wire.on("GET", ONE, waiting, payment("requires_action", **ASKS))
        wire.on("POST", f"{ONE}/confirm", payment("requires_action", **ASKS))
        gateway = gateway_on(wire)
        assert gateway.with_holder(KEY).action_url == STEP_URL
        assert gateway.with_holder(KEY).action_url == STEP_URL
        assert wire.told() == [LOOK, CONFIRM, LOOK]
        confirmation = wire.one("POST", f"{ONE}/confirm")
        assert confirmation.key == f"{KEY}-with-holder"
        assert confirmation.form == {
            "return_url": BACK,
            "use_stripe_sdk": "false",
            "payment_method": card()["id"],
            "expand[0]": "payment_method",
        }

    def test_a_bank_that_asks_again_has_declined(self, wire, waiting):
        remembered(off_session=True)
        wire.on("GET", ONE, waiting, waiting)
        wire.on("POST", f"{ONE}/confirm", declined("authentication_required", "authentication_required"))
        wire.on("POST", f"{ONE}/cancel", payment("canceled"))
        charge = gateway_on(wire).with_holder(KEY)
        assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "authentication_failed")

    def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(self, wire, waiting):
        remembered(off_session=True)
        wire.on("GET", ONE, waiting, waiting, waiting)
        wire.on("POST", f"{ONE}/confirm", timeout(), TROUBLE, timeout(), payment("requires_action", **ASKS))
        gateway = gateway_on(wire)
        with pytest.raises(GatewayUnavailable):
            gateway.with_holder(KEY)
        assert gateway.with_holder(KEY).outcome == Outcome.REQUIRES_ACTION
        assert {sent.key for sent in wire.sent if sent.method == "POST"} == {f"{KEY}-with-holder"}

    def test_called_off_it_is_canceled_and_not_declined(self, wire, waiting):
        remembered(off_session=True)
        wire.on("POST", f"{ONE}/cancel", payment("canceled", last_payment_error=waiting["last_payment_error"]))
        assert gateway_on(wire).cancel(KEY).outcome == Outcome.CANCELED
