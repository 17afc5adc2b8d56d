"""What Stripe will never charge, and tokens that are no card."""

from decimal import Decimal

import pytest

from commerce.gateways.protocol import Funding, GatewayUnavailable, Outcome
from commerce.gateways.protocol import UnknownPaymentMethod as Unknown
from commerce.models import StripeIntent
from tests.commerce.stripe_charges.conftest import INTENTS, KEY, asked
from tests.commerce.stripe_wire import card, gateway_on, invalid, missing

pytestmark = pytest.mark.django_db


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
