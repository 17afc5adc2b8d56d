"""Refunds at Stripe: made once for a key, whatever happens to the answer."""

from decimal import Decimal
from uuid import UUID

import pytest

from commerce.gateways.protocol import GatewayUnavailable, RefundOutcome
from commerce.gateways.stripe import line
from commerce.models import StripeIntent, StripeRefund
from tests.commerce.stripe_wire import COLLISION, TROUBLE, Wire, gateway_on, invalid, page, refund, timeout

pytestmark = pytest.mark.django_db

CHARGE, KEY = UUID(int=1), UUID(int=2)
PI, RE = refund()["payment_intent"], refund()["id"]
REFUNDS = "/v1/refunds"
MAKE, LIST = f"POST {REFUNDS}", f"GET {REFUNDS}"


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture(autouse=True)
def _charged(monkeypatch):
    monkeypatch.setattr(line, "PAUSES", (0, 0))
    StripeIntent.objects.create(key=CHARGE, reference=PI, amount="19.98", currency="USD")


def give_back(wire, amount="5.00"):
    return gateway_on(wire).refund(key=KEY, charge_key=CHARGE, amount=Decimal(amount))


def test_money_goes_back_on_the_intent_with_our_key(wire):
    wire.on("POST", REFUNDS, refund("succeeded", KEY))
    answer = give_back(wire)
    sent = wire.one("POST", REFUNDS)
    assert sent.key == str(KEY)
    assert sent.form == {"payment_intent": PI, "amount": "500", "metadata[key]": str(KEY)}
    assert (answer.key, answer.charge_key, answer.reference) == (KEY, CHARGE, RE)
    assert (answer.outcome, answer.amount, answer.currency) == (RefundOutcome.SUCCEEDED, Decimal("5.00"), "USD")


@pytest.mark.parametrize(
    "status, outcome",
    [
        (None, RefundOutcome.PENDING),
        ("pending", RefundOutcome.PENDING),
        ("requires_action", RefundOutcome.PENDING),
        ("succeeded", RefundOutcome.SUCCEEDED),
        ("failed", RefundOutcome.FAILED),
        ("canceled", RefundOutcome.FAILED),
    ],
)
def test_a_refund_may_fail_after_it_was_promised(wire, status, outcome):
    wire.on("POST", REFUNDS, refund("pending", KEY)).on("GET", f"{REFUNDS}/{RE}", refund(status, KEY))
    assert give_back(wire).outcome == RefundOutcome.PENDING
    assert gateway_on(wire).find_refund(KEY).outcome == outcome


def test_the_same_key_again_makes_no_second_one(wire):
    wire.on("POST", REFUNDS, refund("succeeded", KEY))
    wire.on("GET", f"{REFUNDS}/{RE}", refund("succeeded", KEY))
    assert give_back(wire) == give_back(wire)
    assert wire.told().count(MAKE) == 1


def test_trouble_and_collisions_are_repeated_with_the_same_key(wire):
    wire.on("POST", REFUNDS, TROUBLE, COLLISION, refund("succeeded", KEY))
    assert give_back(wire).outcome == RefundOutcome.SUCCEEDED
    assert {sent.key for sent in wire.sent} == {str(KEY)}


def test_a_refund_whose_answer_was_lost_is_looked_for_before_it_is_made_again(wire):
    wire.on("POST", REFUNDS, timeout(), timeout(), timeout())
    with pytest.raises(GatewayUnavailable):
        give_back(wire)
    # Days later, when Stripe has long forgotten the key; somebody else's refunds of the charge are on the first page.
    theirs = [refund(re=f"re_{n}") for n in range(2)]
    wire.on("GET", REFUNDS, page(REFUNDS, *theirs, more=True), page(REFUNDS, refund("succeeded", KEY)))
    assert give_back(wire).reference == RE
    assert wire.told()[3:] == [LIST, LIST]
    assert wire.sent[3].form["payment_intent"] == PI
    assert wire.sent[4].form["starting_after"] == "re_1"
    assert StripeRefund.objects.get().reference == RE


def test_a_refund_that_never_arrived_is_not_known_and_can_be_made(wire):
    wire.on("POST", REFUNDS, timeout(), timeout(), timeout(), refund("succeeded", KEY))
    wire.on("GET", REFUNDS, page(REFUNDS), page(REFUNDS))
    with pytest.raises(GatewayUnavailable):
        give_back(wire)
    assert gateway_on(wire).find_refund(KEY) is None
    assert give_back(wire).outcome == RefundOutcome.SUCCEEDED
    assert {sent.key for sent in wire.sent if sent.method == "POST"} == {str(KEY)}


@pytest.mark.parametrize("code", ["charge_already_refunded", "charge_disputed", None])
def test_what_stripe_will_not_give_back_has_failed_for_good(wire, code):
    wire.on("POST", REFUNDS, invalid(code, "amount")).on("GET", REFUNDS, page(REFUNDS))
    answer = give_back(wire)
    assert (answer.outcome, answer.reference, answer.amount) == (RefundOutcome.FAILED, "", Decimal("5.00"))
    asked = len(wire.sent)
    assert give_back(wire).outcome == gateway_on(wire).find_refund(KEY).outcome == RefundOutcome.FAILED
    assert len(wire.sent) == asked


def test_refunded_already_by_this_very_key_is_no_failure(wire):
    wire.on("POST", REFUNDS, invalid("charge_already_refunded"))
    wire.on("GET", REFUNDS, page(REFUNDS, refund("succeeded", KEY)))
    assert give_back(wire).outcome == RefundOutcome.SUCCEEDED


def test_an_amount_that_stripe_cannot_write_is_refused_and_not_rounded(wire):
    StripeIntent.objects.filter(key=CHARGE).update(currency="KWD")
    wire.on("GET", REFUNDS, page(REFUNDS))
    assert give_back(wire, "1.234").outcome == RefundOutcome.FAILED
    assert MAKE not in wire.told()


def test_a_refund_that_was_never_asked_for_is_not_known(wire):
    assert gateway_on(wire).find_refund(KEY) is None
    assert wire.told() == []


def test_without_a_charge_nothing_goes_back(wire):
    with pytest.raises(GatewayUnavailable):
        gateway_on(wire).refund(key=KEY, charge_key=UUID(int=9), amount=Decimal(5))
    assert wire.told() == []


class TestAChargeOfNobodyHere:
    def give_back(self, wire, reference):
        return gateway_on(wire).refund_unknown(key=KEY, reference=reference)

    @pytest.mark.parametrize("reference, field", [(PI, "payment_intent"), ("ch_3MmlLrLkdIwHu7ix0snN0B15", "charge")])
    def test_goes_back_whole_by_its_reference(self, wire, reference, field):
        wire.on("POST", REFUNDS, refund("succeeded", KEY))
        assert self.give_back(wire, reference).outcome == RefundOutcome.SUCCEEDED
        sent = wire.one("POST", REFUNDS)
        assert (sent.key, sent.form) == (str(KEY), {field: reference, "metadata[key]": str(KEY)})

    @pytest.mark.parametrize(
        "code, outcome",
        [("charge_already_refunded", RefundOutcome.SUCCEEDED), ("charge_disputed", RefundOutcome.FAILED)],
    )
    def test_that_stripe_refuses_to_give_back(self, wire, code, outcome):
        wire.on("POST", REFUNDS, invalid(code))
        assert self.give_back(wire, PI).outcome == outcome
