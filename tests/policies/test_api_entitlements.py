"""May this person use this product? As the API answers whom it asks for."""

import pytest
from django.utils import timezone

from licensing.models import Subscription
from policies.operations import governance
from policies.operations.governance import Terms
from tenants.directory.models import MemberState
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import DepartmentFactory, MembershipFactory, admin_of, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ana():
    return MembershipFactory(user__email="ana@contoso.example", name="Ana", tenant__slug="contoso")


@pytest.fixture
def cleo(ana):
    return MembershipFactory(tenant=ana.tenant, user__email="cleo@contoso.example", name="Cleo")


@pytest.fixture
def bought(ana):
    return buy(ana, plan_on_sale(product__id="CFQ7TTC0H9MP"), quantity=3, at=timezone.now())


def test_who_holds_a_seat_may_use_the_product(ana, bought):
    assert Api(ana).get("entitlements/?product=CFQ7TTC0H9MP").json() == {
        "entitled": True,
        "reason": "seat",
        "until": Api(ana).get(f"subscriptions/{bought.pk}/").json()["term_end"],
        "subscription": str(bought.pk),
    }


def test_who_holds_none_may_not(cleo, bought):
    told = Api(cleo).get("entitlements/?product=CFQ7TTC0H9MP").json()
    assert told == {"entitled": False, "reason": "no_seat", "until": None, "subscription": None}


def test_admins_ask_for_anybody_of_their_tenant(ana, cleo, bought):
    admin = Api(MembershipFactory(tenant=ana.tenant, roles=["global_reader"]))
    query = "entitlements/?product=CFQ7TTC0H9MP&user="
    assert admin.get(query + "ANA@contoso.example").json()["entitled"] is True
    Subscription.objects.update(state="disabled")
    assert admin.get(query + "ana@contoso.example").json()["reason"] == "subscription_disabled"
    ana.state = MemberState.LEFT
    ana.save()
    assert admin.get(query + "ana@contoso.example").json()["reason"] == "member_not_active"
    for email in (MembershipFactory().user.email, "nobody@nowhere.example"):
        assert errors(admin.get(query + email)) == [("user", "does_not_exist")]


def test_others_ask_for_themselves_only(ana, cleo, bought):
    assert Api(ana).get("entitlements/?product=CFQ7TTC0H9MP&user=ana@contoso.example").status_code == 200
    for email in ("ana@contoso.example", "nobody@nowhere.example"):
        answer = Api(cleo).get(f"entitlements/?product=CFQ7TTC0H9MP&user={email}")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ("product", "required")),
        ("product=", ("product", "blank")),
        ("product=NONE", ("product", "does_not_exist")),
        ("product=" + "x" * 41, ("product", "max_length")),
        ("product=CFQ7TTC0H9MP&user=x", ("user", "invalid")),
        ("product=CFQ7TTC0H9MP&seat=x", ("seat", "unknown_field")),
    ],
)
def test_entitlements_refuse_a_bad_question(ana, bought, query, expected):
    assert errors(Api(ana).get(f"entitlements/?{query}")) == [expected]


def test_an_access_policy_shuts_out_whoever_holds_a_seat_but_those_it_names(ana, bought):
    department = DepartmentFactory(tenant=ana.tenant)
    terms = Terms(name="Sales only", kind="access", departments=[department])
    policy = governance.add(tenant=ana.tenant, terms=terms, by=admin_of(ana.tenant), at=timezone.now())
    path = "entitlements/?product=CFQ7TTC0H9MP"
    shut_out = {"entitled": False, "reason": "access_policy", "until": None, "subscription": None}
    assert Api(ana).get(path).json() == shut_out
    ana.department = department
    ana.save()
    assert Api(ana).get(path).json()["reason"] == "seat"
    governance.change(policy=policy, departments=[], by=admin_of(ana.tenant), at=timezone.now())
    assert Api(ana).get(path).json() == shut_out
    governance.remove(policy=policy, by=admin_of(ana.tenant), at=timezone.now())
    assert Api(ana).get(path).json()["entitled"] is True
