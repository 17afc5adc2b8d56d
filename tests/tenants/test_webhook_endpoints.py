"""Webhook endpoints by API: who may have one, what may be said of it, and what is never shown again."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.access import SCOPES
from tenants.delivery.webhooks.endpoints import MOST
from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenants.directory.models import Role
from tenants.journal.models import Event
from tests.callers import Api
from tests.factories import MembershipFactory, RoleGrantFactory
from tests.tenants.hooks import given_up, happen, listen
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db

URL = "https://hooks.contoso.example/seatwise"
NOUN = "webhook-endpoints/"


def added(admin, **body):
    answer = Api(admin).post(NOUN, {"url": URL, **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_is_added_shown_changed_and_removed(admin):
    made, api = added(admin, types=["order.paid", "member.added", "order.paid"]), Api(admin)
    one = f"{NOUN}{made['id']}/"
    assert (made["url"], made["types"], made["state"]) == (URL, ["member.added", "order.paid"], "active")
    assert made["created_by"] == admin.user.email
    assert [row["id"] for row in api.get(NOUN).json()["results"]] == [made["id"]]
    changed = api.patch(one, {"url": f"{URL}/2", "types": [], "state": "paused"}).json()
    assert (changed["url"], changed["types"], changed["state"]) == (f"{URL}/2", [], "paused")
    assert api.get(one).json() == changed
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404
    told = Event.objects.of(admin.tenant).filter(type__startswith="webhook").order_by("pk")
    assert [event.type.rpartition(".")[2] for event in told] == ["added", "changed", "removed"]
    assert told[1].data == {"changed": ["state", "types", "url"], "state": "paused", "types": []}
    assert not any(URL in str(event.data) for event in told)


def test_all_types_are_sent_where_none_is_named(admin):
    assert added(admin)["types"] == []


def test_what_changes_nothing_is_no_change(admin):
    made = added(admin, types=["order.paid"])
    assert Api(admin).patch(f"{NOUN}{made['id']}/", {"url": URL, "types": ["order.paid"]}).status_code == 200
    assert Api(admin).patch(f"{NOUN}{made['id']}/", {}).status_code == 200
    assert not Event.objects.filter(type="webhook_endpoint.changed").exists()


def test_the_secret_is_shown_once_in_the_form_of_the_specification_and_kept_sealed(admin):
    made = added(admin)
    assert made["secret"].startswith("whsec_")
    assert len(made["secret"]) > 40
    api = Api(admin)
    for shown in (api.get(NOUN), api.get(f"{NOUN}{made['id']}/"), api.patch(f"{NOUN}{made['id']}/", {})):
        assert "secret" not in {*shown.json(), *shown.json().get("results", [{}])[0]}
        assert made["secret"] not in shown.content.decode()
    kept = WebhookEndpoint.objects.get().secret
    assert made["secret"].removeprefix("whsec_") not in kept
    assert made["secret"] not in str(Event.objects.values_list("data", flat=True))


def test_a_new_secret_is_shown_once_and_says_how_long_the_other_one_holds(admin):
    made = added(admin)
    answer = Api(admin).post(f"{NOUN}{made['id']}/rotate-secret/")
    assert answer.status_code == 200
    rotated = answer.json()
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_secret_until"] is not None
    assert Event.objects.filter(type="webhook_secret.rotated").count() == 1


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"url": "http://hooks.contoso.example/"}, "url", "https_only"),
        ({"url": "https://10.0.0.1/"}, "url", "address_not_allowed"),
        ({"url": "https://[fd12::1]/"}, "url", "address_not_allowed"),
        ({"url": "nowhere"}, "url", "invalid"),
        ({"url": None}, "url", "null"),
        ({"types": ["order.paid", "order.eaten"]}, "types.1", "unknown_type"),
        ({"types": "order.paid"}, "types", "not_a_list"),
        ({"types": ["order.paid"] * 1000}, "types", "max_length"),
        ({"secret": "whsec_mine"}, "secret", "unknown_field"),
    ],
)
def test_bad_input_is_named_and_adds_nothing(admin, wrong, field, code):
    answer = Api(admin).post(NOUN, {"url": URL} | wrong)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)
    if code == "unknown_type":
        assert "order.eaten" in error["detail"]
    assert not WebhookEndpoint.objects.exists()


def test_nobody_disables_one_by_hand(admin):
    made = added(admin)
    answer = Api(admin).patch(f"{NOUN}{made['id']}/", {"state": "disabled"})
    assert answer.json()["errors"][0]["field"] == "state"
    assert WebhookEndpoint.objects.get().state == "active"


def test_an_organisation_has_so_many_and_no_more_and_each_its_own(admin):
    for n in range(MOST):
        added(admin, url=f"{URL}/{n}")
    answer = Api(admin).post(NOUN, {"url": URL})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhook_endpoints")
    assert WebhookEndpoint.objects.count() == MOST
    added(RoleGrantFactory(role="global_admin").membership)


def test_this_machine_is_an_address_in_a_demo_alone(admin, settings):
    here = "http://127.0.0.1:8000/hook/"
    assert added(admin, url=here)["url"] == here
    settings.DEMO = False
    assert Api(admin).post(NOUN, {"url": here}).json()["errors"][0]["code"] == "https_only"


# --- Who may


@pytest.fixture
def calls(admin):
    """Every call, on what the admin's organisation has."""
    delivery = given_up(admin, URL, at=timezone.now())
    one = f"{NOUN}{delivery.endpoint_id}/"
    return [
        ("GET", NOUN, None),
        ("POST", NOUN, {"url": URL}),
        ("GET", one, None),
        ("PATCH", one, {"state": "paused"}),
        ("POST", f"{one}rotate-secret/", {}),
        ("GET", f"{one}deliveries/", None),
        ("POST", f"{one}deliveries/{delivery.pk}/redeliver/", {}),
        ("DELETE", one, None),
    ]


def rows():
    return list(WebhookEndpoint.objects.values_list()), list(WebhookDelivery.objects.values_list())


def test_only_a_global_admin_may(admin, calls):
    before = rows()
    people = [RoleGrantFactory(membership__tenant=admin.tenant, role=role).membership for role in Role.values[1:]]
    delegate = let_in(admin.tenant, roles=["global_admin"], at=timezone.now())
    for who in (*people, MembershipFactory(tenant=admin.tenant), delegate.as_token_holder):
        for method, path, body in calls:
            answer = Api(who).call(method, path, body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (who, method, path)
    assert rows() == before
    assert [Api(admin).call(*call).status_code for call in calls] == [200, 201, 200, 200, 200, 200, 409, 204]


def test_nobody_of_another_organisation_finds_any_of_it(calls):
    before, outsider = rows(), RoleGrantFactory(role="global_admin").membership
    for method, path, body in calls:
        answer = Api(outsider).call(method, path, body)
        if path == NOUN:
            continue
        assert answer.status_code == 404, (method, path)
    assert rows()[1] == before[1]
    assert WebhookEndpoint.objects.exclude(tenant=outsider.tenant).get().state == "active"


def test_a_delivery_of_another_endpoint_is_none_of_this_one(admin):
    delivery, other = given_up(admin, URL, at=timezone.now()), added(admin)
    assert Api(admin).post(f"{NOUN}{other['id']}/deliveries/{delivery.pk}/redeliver/").status_code == 404


def test_a_token_without_the_scope_reaches_none_of_it(admin, calls):
    others = [scope for scope in SCOPES if scope != "webhooks:write"]
    for method, path, body in calls:
        assert Api(admin, scopes=others).call(method, path, body).json()["code"] == "insufficient_scope"


# --- How much the lists cost


def test_lists_cost_the_same_however_long_they_are(admin):
    endpoint, _secret = listen(admin, URL)

    def costs(path):
        api = Api(admin)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert api.get(path).status_code == 200
        return len(asked)

    paths = (NOUN, f"{NOUN}{endpoint.pk}/deliveries/")
    before = [costs(path) for path in paths]
    for n in range(MOST - 1):
        listen(admin, f"{URL}/{n}")
    for event in happen(admin.tenant, *["order.paid"] * 30):
        WebhookDelivery.objects.create(
            tenant=admin.tenant,
            endpoint=endpoint,
            event_id=event,
            next_try_at=timezone.now(),
            created_at=timezone.now(),
        )
    assert [costs(path) for path in paths] == before


def test_the_deliveries_of_another_tenant_stay_there(admin):
    given_up(RoleGrantFactory(role="global_admin").membership, URL, at=timezone.now())
    endpoint, _secret = listen(admin, URL)
    assert Api(admin).get(f"{NOUN}{endpoint.pk}/deliveries/").json()["results"] == []
