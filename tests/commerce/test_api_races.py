"""Equal calls at one moment: one purchase, one charge, one answer."""

import pytest
from django.utils import timezone

from commerce.models import Checkout, Payment
from commerce.models.sandbox import SandboxCharge
from licensing.models import Subscription
from tests.callers import Api
from tests.factories import MembershipFactory, open_checkout, plan_on_sale
from tests.race import at_once

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

TWENTY = range(20)


def assert_one_answer(answers, status):
    """The call that ran, the same bytes for whoever came after it, and `in use` for whoever came meanwhile."""
    done = [answer for answer in answers if answer.status_code == status]
    told_to_wait = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(told_to_wait) == len(answers)
    assert len({answer.content for answer in done}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in done) == 1
    assert {answer.json()["code"] for answer in told_to_wait} <= {"idempotency_key_in_use"}
    assert all(answer["Retry-After"] for answer in told_to_wait)


def test_twenty_equal_checkouts_with_one_key_make_one_purchase():
    plan, ana = plan_on_sale(), MembershipFactory()
    apis = [Api(ana) for _ in TWENTY]
    opened = at_once(lambda api: api.post("checkouts/", {"plan": plan.pk, "quantity": 2}, key="open"), apis)
    assert_one_answer(opened, 201)
    checkout = Checkout.objects.get()
    body = {"payment_method": "pm_card_visa"}
    paid = at_once(lambda api: api.post(f"checkouts/{checkout.pk}/pay/", body, key="pay"), apis)
    assert_one_answer(paid, 200)
    assert (Subscription.objects.count(), Payment.objects.count()) == (1, 1)
    assert SandboxCharge.objects.using("sandbox").count() == 1


def test_twenty_cards_at_once_with_keys_of_their_own_charge_once():
    ana = MembershipFactory()
    checkout = open_checkout(ana, plan_on_sale(), at=timezone.now())
    calls = [(Api(ana), f"pay-{n}") for n in TWENTY]
    body = {"payment_method": "pm_card_visa"}
    answers = at_once(lambda call: call[0].post(f"checkouts/{checkout.pk}/pay/", body, key=call[1]), calls)
    codes = [answer.json().get("code") for answer in answers if answer.status_code != 200]
    assert len(codes) == 19
    assert set(codes) <= {"payment_in_progress", "checkout_completed"}
    assert (Subscription.objects.count(), SandboxCharge.objects.using("sandbox").count()) == (1, 1)


def test_twenty_cancellations_with_one_key_give_money_back_once():
    plan, ana = plan_on_sale(), MembershipFactory()
    opened = Api(ana).post("checkouts/", {"plan": plan.pk, "quantity": 2}, key="open").json()
    paid = Api(ana).post(f"checkouts/{opened['id']}/pay/", {"payment_method": "pm_card_visa"}, key="pay").json()
    apis = [Api(ana) for _ in TWENTY]
    path, body = f"subscriptions/{paid['subscription']}/cancel/", {"reason": "No need"}
    assert_one_answer(at_once(lambda api: api.post(path, body, key="cancel"), apis), 200)
    charge = SandboxCharge.objects.using("sandbox").get()
    assert 0 < charge.refunded <= charge.amount
    assert charge.refunds.count() == 1


def test_the_control_without_the_same_key_opens_twenty():
    plan, ana = plan_on_sale(), MembershipFactory()
    calls = [(Api(ana), f"open-{n}") for n in TWENTY]
    at_once(lambda call: call[0].post("checkouts/", {"plan": plan.pk, "quantity": 2}, key=call[1]), calls)
    assert Checkout.objects.count() == 20
