"""Paying a quote by API: the card, the cardholder's step, its end, and whose it is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Checkout, CheckoutState, Order, Payment
from commerce.models.sandbox import SandboxCharge
from licensing.models import Seat, Subscription
from tenants.api.models import IdempotencyKey
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import GuestFactory, MembershipFactory, PolicyFactory, PriceFactory

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

VISA = "pm_card_visa"
DECLINED = "pm_card_chargeDeclined"
STEP = "pm_card_authenticationRequired"


def pay(api, opened, card=VISA, key="pay"):
    return api.post(f"checkouts/{opened['id']}/pay/", {"payment_method": card}, key=key)


# --- The card


def test_the_price_that_was_shown_is_the_price_that_is_charged(api, opened, plan):
    PriceFactory(plan=plan, amount="99.00", valid_from=timezone.now().date())
    assert pay(api, opened).status_code == 200
    assert Payment.objects.get().captured == Decimal("19.98")


def test_a_good_card_brings_subscription_order_and_the_buyers_seat(api, opened, ana):
    answer = pay(api, opened)
    assert answer.status_code == 200, answer.content
    paid = answer.json()
    assert paid["state"] == "completed"
    subscription = Subscription.objects.get(pk=paid["subscription"])
    assert Order.objects.get(pk=paid["order"]).subscription == subscription
    assert [seat.member for seat in Seat.objects.filter(subscription=subscription)] == [ana]
    shown = api.get(f"subscriptions/{paid['subscription']}/").json()
    assert shown["term_end"] == paid["quote"]["ends_at"]


def test_seats_go_to_whom_the_buyer_named(api, plan, ana):
    colleague = MembershipFactory(tenant=ana.tenant, user__email="cleo@contoso.example")
    body = {"plan": plan.pk, "quantity": 2, "assign_to": ["Cleo@Contoso.example"]}
    pay(api, api.post("checkouts/", body, key="open").json())
    assert [seat.member for seat in Seat.objects.all()] == [colleague]


def test_the_same_key_pays_once_and_answers_the_same_byte_for_byte(api, opened):
    first, second = pay(api, opened), pay(api, opened)
    assert second.content == first.content
    assert second["Idempotent-Replayed"] == "true"
    assert SandboxCharge.objects.using("sandbox").count() == 1


def test_a_retry_of_a_call_that_died_gets_what_became_of_its_try(api, opened):
    """The process died after the purchase and before its answer was kept: the key's lease has run out."""
    first = pay(api, opened, key="k")
    IdempotencyKey.objects.filter(key="k").update(status=None, leased_until=timezone.now() - timedelta(seconds=1))
    again = pay(api, opened, key="k")
    assert (again.status_code, again.json()) == (200, first.json())
    other = pay(api, opened, key="another")
    assert (other.status_code, other.json()["code"]) == (409, "checkout_completed")
    assert SandboxCharge.objects.using("sandbox").count() == 1


@pytest.mark.parametrize("path", ["checkouts/", "checkouts/{}/pay/", "checkouts/{}/confirm/"])
def test_asks_for_a_key(api, opened, path):
    answer = api.post(path.format(opened["id"]), {"plan": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("card", "code"),
    [(DECLINED, "generic_decline"), ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds")],
)
def test_a_declined_card_leaves_it_open_for_another(api, opened, card, code):
    answer = pay(api, opened, card)
    assert answer.status_code == 402
    assert (answer.json()["code"], answer.json()["decline_code"]) == ("card_declined", code)
    assert api.get(f"checkouts/{opened['id']}/").json()["state"] == "open"
    assert pay(api, opened, VISA, key="again").status_code == 200


def test_a_replayed_decline_tries_no_card(api, opened):
    first, second = pay(api, opened, DECLINED), pay(api, opened, DECLINED)
    assert (second.status_code, second.content) == (402, first.content)
    assert Payment.objects.count() == 1


def test_five_declines_are_enough(api, opened):
    for n in range(5):
        assert pay(api, opened, DECLINED, key=f"k{n}").status_code == 402
    answer = pay(api, opened, VISA, key="k6")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_declines")


@pytest.mark.parametrize("card", ["pm_card_unknown", "4242424242424242", "é"])
def test_takes_nothing_but_a_card_of_the_provider(api, opened, card):
    answer = pay(api, opened, card)
    assert (answer.status_code, answer.json()["code"]) == (400, "payment_method_not_accepted")
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"payment_method": None}, {"payment_method": ""}, {"payment_method": "x" * 256}, {"payment_method": {}}],
)
def test_a_card_has_to_be_named(api, opened, body):
    assert errors(api.post(f"checkouts/{opened['id']}/pay/", body, key="k"))[0][0] == "payment_method"


def test_the_cardholders_step(api, opened):
    answer = pay(api, opened, STEP)
    assert answer.status_code == 202
    waiting = answer.json()
    assert waiting["state"] == "requires_action"
    assert waiting["next_action"]["type"] == "redirect_to_url"
    assert waiting["next_action"]["url"].startswith("http://127.0.0.1:8000/sandbox/")
    assert pay(api, opened, VISA, key="other").json()["code"] == "payment_in_progress"
    done = api.post(f"checkouts/{opened['id']}/confirm/", {}, key="confirm")
    assert (done.status_code, done.json()["state"]) == (200, "completed")
    assert done.json()["next_action"] is None


def test_a_step_that_was_declined(api, opened):
    pay(api, opened, STEP)
    SandboxGateway().answer_step(Payment.objects.get().pk, approve=False)
    answer = api.post(f"checkouts/{opened['id']}/confirm/", {}, key="confirm")
    assert (answer.status_code, answer.json()["decline_code"]) == (402, "authentication_failed")


def test_nothing_to_confirm(api, opened):
    answer = api.post(f"checkouts/{opened['id']}/confirm/", {}, key="confirm")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_confirm")


def test_a_provider_that_does_not_answer(api, opened, monkeypatch):
    def silent(self, request):
        raise GatewayUnavailable

    monkeypatch.setattr(SandboxGateway, "charge", silent)
    answer = pay(api, opened)
    assert (answer.status_code, answer.json()["state"]) == (202, "processing")
    assert pay(api, opened, key="other").json()["code"] == "payment_in_progress"


def test_what_changed_meanwhile_refuses_before_the_card(api, opened, ana, plan):
    PolicyFactory(tenant=ana.tenant, product=plan.product)
    answer = pay(api, opened)
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
    assert not SandboxCharge.objects.using("sandbox").exists()


# --- Its end


def test_canceled_by_its_buyer(api, opened):
    for _ in range(2):
        answer = api.post(f"checkouts/{opened['id']}/cancel/")
        assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
    assert pay(api, opened).json()["code"] == "checkout_canceled"


def test_canceling_releases_a_card_that_waits(api, opened):
    pay(api, opened, STEP)
    assert api.post(f"checkouts/{opened['id']}/cancel/").json()["state"] == "canceled"
    assert SandboxCharge.objects.using("sandbox").get().state == "canceled"


def test_a_cancel_that_the_provider_does_not_answer_changes_nothing(api, opened, monkeypatch):
    pay(api, opened, STEP)

    def silent(self, key):
        raise GatewayUnavailable

    monkeypatch.setattr(SandboxGateway, "cancel", silent)
    answer = api.post(f"checkouts/{opened['id']}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_in_progress")
    assert Checkout.objects.get().state == CheckoutState.REQUIRES_ACTION


def test_what_is_paid_is_paid(api, opened):
    pay(api, opened)
    for answer in (pay(api, opened, key="other"), api.post(f"checkouts/{opened['id']}/cancel/")):
        assert (answer.status_code, answer.json()["code"]) == (409, "checkout_completed")


def test_a_quote_holds_for_a_day(api, opened):
    Checkout.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = pay(api, opened)
    assert (answer.status_code, answer.json()["code"]) == (409, "checkout_expired")
    assert not SandboxCharge.objects.using("sandbox").exists()


# --- Whose it is


@pytest.mark.parametrize("action", ["", "pay/", "confirm/", "cancel/"])
def test_nobody_else_sees_or_pays_it(opened, ana, action):
    colleague = MembershipFactory(tenant=ana.tenant, roles=["global_admin"])
    elsewhere = GuestFactory(user=ana.user)
    for who in (colleague, elsewhere, MembershipFactory()):
        api = Api(who)
        path = f"checkouts/{opened['id']}/{action}"
        answer = api.post(path, {"payment_method": VISA}, key="k") if action else api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert Checkout.objects.get().state == CheckoutState.OPEN


def test_scopes_narrow(ana, opened):
    reading, writing = Api(ana, scopes=("purchases:read",)), Api(ana, scopes=("purchases:write",))
    assert pay(reading, opened).json()["code"] == "insufficient_scope"
    assert reading.post("checkouts/", {}, key="k").json()["code"] == "insufficient_scope"
    assert reading.get(f"checkouts/{opened['id']}/").status_code == 200
    assert writing.get(f"checkouts/{opened['id']}/").json()["code"] == "insufficient_scope"
    assert Api().post("checkouts/", {}, key="k").status_code == 401
