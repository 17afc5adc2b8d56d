"""Data and access policies by API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from policies.models import GovernancePolicy
from policies.operations import governance
from policies.operations.governance import Terms
from tenants.journal.models import Event
from tests.callers import Api
from tests.commerce.conftest import errors
from tests.factories import DepartmentFactory, MembershipFactory, ProductFactory, admin_of, buy, plan_on_sale

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PATH = "governance-policies/"


@pytest.fixture
def admin():
    return MembershipFactory(roles=["billing_admin"])


@pytest.fixture
def api(admin):
    return Api(admin)


@pytest.fixture
def tenant(admin):
    return admin.tenant


def say(tenant, name="Kept", kind="retention", **said):
    terms = Terms(name=name, kind=kind, **said)
    return governance.add(tenant=tenant, terms=terms, by=admin_of(tenant), at=timezone.now())


def test_what_is_said_is_shown_as_it_was_said(api, admin, tenant):
    product, department = ProductFactory(), DepartmentFactory(tenant=tenant, name="Sales")
    body = {"name": "EU only", "kind": "residency", "products": [product.pk], "families": [product.family_id]}
    answer = api.post(PATH, {**body, "settings": {"Region": "EU"}, "acknowledge": True, "reason": "The law"})
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert said == {
        **body,
        "id": said["id"],
        "departments": [],
        "settings": {"Region": "EU"},
        "acknowledge": True,
        "version": 1,
        "reason": "The law",
        "set_by": admin.user.email,
        "set_at": said["set_at"],
        "created_at": said["created_at"],
    }
    limited = api.post(PATH, {"name": "Sales", "kind": "access", "departments": ["Sales"]}).json()
    assert limited["departments"] == [{"id": str(department.pk), "name": "Sales"}]
    assert (limited["families"], limited["products"]) == ([], [])
    assert api.get(f"{PATH}{said['id']}/").json() == said
    assert api.get(PATH).json()["results"] == [limited, said]


def test_a_change_keeps_what_it_leaves_out_and_a_removal_says_it_no_longer(api, tenant):
    policy = say(tenant, settings={"Days": "30"})
    changed = api.patch(f"{PATH}{policy.pk}/", {"settings": {"Days": "90"}, "reason": "Longer"}).json()
    assert (changed["name"], changed["kind"], changed["settings"]) == ("Kept", "retention", {"Days": "90"})
    assert (changed["version"], changed["reason"]) == (2, "Longer")
    assert api.delete(f"{PATH}{policy.pk}/?reason=Over").status_code == 204
    assert api.get(f"{PATH}{policy.pk}/").status_code == 404
    assert [event.data["reason"] for event in Event.objects.filter(type__startswith="governance.").order_by("pk")] == [
        "",
        "Longer",
        "Over",
    ]


def test_a_dry_run_answers_who_loses_and_regains_access_and_saves_nothing(api, tenant):
    ana = MembershipFactory(tenant=tenant, user__email="ana@contoso.example")
    product = buy(ana, plan_on_sale(), at=timezone.now()).plan.product
    nobody, her = {"count": 0, "emails": []}, {"count": 1, "emails": ["ana@contoso.example"]}
    off = {"name": "Off", "kind": "access", "products": [product.pk]}
    answer = api.post(PATH, {**off, "dry_run": True})
    assert (answer.status_code, answer.json()) == (200, {"loses_access": her, "regains_access": nobody})
    assert not GovernancePolicy.objects.exists()
    path = f"{PATH}{api.post(PATH, off).json()['id']}/"
    events = Event.objects.count()
    elsewhere = {"products": [ProductFactory().pk], "dry_run": True}
    regained = {"loses_access": nobody, "regains_access": her}
    assert api.patch(path, elsewhere).json() == regained
    for answer in (api.delete(path + "?dry_run=true"), api.delete(path, body={"dry_run": True})):
        assert (answer.status_code, answer.json()) == (200, regained)
    assert api.get(path).json()["products"] == [product.pk]
    assert Event.objects.count() == events
    assert errors(api.post(PATH, {**off, "name": " ", "dry_run": True})) == [("name", "blank")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "access"}, ("name", "required")),
        ({"name": "x"}, ("kind", "required")),
        ({"name": "x", "kind": "weather"}, ("kind", "invalid_choice")),
        ({"name": "x", "kind": "sharing", "products": ["NONE"]}, ("products", "does_not_exist")),
        ({"name": "x", "kind": "sharing", "settings": {"Days": 3}}, ("settings", "invalid")),
        ({"name": "x", "kind": "sharing", "settings": ["Days"]}, ("settings", "not_a_dict")),
        ({"name": "x", "kind": "access", "acknowledge": True}, ("acknowledge", "not_of_this_kind")),
        ({"name": "x", "kind": "access", "dry_run": "yes"}, ("dry_run", "invalid")),
        ({"name": "x", "kind": "access", "department": "Sales"}, ("department", "unknown_field")),
    ],
)
def test_a_bad_body_is_refused_by_field(api, body, expected):
    assert errors(api.post(PATH, body)) == [expected]
    assert not GovernancePolicy.objects.exists()


def test_a_department_of_another_tenant_is_as_one_that_never_was(api):
    for unknown in (str(DepartmentFactory().pk), "Nowhere"):
        body = {"name": "x", "kind": "access", "departments": [unknown]}
        assert [code for _field, code in errors(api.post(PATH, body))] == ["does_not_exist"]


def test_the_same_name_twice_is_a_conflict(api, tenant):
    say(tenant, name="Kept")
    answer = api.post(PATH, {"name": "Kept", "kind": "sharing"})
    assert (answer.status_code, answer.json()["code"]) == (409, "governance_policy_exists")


@pytest.mark.parametrize(
    ("role", "reads"), [("global_reader", 200), ("license_admin", 200), ("user_admin", 403), (None, 403)]
)
def test_readers_of_policies_read_and_change_nothing(tenant, role, reads):
    policy = say(tenant)
    api = Api(MembershipFactory(tenant=tenant, roles=[role] if role else []))
    assert api.get(PATH).status_code == reads
    assert api.get(f"{PATH}{policy.pk}/").status_code == reads
    off = {"name": "Off", "kind": "access"}
    for dry in ({}, {"dry_run": True}):
        assert api.post(PATH, {**off, **dry}).status_code == 403
        assert api.patch(f"{PATH}{policy.pk}/", {"name": "Else", **dry}).status_code == 403
        assert api.delete(f"{PATH}{policy.pk}/", body=dry).status_code == 403
    assert [row.name for row in GovernancePolicy.objects.all()] == ["Kept"]


def test_another_tenants_policy_is_as_one_that_never_was(api):
    policy = say(MembershipFactory().tenant)
    for answer in (api.get, api.delete):
        assert answer(f"{PATH}{policy.pk}/").status_code == 404
    assert api.patch(f"{PATH}{policy.pk}/", {"name": "Mine"}).status_code == 404
    assert api.get(PATH).json()["results"] == []


def test_a_token_needs_the_scope(admin):
    api = Api(admin, scopes=["policies:read"])
    assert api.get(PATH).status_code == 200
    assert api.post(PATH, {"name": "x", "kind": "access"}).json()["code"] == "insufficient_scope"


def test_a_page_of_thirty_costs_the_queries_of_one(api, tenant):
    department = DepartmentFactory(tenant=tenant)

    def queries():
        with CaptureQueriesContext(connection) as caught:
            rows = api.get(PATH).json()["results"]
        return len(rows), len(caught)

    say(tenant, name="0", kind="access", departments=[department])
    one, few = queries()
    for number in range(1, 30):
        say(tenant, name=str(number), kind="access", departments=[department], products=[ProductFactory().pk])
    assert (one, queries()) == (1, (30, few))
