"""A charge at Stripe: what is sent, in which order, and what each answer becomes."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from commerce.gateways.protocol import CardDetails, ChargeRequest, Funding, GatewayUnavailable, Outcome
from commerce.gateways.protocol import UnknownPaymentMethod as Unknown
from commerce.gateways.stripe import line
from commerce.models import StripeCustomer, StripeIntent
from tests.commerce.stripe_wire import (
    ASKS,
    COLLISION,
    CUSTOMER,
    STEP_URL,
    TROUBLE,
    Wire,
    card,
    declined,
    failure,
    gateway_on,
    invalid,
    missing,
    payment,
    timeout,
)

pytestmark = pytest.mark.django_db

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


class TestTrouble:
    def test_a_request_whose_answer_is_lost_is_repeated_with_its_key(self, wire, customer):
        created(wire, payment("succeeded"))
        wire._answers["POST", INTENTS].extendleft([TROUBLE, timeout()])
        assert gateway_on(wire).charge(asked()).outcome == Outcome.CAPTURED
        keys = [sent.key for sent in wire.sent if sent.path == INTENTS]
        assert keys == [str(KEY)] * 3

    def test_a_collision_with_a_request_that_still_runs_is_waited_for(self, wire, customer):
        wire.on("POST", f"{ONE}/confirm", COLLISION)
        assert gateway_on(created(wire, payment("succeeded"))).charge(asked()).outcome == Outcome.CAPTURED
        assert {sent.key for sent in wire.sent if sent.path == f"{ONE}/confirm"} == {f"{KEY}-confirm"}
        assert wire.told().count(CONFIRM) == 2

    def test_stripe_may_say_that_a_repeat_is_no_use(self, wire, customer):
        wire.on("POST", INTENTS, (500, TROUBLE[1], {"Stripe-Should-Retry": "false"}))
        with pytest.raises(GatewayUnavailable):
            gateway_on(wire).charge(asked())
        assert wire.told() == [CREATE]

    def test_without_an_answer_nothing_is_known_and_the_same_key_begins_again(self, wire, customer):
        wire.on("POST", INTENTS, timeout(), timeout(), timeout())
        gateway = gateway_on(wire)
        with pytest.raises(GatewayUnavailable):
            gateway.charge(asked())
        assert gateway.find(KEY) is None
        assert gateway_on(created(wire, payment("succeeded"))).charge(asked()).outcome == Outcome.CAPTURED
        assert {sent.key for sent in wire.sent if sent.path == INTENTS} == {str(KEY)}

    def test_a_confirmation_without_an_answer_is_asked_for_and_never_guessed(self, wire, customer):
        created(wire, TROUBLE, payment("succeeded")).on("POST", f"{ONE}/confirm", TROUBLE, timeout())
        assert gateway_on(wire).charge(asked()).outcome == Outcome.CAPTURED
        assert wire.told()[-4:] == [CONFIRM, CONFIRM, CONFIRM, LOOK]

    def test_a_confirmation_that_stripe_never_saw_leaves_nothing_behind(self, wire, customer):
        created(wire, timeout(), payment("requires_confirmation"), payment("requires_confirmation"))
        wire.on("POST", f"{ONE}/confirm", timeout(), timeout()).on("POST", f"{ONE}/cancel", payment("canceled"))
        gateway = gateway_on(wire)
        with pytest.raises(GatewayUnavailable):
            gateway.charge(asked())
        # As the sweep does: not seen, so canceled, and dead from then on.
        assert gateway.find(KEY) is None
        assert gateway.cancel(KEY).outcome == Outcome.CANCELED

    def test_while_stripe_does_not_know_itself_nobody_does(self, wire):
        remembered()
        wire.on("GET", ONE, payment("processing"))
        with pytest.raises(GatewayUnavailable):
            gateway_on(wire).find(KEY)

    def test_an_intent_that_cannot_be_confirmed_any_more_is_declined_for_good(self, wire, customer):
        created(wire, invalid("payment_method_unexpected_state"), payment("requires_confirmation"))
        wire.on("POST", f"{ONE}/cancel", payment("canceled"))
        charge = gateway_on(wire).charge(asked())
        assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "payment_method_unexpected_state")


class TestCanceled:
    def test_a_key_that_was_never_seen_charges_nothing_later(self, wire, customer):
        gateway = gateway_on(wire)
        assert gateway.cancel(KEY).outcome == Outcome.CANCELED
        assert gateway.charge(asked()).outcome == Outcome.CANCELED
        assert (wire.told(), gateway.find(KEY).outcome) == ([], Outcome.CANCELED)

    def test_a_request_that_was_on_the_way_meanwhile_is_not_confirmed(self, wire, customer):
        gateway = gateway_on(wire)

        def canceled_meanwhile(sent):
            gateway.cancel(KEY)
            return payment("requires_confirmation", KEY)

        wire.on("POST", INTENTS, canceled_meanwhile)
        assert gateway.charge(asked()).outcome == Outcome.CANCELED
        assert wire.told() == [CREATE]

    def test_what_waits_for_its_holder_is_canceled_at_stripe(self, wire):
        remembered()
        wire.on("POST", f"{ONE}/cancel", payment("canceled"))
        assert gateway_on(wire).cancel(KEY).outcome == Outcome.CANCELED

    def test_what_was_captured_stays_captured(self, wire):
        remembered()
        wire.on("POST", f"{ONE}/cancel", invalid("payment_intent_unexpected_state"))
        wire.on("GET", ONE, payment("succeeded"))
        assert gateway_on(wire).cancel(KEY).outcome == Outcome.CAPTURED


class TestNotTaken:
    """What Stripe will never charge is declined at once, and stays so for its key."""

    def test_an_amount_that_stripe_cannot_write_is_refused_without_a_call(self, wire):
        gateway = gateway_on(wire)
        charge = gateway.charge(asked(amount=Decimal("1.234"), currency="KWD"))
        assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "amount_not_supported")
        assert (charge.amount, charge.currency) == (Decimal("1.234"), "KWD")
        assert gateway.find(KEY) == charge
        assert wire.told() == []

    def test_an_amount_below_stripes_least(self, wire, customer):
        wire.on("POST", INTENTS, invalid("amount_too_small", "amount"))
        charge = gateway_on(wire).charge(asked(amount=Decimal("0.10")))
        assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "amount_not_supported")

    def test_a_card_of_somebody_else(self, wire, customer):
        wire.on("POST", INTENTS, invalid("payment_method_customer_mismatch", "payment_method"))
        charge = gateway_on(wire).charge(asked(payment_method="pm_1Theirs"))
        assert (charge.outcome, charge.decline_code) == (Outcome.DECLINED, "unknown_card")

    def test_a_mistake_of_ours_is_not_called_a_decline(self, wire, customer):
        wire.on("POST", INTENTS, invalid("parameter_unknown", "colour"))
        with pytest.raises(GatewayUnavailable):
            gateway_on(wire).charge(asked())
        assert not StripeIntent.objects.exists()


class TestTokens:
    @pytest.mark.parametrize("token", ["", "4242424242424242", "tok_visa", "pm_", "pm_a/../../customers", "pm_ä"])
    def test_what_can_be_no_card_is_refused_without_a_call(self, wire, token):
        gateway = gateway_on(wire)
        for call in (gateway.check, gateway.describe):
            with pytest.raises(Unknown):
                call(token)
        with pytest.raises(Unknown):
            gateway.charge(asked(payment_method=token))
        assert wire.told() == []

    def test_a_card_is_described_before_it_is_charged(self, wire):
        prepaid = card("pm_1", funding="prepaid", country="DE", brand="mastercard")
        wire.on("GET", "/v1/payment_methods/pm_1", prepaid)
        details = gateway_on(wire).describe("pm_1")
        assert (details.funding, details.country, details.brand) == (Funding.PREPAID, "DE", "mastercard")

    @pytest.mark.parametrize("answer", [missing("payment_method"), {**card(), "type": "sepa_debit", "card": None}])
    def test_what_stripe_does_not_know_as_a_card(self, wire, answer):
        wire.on("GET", "/v1/payment_methods/pm_1", answer)
        with pytest.raises(Unknown):
            gateway_on(wire).describe("pm_1")

    @pytest.mark.parametrize("answer", [card(), missing(), invalid("payment_method_not_attached")])
    def test_a_card_is_forgotten_once_and_for_all(self, wire, answer):
        wire.on("POST", "/v1/payment_methods/pm_1/detach", answer)
        gateway_on(wire).forget("pm_1")
        assert wire.all_answered()
