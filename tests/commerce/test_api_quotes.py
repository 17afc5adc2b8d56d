"""A quote by API: its lines and total, and everything that stands in its way."""

from decimal import Decimal

import pytest

from commerce.models import Checkout
from tenants.directory.models import MemberState
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import GuestFactory, MembershipFactory, PolicyFactory, PriceFactory, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana():
    return MembershipFactory(
        user__email="ana@contoso.example", tenant__slug="contoso", tenant__contact_url="https://it.example/"
    )


def test_a_quote_has_its_lines_and_total(opened):
    usd = {"currency": "USD"}
    quote = opened["quote"]
    ends_at = quote.pop("ends_at")
    assert ends_at > opened["created_at"]
    assert quote.pop("next_charge_at")
    assert quote == {
        "lines": [
            {
                "product": {"id": "CFQ7TTC0H9MP", "name": "Power BI Pro", "family": "power-bi"},
                "plan": "power-bi-pro-monthly",
                "quantity": 2,
                "unit_price": {"amount": "9.99"} | usd,
                "amount": {"amount": "19.98"} | usd,
                "tax": {"amount": "0.00"} | usd,
            }
        ],
        "unit_price": {"amount": "9.99"} | usd,
        "quantity": 2,
        "subtotal": {"amount": "19.98"} | usd,
        "tax": {"amount": "0.00"} | usd,
        "tax_terms": None,
        "total": {"amount": "19.98"} | usd,
        "next_charge_total": {"amount": "19.98"} | usd,
        "trial": False,
        "needs_approval": False,
        "reasons": [],
        "governance": [],
    }
    assert (opened["state"], opened["free_seats"]) == ("open", [])
    assert (opened["subscription"], opened["order"], opened["next_action"]) == (None, None, None)


def test_a_quote_reads_the_same_every_time(api, opened):
    # But for the end of a term that would start now.
    assert opened["quote"].pop("ends_at")
    assert opened["quote"].pop("next_charge_at")
    for _ in range(2):
        again = api.get(f"checkouts/{opened['id']}/").json()
        assert again["quote"].pop("ends_at")
        assert again["quote"].pop("next_charge_at")
        assert again == opened


@pytest.mark.parametrize(
    ("country", "currency", "amount", "total"), [("JP", "JPY", "1500", "4500"), ("KW", "KWD", "3.075", "9.225")]
)
def test_money_has_the_digits_of_its_currency(country, currency, amount, total):
    plan = plan_on_sale(country=country)
    PriceFactory(plan=plan, currency=currency, amount=Decimal(amount))
    quote = Api(MembershipFactory(tenant__country=country)).post(
        "checkouts/", {"plan": plan.pk, "quantity": 3}, key="k"
    )
    assert quote.json()["quote"]["total"] == {"amount": total, "currency": currency}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("plan", "required"), ("quantity", "required")]),
        ({"quantity": 1}, [("plan", "required")]),
        ({"plan": "no-such-plan", "quantity": 1}, [("plan", "does_not_exist")]),
        ({"plan": None, "quantity": 1}, [("plan", "null")]),
        ({"plan": ["x"], "quantity": 1}, [("plan", "invalid")]),
        ({"plan": "x" * 100_000, "quantity": 1}, [("plan", "max_length")]),
        ({"plan": "x\0y", "quantity": 1}, [("plan", "character_not_allowed")]),
        ({"plan": "power-bi-pro-monthly", "quantity": "many"}, [("quantity", "invalid")]),
        ({"plan": "power-bi-pro-monthly", "quantity": 1.5}, [("quantity", "invalid")]),
        ({"plan": "power-bi-pro-monthly", "quantity": True}, [("quantity", "invalid")]),
        ({"plan": "power-bi-pro-monthly", "quantity": {}}, [("quantity", "invalid")]),
        ({"plan": "x", "quantity": 1, "trial": "for_ever"}, [("trial", "invalid_choice")]),
        ({"plan": "power-bi-pro-monthly", "quantity": 1, "tenant": "fabrikam"}, [("tenant", "unknown_field")]),
        ({"plan": "power-bi-pro-monthly", "quantity": 1, "assign_to": "ana"}, [("assign_to", "not_a_list")]),
        ({"plan": "power-bi-pro-monthly", "quantity": 1, "assign_to": ["x"]}, [("assign_to.0", "invalid")]),
        ({"plan": "power-bi-pro-monthly", "quantity": 1, "assign_to": ["x@y.z.io"]}, [("assign_to", "not_a_member")]),
    ],
)  # fmt: skip
def test_refuses_a_quote_that_can_never_be_right(api, plan, body, expected):
    assert errors(api.post("checkouts/", body, key="k")) == expected
    assert not Checkout.objects.exists()


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "null", "NaN", b"\xff\xfe", "[" * 10_000, "9" * 5_000])
def test_a_broken_body_is_told_and_nothing_is_written(api, plan, body):
    answer = api.call("POST", "checkouts/", body, key="k")
    assert answer.status_code == 400, answer.content
    assert not Checkout.objects.exists()


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 10**30, 10**400])
def test_refuses_a_quantity_out_of_range_with_the_rules_own_code(api, plan, quantity):
    answer = api.post("checkouts/", {"plan": plan.pk, "quantity": quantity}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["quantity_out_of_range"]


def test_a_refusal_names_every_reason_and_the_contact(plan, ana):
    PolicyFactory(tenant=ana.tenant, product=plan.product)
    answer = Api(ana).post("checkouts/", {"plan": plan.pk, "quantity": 0}, key="k")
    assert answer.status_code == 403
    told = answer.json()
    assert told["code"] == "purchase_refused"
    assert [reason["code"] for reason in told["reasons"]] == ["policy_disabled", "quantity_out_of_range"]
    assert all(reason["detail"] for reason in told["reasons"])
    assert told["contact"] == {"email": "it@contoso.example", "url": "https://it.example/", "message": ""}
    assert not Checkout.objects.exists()


def test_a_guest_is_refused_by_the_rule(plan, ana):
    answer = Api(GuestFactory(tenant=ana.tenant)).post("checkouts/", {"plan": plan.pk, "quantity": 1}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (403, "purchase_refused")
    assert answer.json()["reasons"][0]["code"] == "guest_user"


def test_people_of_elsewhere_guests_and_strangers_are_no_members_alike(api, plan, ana):
    others = [MembershipFactory(), GuestFactory(tenant=ana.tenant)]
    for email in [m.user.email for m in others] + ["nobody@nowhere.example"]:
        answer = api.post("checkouts/", {"plan": plan.pk, "quantity": 1, "assign_to": [email]}, key="k")
        assert errors(answer) == [("assign_to", "not_a_member")]
    gone = MembershipFactory(tenant=ana.tenant, state=MemberState.DISABLED)
    answer = api.post("checkouts/", {"plan": plan.pk, "quantity": 1, "assign_to": [gone.user.email]}, key="k")
    assert errors(answer) == [("assign_to", "member_not_active")]


def test_names_no_more_people_than_seats(api, plan, ana):
    people = [ana.user.email, MembershipFactory(tenant=ana.tenant).user.email]
    answer = api.post("checkouts/", {"plan": plan.pk, "quantity": 1, "assign_to": people}, key="k")
    assert errors(answer) == [("assign_to", "too_many")]
