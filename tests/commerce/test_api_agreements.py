"""Agreements by API: who reads and writes them, and what only the operator gives."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import Agreement
from tests.callers import Api
from tests.commerce.conftest import errors, ids
from tests.factories import (
    GuestFactory,
    MembershipFactory,
    OperatorFactory,
    PlanFactory,
    TenantFactory,
    agree,
    price_centrally,
)

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEVER = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
def plan():
    return price_centrally(PlanFactory(product__slug="office-suite"))


@pytest.fixture
def bill(tenant):
    return MembershipFactory(tenant=tenant, roles=["billing_admin"])


def body(plan, amount="8.99", currency="USD", **more):
    price = {"plan": plan.pk, "price": {"amount": amount, "currency": currency}}
    return {"name": "Volume 2026", "valid_from": "2026-01-01", "prices": [price], **more}


class TestWriting:
    def test_adds_one_at_list_prices(self, bill, plan):
        answer = Api(bill).post("agreements/", body(plan, valid_to="2027-01-01"))
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert told.pop("created_at")
        assert told.pop("id") == str(Agreement.objects.get().pk)
        assert told == {
            "name": "Volume 2026",
            "currency": "USD",
            "valid_from": "2026-01-01",
            "valid_to": "2027-01-01",
            "pay_by_invoice": False,
            "payment_days": 30,
            "prices": [{"plan": plan.pk, "price": {"amount": "8.99", "currency": "USD"}}],
        }

    def test_changes_what_is_sent_and_leaves_the_rest(self, tenant, bill, plan):
        made = agree(tenant, prices=[(plan, "5.00")])
        path = f"agreements/{made.pk}/"
        told = Api(bill).patch(path, {"name": "Framework", "payment_days": 14}).json()
        assert (told["name"], told["payment_days"], told["pay_by_invoice"]) == ("Framework", 14, True)
        assert told["prices"][0]["price"]["amount"] == "5.00"
        told = Api(bill).patch(path, {"prices": [], "valid_to": "2026-12-31"}).json()
        assert (told["prices"], told["valid_to"]) == ([], "2026-12-31")
        assert Api(bill).get(path).json() == told

    @pytest.mark.parametrize("more", [{"pay_by_invoice": True}, {"amount": "8.98"}])
    def test_what_only_the_operator_gives_is_refused_by_name(self, bill, plan, more):
        answer = Api(bill).post("agreements/", body(plan, **more))
        assert (answer.status_code, answer.json()["code"]) == (403, "needs_operator")
        assert not Agreement.objects.exists()

    def test_a_name_that_is_taken(self, tenant, bill, plan):
        agree(tenant, name="Volume 2026")
        answer = Api(bill).post("agreements/", body(plan))
        assert (answer.status_code, answer.json()["code"]) == (409, "agreement_exists")

    @pytest.mark.parametrize(
        "wrong, expected",
        [
            ({"name": ""}, [("name", "blank")]),
            ({"name": "a\tb"}, [("name", "character_not_allowed")]),
            ({"valid_from": "soon"}, [("valid_from", "invalid")]),
            ({"valid_to": "2026-01-01"}, [("valid_to", "ends_before_it_begins")]),
            ({"payment_days": 400}, [("payment_days", "max_value")]),
            ({"pay_by_invoice": "yes"}, [("pay_by_invoice", "invalid")]),
            ({"currency": "usd"}, [("currency", "invalid")]),
            ({"currency": "XXX"}, [("prices.0.price.currency", "wrong_currency")]),
            ({"currency": "XXX", "prices": []}, [("currency", "does_not_exist")]),
            ({"prices": "all"}, [("prices", "not_a_list")]),
            (
                {"prices": [{"plan": "none", "price": {"amount": "1", "currency": "USD"}}]},
                [("prices", "does_not_exist")],
            ),
            ({"prices": [{"plan": "none", "price": "1"}]}, [("prices.0.price", "invalid")]),
            ({"state": "signed"}, [("state", "unknown_field")]),
        ],
    )
    def test_what_can_never_be_right(self, bill, plan, wrong, expected):
        assert errors(Api(bill).post("agreements/", body(plan) | wrong)) == expected
        assert not Agreement.objects.exists()

    @pytest.mark.parametrize("amount", ["0", "-1", "8.999", "NaN", "1e3", "x", ""])
    def test_an_amount_that_is_none(self, bill, plan, amount):
        assert errors(Api(bill).post("agreements/", body(plan, amount=amount)))
        assert not Agreement.objects.exists()

    def test_a_plan_twice_and_another_currency(self, tenant, bill, plan):
        twice = body(plan)["prices"] * 2
        assert errors(Api(bill).post("agreements/", body(plan, prices=twice))) == [("prices.1.plan", "twice")]
        made = agree(tenant)
        answer = Api(bill).patch(f"agreements/{made.pk}/", {"prices": body(plan, currency="EUR")["prices"]})
        assert errors(answer) == [("prices.0.price.currency", "wrong_currency")]
        assert errors(Api(bill).patch(f"agreements/{made.pk}/", {"currency": "EUR"})) == [("currency", "unknown_field")]

    def test_yen_have_no_minor_unit_and_dinars_three_digits(self, plan):
        for country, currency, amount, said in (("JP", "JPY", "1000", "1000"), ("KW", "KWD", "3.125", "3.125")):
            price_centrally(plan, amount, currency)
            bill = MembershipFactory(tenant=TenantFactory(country=country), roles=["billing_admin"])
            told = Api(bill).post("agreements/", body(plan, amount, currency)).json()
            assert (told["currency"], told["prices"][0]["price"]["amount"]) == (currency, said)
            assert Decimal(said) == Agreement.objects.get(tenant=bill.tenant).prices.get().amount


class TestWho:
    MAY = {
        "global_admin": (200, 200, 201),
        "billing_admin": (200, 200, 201),
        "global_reader": (200, 403, 403),
        "license_admin": (403, 403, 403),
        "user_admin": (403, 403, 403),
    }

    @pytest.mark.parametrize("role", MAY)
    def test_each_role(self, tenant, plan, role):
        made = agree(tenant, name="Before")
        api = Api(MembershipFactory(tenant=tenant, roles=[role]))
        reads, changes, adds = self.MAY[role]
        assert api.get("agreements/").status_code == api.get(f"agreements/{made.pk}/").status_code == reads
        assert api.patch(f"agreements/{made.pk}/", {"payment_days": 7}).status_code == changes
        assert api.post("agreements/", body(plan)).status_code == adds

    def test_nobody_without_a_role_nor_a_guest_nor_an_operator(self, tenant, plan):
        made = agree(tenant)
        for who in (MembershipFactory(tenant=tenant), GuestFactory(tenant=tenant), OperatorFactory()):
            api = Api(who)
            assert api.get("agreements/").status_code == 403
            assert api.post("agreements/", body(plan)).status_code == 403
            assert api.patch(f"agreements/{made.pk}/", {"name": "x"}).status_code == 403

    def test_another_tenants_is_as_one_that_never_was(self, bill, plan):
        agree(bill.tenant)
        foreign, api = agree(TenantFactory()), Api(bill)
        for pk in (foreign.pk, NEVER):
            assert api.get(f"agreements/{pk}/").status_code == 404
            assert api.patch(f"agreements/{pk}/", {"name": "x"}).status_code == 404
        assert ids(api.get("agreements/")) == [str(Agreement.objects.get(tenant=bill.tenant).pk)]

    def test_scopes_narrow(self, bill, plan):
        reads, writes = Api(bill, scopes=["purchases:read"]), Api(bill, scopes=["purchases:write"])
        assert reads.get("agreements/").status_code == 200
        assert reads.post("agreements/", body(plan)).json()["code"] == "insufficient_scope"
        assert writes.get("agreements/").json()["code"] == "insufficient_scope"
        assert writes.post("agreements/", body(plan)).status_code == 201


def test_a_list_costs_the_same_with_one_and_with_thirty(bill, plan):
    api = Api(bill)

    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert api.get("agreements/").status_code == 200
        return len(queries)

    agree(bill.tenant, name="first", prices=[(plan, "1.00")])
    one = cost()
    for number in range(29):
        agree(bill.tenant, name=f"{number}", prices=[(plan, "1.00"), (PlanFactory(), "2.00")])
    assert cost() == one
    assert len(ids(api.get("agreements/"))) == 30
