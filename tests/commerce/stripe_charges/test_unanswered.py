"""A charge whose answer is lost, or that is called off: nothing is guessed and nothing is charged twice."""

import pytest

from commerce.gateways.protocol import GatewayUnavailable, Outcome
from tests.commerce.stripe_charges.conftest import CONFIRM, CREATE, INTENTS, KEY, LOOK, ONE, asked, created, remembered
from tests.commerce.stripe_wire import COLLISION, TROUBLE, gateway_on, invalid, payment, timeout

pytestmark = pytest.mark.django_db


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
