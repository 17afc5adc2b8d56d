"""Values of every level, many products at once, the inbox and the settings by API."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from policies.models import Policy
from policies.operations import settings
from tenants.directory.models import Tenant
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import (
    NOON,
    DepartmentFactory,
    MembershipFactory,
    PolicyFactory,
    ProductFactory,
    TenantFactory,
    plan_on_sale,
)

pytestmark = pytest.mark.django_db

PRODUCT = "CFQ7TTC0H9MP"
VALUES, SETTINGS = "policies/values/", "policies/settings/"


@pytest.fixture
def product():
    plan = plan_on_sale(product__id=PRODUCT, product__name="Power BI Pro", product__family__slug="power-bi")
    return plan.product


@pytest.fixture
def ana(product):
    return MembershipFactory(user__email="ana@contoso.example", tenant__slug="contoso")


@pytest.fixture
def admin(ana):
    return MembershipFactory(tenant=ana.tenant, roles=["billing_admin"], user__email="admin@contoso.example")


@pytest.fixture
def sales(ana):
    return DepartmentFactory(tenant=ana.tenant, name="Sales")


def errors(answer):
    assert answer.status_code == 400, answer.content
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def said(**body):
    return {"value": "disabled", "reason": "Too dear", **body}


# --- Values


def test_says_reads_lists_and_takes_back_a_value(admin, ana, product):
    api = Api(admin)
    body = said(level="member", member="Ana@contoso.example", product=PRODUCT, valid_to="2100-01-01T00:00:00+01:00")
    answer = api.post(VALUES, body)
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert row | {"set_at": None} == {
        "id": str(Policy.objects.get().pk),
        "level": "member",
        "member": {"email": "ana@contoso.example", "name": ana.name},
        "department": None,
        "product": {"id": PRODUCT, "name": "Power BI Pro", "family": "power-bi"},
        "family": None,
        "value": "disabled",
        "reason": "Too dear",
        "set_by": "admin@contoso.example",
        "set_at": None,
        "valid_from": None,
        "valid_to": "2099-12-31T23:00:00Z",
        "existing": None,
    }
    assert api.get(f"{VALUES}{row['id']}/").json() == row
    assert api.get(VALUES).json()["results"] == [row]
    assert Api(ana).get(f"products/{PRODUCT}/eligibility/").json()["outcome"] == "refused"
    assert errors(api.delete(f"{VALUES}{row['id']}/")) == [("reason", "required")]
    assert api.delete(f"{VALUES}{row['id']}/?reason=Over").status_code == 204
    assert api.get(f"{VALUES}{row['id']}/").status_code == 404
    assert Api(ana).get(f"products/{PRODUCT}/eligibility/").json()["outcome"] == "allowed"
    assert [event.data["reason"] for event in Event.objects.order_by("pk")] == ["Too dear", "Over"]


def test_every_level_is_said(admin, ana, sales, product):
    for body in (
        {"level": "tenant"},
        {"level": "family", "family": "power-bi"},
        {"level": "product", "product": PRODUCT},
        {"level": "department", "department": "Sales"},
        {"level": "department", "department": str(sales.pk), "product": PRODUCT},
        {"level": "member", "member": "ana@contoso.example"},
        {"level": "member", "member": "ana@contoso.example", "family": "power-bi"},
    ):
        answer = Api(admin).post(VALUES, said(**body))
        assert (answer.status_code, answer.json()["level"]) == (201, body["level"])
    assert Policy.objects.count() == 7


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (said(), ("level", "required")),
        (said(level="world"), ("level", "invalid_choice")),
        (said(level="member"), ("member", "required")),
        (said(level="product"), ("product", "required")),
        (said(level="tenant", product=PRODUCT), ("product", "not_of_this_level")),
        (said(level="product", product=PRODUCT, family="power-bi"), ("family", "not_of_this_level")),
        (said(level="family", family="none"), ("family", "does_not_exist")),
        (said(level="product", product="none"), ("product", "does_not_exist")),
        (said(level="member", member="felix@fabrikam.example"), ("member", "does_not_exist")),
        (said(level="member", member="nobody@nowhere.example"), ("member", "does_not_exist")),
        (said(level="department", department="Elsewhere"), ("department", "does_not_exist")),
        (
            said(level="member", member="ana@contoso.example", product=PRODUCT, family="power-bi"),
            ("family", "not_both"),
        ),
        (said(level="tenant", value="off"), ("value", "invalid_choice")),
        (said(level="tenant", reason=""), ("reason", "blank")),
        (said(level="tenant", valid_to="2020-01-01T00:00:00Z"), ("valid_to", "in_the_past")),
        (said(level="tenant", valid_from="0001-01-01T00:00:00Z"), ("valid_from", "too_far")),
        (said(level="tenant", valid_from="0001-01-01T00:00:00+14:00"), ("valid_from", "overflow")),
        (said(level="tenant", valid_from="soon"), ("valid_from", "invalid")),
        (said(level="tenant", until="2030-01-01"), ("until", "unknown_field")),
    ],
)
def test_refuses_a_value_that_can_never_be_right(admin, body, expected):
    MembershipFactory(user__email="felix@fabrikam.example")
    DepartmentFactory(name="Elsewhere")
    assert errors(Api(admin).post(VALUES, body)) == [expected]
    assert not Policy.objects.exists()


def test_two_values_for_a_time_that_overlap_are_refused(admin):
    body = said(level="tenant", valid_from="2100-01-01T00:00:00Z")
    assert Api(admin).post(VALUES, body).status_code == 201
    answer = Api(admin).post(VALUES, said(level="tenant", valid_from="2101-01-01T00:00:00Z"))
    assert (answer.status_code, answer.json()["code"]) == (409, "policy_overlaps")
    assert Policy.objects.count() == 1


def test_roles_and_scopes_decide(ana, product):
    row = PolicyFactory(tenant=ana.tenant)
    for role, reads, changes in [
        ("global_admin", 200, 201),
        ("license_admin", 200, 403),
        ("global_reader", 200, 403),
        ("user_admin", 403, 403),
        (None, 403, 403),
    ]:
        api = Api(MembershipFactory(tenant=ana.tenant, roles=[role] if role else []))
        for path in (VALUES, f"{VALUES}{row.pk}/", SETTINGS, "policies/new-products/"):
            assert api.get(path).status_code == reads, (role, path)
        assert api.post(VALUES, said(level="product", product=PRODUCT)).status_code == changes, role
        many = api.put("policies/products/", said(products=[PRODUCT]))
        assert many.status_code == (403 if changes == 403 else 200), role
        assert api.put(SETTINGS, {}).status_code == (403 if changes == 403 else 200), role
        if changes == 403:
            assert api.delete(f"{VALUES}{row.pk}/?reason=x").status_code == 403, role
    narrow = Api(MembershipFactory(tenant=ana.tenant, roles=["global_admin"]), scopes=("policies:read",))
    assert narrow.delete(f"{VALUES}{row.pk}/?reason=x").json()["code"] == "insufficient_scope"
    assert narrow.put(SETTINGS, {}).json()["code"] == "insufficient_scope"


def test_another_tenants_value_is_as_one_that_never_was(admin):
    row = PolicyFactory()
    assert Api(admin).get(VALUES).json()["results"] == []
    assert Api(admin).get(f"{VALUES}{row.pk}/").status_code == 404
    assert Api(admin).delete(f"{VALUES}{row.pk}/?reason=x").status_code == 404
    assert Policy.objects.get() == row


# --- Many products, and those that are new


def test_many_products_are_set_at_once_or_none(admin, product):
    other = ProductFactory()
    answer = Api(admin).put("policies/products/", said(products=[PRODUCT, other.pk, "none"]))
    assert errors(answer) == [("products.2", "does_not_exist")]
    assert errors(Api(admin).put("policies/products/", said(products=[]))) == [("products", "min_length")]
    assert not Policy.objects.exists()
    answer = Api(admin).put("policies/products/", said(products=[PRODUCT, other.pk]))
    assert [(row["product"]["id"], row["value"]) for row in answer.json()] == [
        (PRODUCT, "disabled"),
        (other.pk, "disabled"),
    ]


def test_new_products_wait_until_they_have_a_value_of_their_own(admin, product):
    later = NOON + timedelta(days=1)
    new = [ProductFactory(created_at=later, name=name) for name in ("One", "Two")]
    ProductFactory(created_at=later, self_service=False)
    ProductFactory(created_at=NOON - timedelta(days=1))
    PolicyFactory(tenant=admin.tenant, family=new[0].family, value="disabled")
    PolicyFactory(product=new[0])
    waiting = Api(admin).get("policies/new-products/?ordering=created_at").json()["results"]
    told = [(row["product"]["id"], row["value"], row["source"]["level"]) for row in waiting]
    assert told[0] == (new[0].pk, "disabled", "family")
    assert [row[0] for row in told] == [product.pk for product in new]
    Api(admin).put("policies/products/", said(products=[new[0].pk], value="enabled"))
    waiting = Api(admin).get("policies/new-products/").json()["results"]
    assert [row["product"]["id"] for row in waiting] == [new[1].pk]


def test_the_count_of_queries_does_not_grow(admin, product):
    api = Api(admin)
    paths = (VALUES, "policies/new-products/")

    def more(count):
        for _ in range(count):
            new = ProductFactory(created_at=NOON + timedelta(days=1))
            PolicyFactory(tenant=admin.tenant, member=MembershipFactory(tenant=admin.tenant), product=new)

    def cost(path):
        with CaptureQueriesContext(connection) as caught:
            rows = api.get(f"{path}?page_size=200").json()["results"]
        return len(rows), len(caught)

    more(1)
    few = [cost(path) for path in paths]
    more(29)
    many = [cost(path) for path in paths]
    assert [rows for rows, _queries in few] == [1, 1]
    assert many == [(30, queries) for _rows, queries in few]


# --- Settings


def test_reads_and_changes_what_is_sent(admin, ana, product):
    api = Api(admin)
    assert api.get(SETTINGS).json() == {
        "default_for_new_products": "enabled",
        "self_service_enabled": True,
        "contact_email": "it@contoso.example",
        "contact_url": "",
        "contact_message": "",
        "request_process_message": "",
        "request_process_url": "",
        "leaver_default": "renew",
        "leaver_grace_days": 0,
        "tell_admins_of_failed_charges": False,
        "tell_admins_of_renewals": False,
        "take_over_refunds": True,
        "existing": None,
    }
    wanted = {
        "default_for_new_products": "disabled",
        "contact_message": "Ask us.",
        "request_process_url": "mailto:it@contoso.example",
        "tell_admins_of_renewals": True,
        "take_over_refunds": False,
    }
    answer = api.put(SETTINGS, wanted | {"reason": "New rules"})
    assert answer.status_code == 200, answer.content
    assert answer.json() == api.get(SETTINGS).json()
    assert {name: answer.json()[name] for name in wanted} == wanted
    assert api.put(SETTINGS, {"contact_message": ""}).json()["contact_message"] == ""
    assert api.put(SETTINGS, {"self_service_enabled": False}).json()["self_service_enabled"] is False
    assert Api(ana).post("checkouts/", {"plan": product.plans.get().pk, "quantity": 1}, key="k").status_code == 403
    assert settings.of(TenantFactory()).self_service_enabled


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"self_service_enabled": "false"}, ("self_service_enabled", "invalid")),
        ({"default_for_new_products": "off"}, ("default_for_new_products", "invalid_choice")),
        ({"default_for_new_products": None}, ("default_for_new_products", "null")),
        ({"contact_email": "nobody"}, ("contact_email", "invalid")),
        ({"contact_url": "javascript:alert(1)"}, ("contact_url", "invalid")),
        ({"request_process_url": "http://contoso.example/"}, ("request_process_url", "invalid")),
        ({"members_claim_seats": True}, ("members_claim_seats", "unknown_field")),
    ],
)
def test_refuses_settings_that_can_never_be_right(admin, body, expected):
    assert errors(Api(admin).put(SETTINGS, {"contact_message": "Ask us.", **body})) == [expected]
    assert Tenant.objects.get(pk=admin.tenant_id).contact_message == ""
