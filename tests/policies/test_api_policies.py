"""Decisions, policies of products and markets by API."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.models import Market, Policy
from tenants.directory.models import MemberState
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import (
    FamilyFactory,
    GuestFactory,
    MarketFactory,
    MembershipFactory,
    OperatorFactory,
    PolicyFactory,
    ProductFactory,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db

PRODUCT = "CFQ7TTC0H9MP"


@pytest.fixture
def plan():
    return plan_on_sale(product__id=PRODUCT, product__name="Power BI Pro", product__family__slug="power-bi")


@pytest.fixture
def ana():
    return MembershipFactory(user__email="ana@contoso.example", tenant__slug="contoso")


@pytest.fixture
def admin(ana):
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"], user__email="admin@contoso.example")


def errors(answer):
    assert answer.status_code == 400, answer.content
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


# --- Eligibility


def test_explains_every_rule(ana, admin, plan):
    answer = Api(ana).get(f"products/{PRODUCT}/eligibility/")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["outcome"], told["reasons"]) == ("allowed", [])
    assert told["contact"] == {"email": "it@contoso.example", "url": "", "message": ""}
    assert all(rule["passed"] and rule["code"] is None for rule in told["rules"])
    assert all(set(rule["source"]) == {"level", "id", "set_by", "set_at"} for rule in told["rules"])
    market = next(rule for rule in told["rules"] if rule["rule"] == "market_is_open")
    assert market["source"] == {"level": "market", "id": None, "set_by": None, "set_at": None}
    told = Api(admin).get(f"products/{PRODUCT}/eligibility/").json()
    market = next(rule for rule in told["rules"] if rule["rule"] == "market_is_open")
    assert market["source"] == {"level": "market", "id": str(Market.objects.get().pk), "set_by": None, "set_at": None}


def test_names_the_row_that_forbids(ana, admin, plan):
    Api(admin).put(f"policies/products/{PRODUCT}/", {"value": "disabled", "reason": "Not now"})
    told = Api(admin).get(f"products/{PRODUCT}/eligibility/?user=ana@contoso.example").json()
    assert told["outcome"] == "refused"
    assert [reason["code"] for reason in told["reasons"]] == ["policy_disabled"]
    [failed] = [rule for rule in told["rules"] if not rule["passed"]]
    row = Policy.objects.get()
    assert (failed["rule"], failed["code"]) == ("policy_allows", "policy_disabled")
    assert (failed["source"]["level"], failed["source"]["id"]) == ("product", str(row.pk))
    assert failed["source"]["set_by"] == "admin@contoso.example"
    assert failed["source"]["set_at"]


def test_a_quantity_asks_its_rule_too(ana, plan):
    told = Api(ana).get(f"products/{PRODUCT}/eligibility/?plan={plan.pk}&quantity=10001").json()
    assert [reason["code"] for reason in told["reasons"]] == ["quantity_out_of_range"]


def test_admins_ask_for_others(ana, admin, plan):
    guest = GuestFactory(tenant=ana.tenant)
    gone = MembershipFactory(tenant=ana.tenant, state=MemberState.LEFT)
    path = f"products/{PRODUCT}/eligibility/?user="
    assert Api(admin).get(path + "Ana@contoso.example").json()["outcome"] == "allowed"
    for member, code in ((guest, "guest_user"), (gone, "user_not_active")):
        assert [r["code"] for r in Api(admin).get(path + member.user.email).json()["reasons"]] == [code]
    for email in (MembershipFactory().user.email, "nobody@nowhere.example"):
        assert errors(Api(admin).get(path + email)) == [("user", "does_not_exist")]
        assert Api(ana).get(path + email).json()["code"] == "not_allowed"
    assert Api(ana).get(path + "ana@contoso.example").status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("plan=none", ("plan", "does_not_exist")),
        ("quantity=many", ("quantity", "invalid")),
        ("quantity=" + "9" * 2000, ("quantity", "max_string_length")),
        ("user=x", ("user", "invalid")),
        ("trial=none", ("trial", "unknown_field")),
    ],
)
def test_eligibility_refuses_a_bad_question(ana, plan, query, expected):
    assert errors(Api(ana).get(f"products/{PRODUCT}/eligibility/?{query}")) == [expected]


def test_a_plan_of_another_product_is_none_of_this(ana, plan):
    other = plan_on_sale()
    assert errors(Api(ana).get(f"products/{PRODUCT}/eligibility/?plan={other.pk}")) == [("plan", "does_not_exist")]


@pytest.mark.parametrize("product", ["NONE", "%00", "x" * 300, "..", "é"])
def test_a_product_that_never_was_is_not_there(ana, admin, plan, product):
    assert Api(ana).get(f"products/{product}/eligibility/").status_code == 404
    assert Api(admin).put(f"policies/products/{product}/", {"value": "enabled"}).status_code == 404


def test_eligibility_is_for_people_of_a_tenant(plan):
    assert Api().get(f"products/{PRODUCT}/eligibility/").status_code == 401
    assert Api(OperatorFactory()).get(f"products/{PRODUCT}/eligibility/").json()["code"] == "not_allowed"


# --- Policies of products


def test_what_holds_by_default(admin, plan):
    shown = Api(admin).get(f"policies/products/{PRODUCT}/").json()
    assert shown == {
        "product": {"id": PRODUCT, "name": "Power BI Pro", "family": "power-bi"},
        "value": "enabled",
        "source": {"level": "system", "id": None, "set_by": None, "set_at": None},
        "reason": "",
        "existing": None,
    }
    assert Api(admin).get("policies/products/").json()["results"] == [shown]


def test_sets_a_value_with_its_reason(admin, ana, plan):
    answer = Api(admin).put(f"policies/products/{PRODUCT}/", {"value": "disabled", "reason": "Too dear"})
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["value"], shown["reason"], shown["source"]["level"]) == ("disabled", "Too dear", "product")
    assert shown["source"]["set_by"] == "admin@contoso.example"
    assert Api(admin).get(f"policies/products/{PRODUCT}/").json() == shown
    event = Event.objects.get(type="policy.changed")
    assert (event.data["old"], event.data["new"]) == ("enabled", "disabled")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"reason": "Why"}, ("value", "required")),
        ({"reason": "Why", "value": "perhaps"}, ("value", "invalid_choice")),
        ({"reason": "Why", "value": ["enabled"]}, ("value", "invalid_choice")),
        ({"reason": "Why", "value": None}, ("value", "null")),
        ({"value": "disabled"}, ("reason", "required")),
        ({"value": "disabled", "reason": " "}, ("reason", "blank")),
        ({"value": "disabled", "reason": "x" * 501}, ("reason", "max_length")),
        ({"value": "disabled", "reason": "x\0"}, ("reason", "character_not_allowed")),
        ({"value": "disabled", "reason": None}, ("reason", "null")),
        ({"value": "disabled", "reason": "Why", "existing": "burn"}, ("existing", "invalid_choice")),
        ({"value": "disabled", "reason": "Why", "dry_run": "yes"}, ("dry_run", "invalid")),
    ],
)
def test_refuses_a_policy_that_can_never_be_right(admin, plan, body, expected):
    assert errors(Api(admin).put(f"policies/products/{PRODUCT}/", body)) == [expected]
    assert not Policy.objects.exists()


def test_roles_decide_who_reads_and_who_changes(ana, plan):
    path, body = f"policies/products/{PRODUCT}/", {"value": "disabled", "reason": "Why"}
    for role, reads, changes in [
        ("global_admin", 200, 200),
        ("billing_admin", 200, 200),
        ("global_reader", 200, 403),
        ("user_admin", 403, 403),
        (None, 403, 403),
    ]:
        api = Api(MembershipFactory(tenant=ana.tenant, roles=[role] if role else []))
        answers = [api.get(path), api.get("policies/products/"), api.put(path, body)]
        assert [answer.status_code for answer in answers] == [reads, reads, changes], role
    narrow = Api(MembershipFactory(tenant=ana.tenant, roles=["global_admin"]), scopes=("policies:read",))
    assert narrow.put(path, body).json()["code"] == "insufficient_scope"


def test_a_policy_of_one_tenant_is_nothing_to_another(admin, plan):
    PolicyFactory(product=plan.product)
    assert Api(admin).get(f"policies/products/{PRODUCT}/").json()["value"] == "enabled"


def test_the_count_of_queries_does_not_grow(admin, plan):
    api = Api(admin)

    def queries(path):
        with CaptureQueriesContext(connection) as caught:
            rows = api.get(path).json()["results"]
        return len(rows), len(caught)

    one, few = queries("policies/products/")
    for n in range(29):
        PolicyFactory(tenant=admin.tenant, product=ProductFactory(name=f"Another {n}"))
    assert (one, queries("policies/products/?page_size=200")) == (1, (30, few))
    one, few = queries("markets/")
    for n in range(29):
        MarketFactory(country="AB"[n // 26] + chr(ord("A") + n % 26))
    assert (one, queries("markets/?page_size=200")) == (1, (30, few))


# --- Markets


@pytest.fixture
def markets():
    family = FamilyFactory(slug="power-bi")
    MarketFactory(country="US", name="United States", opens_on=date(2020, 1, 14))
    MarketFactory(country="SE", name="Sweden", opens_on=date(2020, 4, 21), closes_on=date(2030, 1, 1))
    MarketFactory(country="SE", name="Sweden", family=family, opens_on=date(2021, 1, 1))
    MarketFactory(country="DE", name="Germany", family=family)


def rows(answer):
    assert answer.status_code == 200, answer.content
    return [(row["country"], row["family"], row["open"]) for row in answer.json()["results"]]


def test_lists_markets_by_country(ana, markets):
    answer = Api(ana).get("markets/")
    assert [row[:2] for row in rows(answer)] == [("DE", "power-bi"), ("SE", None), ("SE", "power-bi"), ("US", None)]
    assert answer.json()["results"][1] | {"open": True} == {
        "country": "SE",
        "name": "Sweden",
        "family": None,
        "open": True,
        "opens_on": "2020-04-21",
        "closes_on": "2030-01-01",
    }


def test_a_familys_own_row_wins(ana, markets):
    assert [row[:2] for row in rows(Api(ana).get("markets/?family=power-bi"))] == [
        ("DE", "power-bi"),
        ("SE", "power-bi"),
        ("US", None),
    ]


@pytest.mark.parametrize(
    ("on", "is_open"),
    [("2020-01-13", [False, False]), ("2020-01-14", [False, True]), ("2020-04-21", [True, True]),
     ("2029-12-31", [True, True]), ("2030-01-01", [False, True])],
)  # fmt: skip
def test_a_market_is_open_from_its_first_day_until_the_day_before_it_closes(ana, markets, on, is_open):
    shown = rows(Api(ana).get(f"markets/?family=office&on={on}"))
    assert [row[2] for row in shown] == is_open


def test_an_operator_reads_markets_too_but_nobody_without_a_token(markets):
    assert len(rows(Api(OperatorFactory()).get("markets/"))) == 4
    assert Api().get("markets/").status_code == 401


def test_markets_page_without_loss(ana, markets):
    seen, url = [], "markets/?page_size=1"
    while url:
        page = Api(ana).get(url)
        seen += rows(page)
        url = page.json()["next"]
    assert seen == rows(Api(ana).get("markets/"))


@pytest.mark.parametrize("query", ["on=tomorrow", "on=2026-13-01", "family=a b", "ordering=name", "country=US"])
def test_markets_refuse_a_bad_question(ana, query):
    assert Api(ana).get(f"markets/?{query}").status_code == 400
