"""Paying an open invoice by API."""

from datetime import timedelta

import pytest
from django.utils import timezone

from commerce.models import Invoice, Order
from tenants.api.models import IdempotencyKey
from tests import ledger
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import GuestFactory, MembershipFactory, buy, buy_centrally

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

VISA, DECLINED, STEP = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"
NEVER = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


@pytest.fixture
def invoice(bill, plan):
    """USD 17.98, open."""
    return Invoice.objects.get(order__subscription=buy_centrally(bill, plan, at=timezone.now()))


def pay(who, invoice, card=VISA, key="pay"):
    pk = getattr(invoice, "pk", invoice)
    return Api(who).post(f"invoices/{pk}/pay/", {"payment_method": card}, key=key)


def test_tells_what_is_due_and_until_when(bill, invoice):
    [told] = Api(bill).get("invoices/").json()["results"]
    assert (told["state"], told["amount_due"]) == ("open", {"amount": "17.98", "currency": "USD"})
    assert told["due_at"].startswith((timezone.now() + timedelta(days=30)).date().isoformat())
    paid = pay(bill, invoice)
    assert paid.status_code == 200, paid.content
    assert (paid.json()["state"], paid.json()["amount_due"]["amount"]) == ("paid", "0.00")
    assert paid.json() == Api(bill).get("invoices/").json()["results"][0]


def test_what_a_card_paid_at_once_was_never_due(ana, plan):
    buy(ana, plan, at=timezone.now())
    [told] = Api(ana).get("invoices/").json()["results"]
    assert (told["state"], told["due_at"], told["amount_due"]["amount"]) == ("paid", None, "0.00")
    answer = pay(ana, told["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "invoice_already_paid")


def test_a_declined_card_leaves_it_open(bill, invoice):
    answer = pay(bill, invoice, DECLINED)
    assert (answer.status_code, answer.json()["code"]) == (402, "card_declined")
    assert pay(bill, invoice, key="another").status_code == 200
    assert len(ledger.captured()) == 1


def test_a_step_of_the_cardholder_is_done_and_confirmed_by_who_pays(tenant, bill, invoice):
    other = MembershipFactory(tenant=tenant, roles=["billing_admin"])
    answer = pay(other, invoice, STEP)
    assert (answer.status_code, answer.json()["state"]) == (202, "requires_action")
    busy = pay(bill, invoice)
    assert (busy.status_code, busy.json()["code"]) == (409, "payment_in_progress")
    third = MembershipFactory(tenant=tenant, roles=["billing_admin"])
    path = f"orders/{answer.json()['order']}/confirm/"
    assert Api(third).post(path, key="k").status_code == 403
    assert Api(other).post(path, key="k").json()["state"] == "paid"


def test_the_same_key_pays_once_and_a_call_that_died_finds_what_it_did(bill, invoice):
    first, second = pay(bill, invoice), pay(bill, invoice)
    assert second.content == first.content
    IdempotencyKey.objects.update(status=None, leased_until=timezone.now() - timedelta(seconds=1))
    again = pay(bill, invoice)
    assert (again.status_code, again.json()["state"]) == (200, "paid")
    assert len(ledger.captured()) == 1
    twice = pay(bill, invoice, key="another")
    assert (twice.status_code, twice.json()["code"]) == (409, "invoice_already_paid")
    assert pay(bill, invoice, key=None).json()["code"] == "idempotency_key_missing"


@pytest.mark.parametrize(
    "role, status",
    [
        ("global_admin", 200),
        ("billing_admin", 200),
        ("global_reader", 403),
        ("license_admin", 404),
        ("user_admin", 404),
    ],
)
def test_each_role(tenant, invoice, role, status):
    assert pay(MembershipFactory(tenant=tenant, roles=[role]), invoice).status_code == status
    assert Order.objects.get().state == ("paid" if status == 200 else "invoiced")


def test_others_find_nothing(tenant, invoice):
    for who in (
        MembershipFactory(tenant=tenant),
        GuestFactory(tenant=tenant),
        MembershipFactory(roles=["global_admin"]),
    ):
        assert pay(who, invoice).status_code == 404
    assert ledger.captured() == []


def test_what_can_never_be_right(bill, invoice):
    path = f"invoices/{invoice.pk}/pay/"
    assert errors(Api(bill).post(path, {}, key="k")) == [("payment_method", "required")]
    assert errors(Api(bill).post(path, {"payment_method": VISA, "amount": "1"}, key="k")) == [
        ("amount", "unknown_field")
    ]
    assert pay(bill, invoice, "pm_nonsense").json()["code"] == "payment_method_not_accepted"
    assert pay(bill, NEVER).status_code == 404
