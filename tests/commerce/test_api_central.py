"""Central orders by API: what they cost and bring, who orders, and one key that orders once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from commerce.gateways.protocol import GatewayUnavailable
from commerce.gateways.sandbox import SandboxGateway
from commerce.models import Order, Payment, PaymentMethod
from commerce.operations.buying import central
from commerce.operations.paying import charging, open_orders
from licensing.models import Subscription
from tenants.api.models import IdempotencyKey
from tests import ledger
from tests.callers import Api
from tests.commerce.conftest import all_is_well, errors, ids
from tests.factories import GuestFactory, MembershipFactory, OperatorFactory, TaxRateFactory, TenantFactory, agree

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEVER = "01890000-0000-7000-8000-000000000000"
VISA, DECLINED, STEP = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired"


def order(api, plan, key="order", **body):
    return api.post("subscriptions/", {"plan": plan.pk, "quantity": 10, **body}, key=key)


class TestOrdering:
    def test_by_an_agreement_it_is_there_at_once(self, bill, office, agreement):
        answer = order(Api(bill), office, agreement=str(agreement.pk))
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert {name: told[name] for name in ("channel", "state", "owner", "payer", "quantity", "seats_assigned")} == {
            "channel": "central",
            "state": "active",
            "owner": None,
            "payer": None,
            "quantity": 10,
            "seats_assigned": 0,
        }
        assert told["purchaser"] == {"email": "bill@contoso.example", "name": "Bill"}
        assert told["unit_price"] == {"amount": "9.00", "currency": "USD"}
        assert told == Api(bill).get(f"subscriptions/{told['id']}/").json()
        assert Order.objects.get().state == "invoiced"

    def test_with_a_card_too(self, bill, office):
        answer = order(Api(bill), office, payment_method=VISA)
        assert answer.status_code == 201, answer.content
        assert ledger.captured() == [Decimal("105.00")]
        kept = str(PaymentMethod.objects.get(member=None).pk)
        assert order(Api(bill), office, key="again", payment_method=kept).status_code == 201
        assert all_is_well()

    def test_a_preview_tells_what_it_costs_and_orders_nothing(self, tenant, bill, office, agreement):
        TaxRateFactory(country="US", rate=Decimal("0.10"), name="Sales tax")
        sent = {"plan": office.pk, "quantity": 10, "agreement": str(agreement.pk), "preview": True}
        told = Api(bill).post("subscriptions/", sent).json()
        assert told["product"]["name"] == "Office suite"
        amounts = {name: told[name]["amount"] for name in ("unit_price", "subtotal", "tax", "total")}
        assert amounts == {"unit_price": "9.00", "subtotal": "90.00", "tax": "9.00", "total": "99.00"}
        assert told["tax_terms"]["rate"] == "0.1"
        assert not Order.objects.exists()

    def test_a_step_of_the_cardholder_is_told_with_the_order(self, bill, office):
        api = Api(bill)
        answer = order(api, office, payment_method=STEP)
        assert answer.status_code == 202, answer.content
        told = answer.json()
        assert (told["state"], told["next_action"]["type"]) == ("requires_action", "redirect_to_url")
        assert api.get(f"orders/{told['order']}/").json()["state"] == "pending"
        confirmed = api.post(f"orders/{told['order']}/confirm/", key="confirm")
        assert confirmed.status_code == 200, confirmed.content
        bought = api.get(f"subscriptions/{confirmed.json()['subscription']}/").json()
        assert (bought["channel"], bought["owner"]) == ("central", None)
        assert all_is_well()

    def test_an_answer_that_is_not_known_yet_is_told_as_such(self, bill, office, monkeypatch):
        def unreachable(*args, **options):
            raise GatewayUnavailable

        monkeypatch.setattr(SandboxGateway, "charge", unreachable)
        answer = order(Api(bill), office, payment_method=VISA)
        assert answer.status_code == 202
        assert answer.json() == {"order": str(Order.objects.get().pk), "state": "processing", "next_action": None}

    def test_money_that_came_wrongly_is_told_by_name_and_not_waited_for(self, bill, office, monkeypatch):
        charge = SandboxGateway.charge

        def more(self, request):
            return replace(charge(self, request), amount=request.amount + 1)

        monkeypatch.setattr(SandboxGateway, "charge", more)
        answer = order(Api(bill), office, payment_method=VISA)
        assert (answer.status_code, answer.json()["code"]) == (409, "payment_set_aside")
        assert not Subscription.objects.exists()
        placed = Order.objects.get()
        assert placed.state == "canceled"
        with pytest.raises(charging.PaymentSetAside):
            open_orders.outcome(placed.pk)
        Payment.objects.update(state="surplus")
        with pytest.raises(charging.PaymentNotNeeded):
            open_orders.outcome(placed.pk)

    def test_a_declined_card(self, bill, office):
        answer = order(Api(bill), office, payment_method=DECLINED)
        assert (answer.status_code, answer.json()["code"]) == (402, "card_declined")
        assert answer.json()["decline_code"] == "generic_decline"
        assert not Subscription.objects.exists()

    @pytest.mark.parametrize(
        "wrong, expected",
        [
            ({"plan": "none"}, [("plan", "does_not_exist")]),
            ({"quantity": 0}, [("quantity", "quantity_out_of_range")]),
            ({"quantity": 10_001}, [("quantity", "quantity_out_of_range")]),
            ({"quantity": "many"}, [("quantity", "invalid")]),
            ({"agreement": NEVER}, [("agreement", "does_not_exist")]),
            ({"agreement": "x"}, [("agreement", "invalid")]),
            ({"agreement": None}, [("agreement", "null")]),
            ({"owner": "me"}, [("owner", "unknown_field")]),
        ],
    )
    def test_what_can_never_be_right(self, bill, office, agreement, wrong, expected):
        sent = {"plan": office.pk, "quantity": 1, "agreement": str(agreement.pk)} | wrong
        for preview in (False, True):
            answer = Api(bill).post("subscriptions/", {**sent, "preview": preview}, key=None if preview else "k")
            assert errors(answer) == expected
        assert not Order.objects.exists()

    def test_neither_agreement_nor_card(self, bill, office):
        assert errors(order(Api(bill), office)) == [("payment_method", "required")]
        answer = order(Api(bill), office, payment_method="pm_nonsense")
        assert (answer.status_code, answer.json()["code"]) == (400, "payment_method_not_accepted")

    def test_another_tenants_agreement_is_as_one_that_never_was(self, bill, office):
        foreign = agree(TenantFactory())
        answer = order(Api(bill), office, agreement=str(foreign.pk))
        assert errors(answer) == [("agreement", "does_not_exist")]

    @pytest.mark.parametrize(
        "terms, code",
        [({"pay_by_invoice": False}, "not_paid_by_invoice"), ({"valid_to": "2026-02-01"}, "agreement_not_in_force")],
    )
    def test_an_agreement_that_does_not_serve(self, tenant, bill, office, terms, code):
        if "valid_to" in terms:
            terms = {
                "valid_to": timezone.now().date() - timedelta(days=1),
                "valid_from": timezone.now().date() - timedelta(days=9),
            }
        made = agree(tenant, **terms)
        answer = order(Api(bill), office, agreement=str(made.pk))
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert not Order.objects.exists()

    def test_a_plan_without_a_central_price(self, bill, plan, agreement):
        answer = order(Api(bill), plan, agreement=str(agreement.pk))
        assert (answer.status_code, answer.json()["code"]) == (409, "not_priced")


class TestWho:
    @pytest.mark.parametrize(
        "role, status",
        [
            ("global_admin", 201),
            ("billing_admin", 201),
            ("license_admin", 403),
            ("user_admin", 403),
            ("global_reader", 403),
        ],
    )
    def test_each_role(self, tenant, office, agreement, role, status):
        api = Api(MembershipFactory(tenant=tenant, roles=[role]))
        assert order(api, office, agreement=str(agreement.pk)).status_code == status
        assert Subscription.objects.count() == (1 if status == 201 else 0)

    def test_nobody_without_a_role_nor_a_guest_nor_an_operator(self, tenant, office, agreement):
        for who in (MembershipFactory(tenant=tenant), GuestFactory(tenant=tenant), OperatorFactory()):
            assert order(Api(who), office, agreement=str(agreement.pk)).status_code == 403
        assert not Order.objects.exists()

    def test_scopes_narrow(self, bill, office, agreement):
        answer = order(Api(bill, scopes=["purchases:read"]), office, agreement=str(agreement.pk))
        assert answer.json()["code"] == "insufficient_scope"


class TestTheKey:
    def test_is_needed_and_repeats_the_answer_byte_for_byte(self, bill, office, agreement):
        api = Api(bill)
        assert order(api, office, key=None, agreement=str(agreement.pk)).json()["code"] == "idempotency_key_missing"
        first, second = (order(api, office, agreement=str(agreement.pk)) for _ in range(2))
        assert (first.status_code, second.content) == (201, first.content)
        assert second["Idempotent-Replayed"] == "true"
        assert Subscription.objects.count() == 1

    @pytest.mark.parametrize("means", ["agreement", "payment_method"])
    def test_of_a_call_that_died_after_its_work_finds_the_order(self, bill, office, agreement, means):
        sent = {means: str(agreement.pk) if means == "agreement" else VISA}
        first = order(Api(bill), office, **sent)
        self.died()
        again = order(Api(bill), office, **sent)
        assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
        assert (Subscription.objects.count(), len(ledger.captured())) == (1, 0 if means == "agreement" else 1)

    def test_of_a_call_that_died_with_a_declined_card_says_so_again(self, bill, office):
        order(Api(bill), office, payment_method=DECLINED)
        self.died()
        assert order(Api(bill), office, payment_method=DECLINED).status_code == 402
        assert Payment.objects.count() == 1

    def test_of_a_call_that_died_before_the_card_was_sent_waits_for_the_sweep(self, bill, office, monkeypatch):
        class Died(BaseException):
            pass

        def killed(**options):
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(central.charging, "send", killed)
            with pytest.raises(Died):
                order(Api(bill), office, payment_method=VISA)
        # Nothing could free the key of a process that is gone.
        assert Order.objects.get().state == "pending"
        assert ledger.captured() == []

    def died(self):
        IdempotencyKey.objects.update(status=None, leased_until=timezone.now() - timedelta(seconds=1))


def test_orders_and_invoices_are_read_by_those_who_know_prices_and_by_who_bought(tenant, bill, office, agreement):
    order(Api(bill), office, agreement=str(agreement.pk))
    sees = {"global_admin": 1, "billing_admin": 1, "global_reader": 1, "license_admin": 0, "user_admin": 0}
    for role, number in sees.items():
        api = Api(MembershipFactory(tenant=tenant, roles=[role]))
        assert [len(ids(api.get(path))) for path in ("orders/", "invoices/")] == [number, number], role
    bill.role_grants.all().delete()
    assert [len(ids(Api(bill).get(path))) for path in ("orders/", "invoices/")] == [1, 1]
    [row] = Api(bill).get("orders/").json()["results"]
    assert (row["state"], row["checkout"], row["payments"]) == ("invoiced", None, [])
