"""Delegations by API: granted and taken back by an organisation's global admin, accepted by the partner's."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.directory.delegations import Delegation
from tests.callers import Api
from tests.factories import RoleGrantFactory, TenantFactory
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db


def admin(role="global_admin"):
    return RoleGrantFactory(role=role).membership


def in_days(days):
    return (timezone.now() + timedelta(days=days)).isoformat()


def test_is_granted_accepted_renewed_and_taken_back():
    customer, partner = admin(), admin()
    body = {"partner": partner.tenant.slug, "roles": ["billing_admin"], "ends_at": in_days(30)}
    answer = Api(customer).post("delegations/", body)
    assert answer.status_code == 201
    granted = answer.json()
    assert (granted["state"], granted["customer"], granted["partner"]) == (
        "offered",
        customer.tenant.slug,
        partner.tenant.slug,
    )
    one = f"delegations/{granted['id']}/"
    assert Api(customer).post(f"{one}accept/").json()["code"] == "not_allowed"
    assert Api(partner).post(f"{one}accept/").json()["state"] == "active"
    assert [row["id"] for row in Api(partner).get("delegations/").json()["results"]] == [granted["id"]]
    assert Api(partner).patch(one, {"ends_at": in_days(60)}).status_code == 403
    assert Api(customer).patch(one, {"ends_at": in_days(60)}).status_code == 200
    assert Api(customer).delete(one).status_code == 204
    assert Api(partner).get(one).json()["state"] == "revoked"
    assert Api(partner).post(f"{one}accept/").json()["code"] == "delegation_over"


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"partner": "nobody-of-that-name"}, "partner", "does_not_exist"),
        ({"roles": []}, "roles", "empty"),
        ({"roles": ["owner"]}, "roles", None),
        ({"ends_at": in_days(-1)}, "ends_at", "not_in_the_future"),
        ({"ends_at": in_days(800)}, "ends_at", "too_long"),
        ({"ends_at": "soon"}, "ends_at", "invalid"),
    ],
)
def test_bad_input_is_named_and_grants_nothing(wrong, field, code):
    body = {"partner": TenantFactory().slug, "roles": ["billing_admin"], "ends_at": in_days(30)} | wrong
    answer = Api(admin()).post("delegations/", body)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["field"].startswith(field)
    assert code is None or error["code"] == code
    assert not Delegation.objects.exists()


def test_only_global_admins_manage_them_and_a_delegated_one_never_does():
    tenant = TenantFactory()
    pat = let_in(tenant, roles=["global_admin"], at=timezone.now())
    other = RoleGrantFactory(membership__tenant=tenant, role="billing_admin").membership
    for who in (pat.as_token_holder, other):
        assert Api(who).get("delegations/").json()["code"] == "not_allowed"
        assert Api(who).delete(f"delegations/{pat.delegation.pk}/").status_code == 403


def test_a_delegate_reads_and_does_what_the_roles_allow_and_buys_nothing_with_a_card():
    tenant = TenantFactory()
    pat = let_in(tenant, roles=["billing_admin"], at=timezone.now())
    api = Api(pat.as_token_holder)
    for path in ("tenant/", "subscriptions/", "orders/", "invoices/", "payment-methods/", "events/", "agreements/"):
        assert api.get(path).status_code == 200, path
    assert api.get("tenant/").json()["slug"] == tenant.slug
    assert api.get("members/").status_code == 403
    assert api.post("payment-methods/", {"token": "pm_card_visa"}, key="k").json()["code"] == "not_allowed"
    assert api.post("checkouts/", {"plan": "x", "quantity": 1}, key="k2").status_code in {400, 403}
