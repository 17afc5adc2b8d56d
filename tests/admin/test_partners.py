"""Partners in the procurement view: let in, accepted, renewed and sent away; and their customers, for their people."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.directory.delegations import Delegation
from tests.callers import signed_in
from tests.factories import RoleGrantFactory, TenantFactory
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGE = "/admin/tenants/delegation/"


def in_days(days):
    return (timezone.now() + timedelta(days=days)).date().isoformat()


def test_is_offered_accepted_renewed_and_given_up_by_pages():
    customer = RoleGrantFactory().membership
    partner = RoleGrantFactory(membership__tenant__name="Known Later Ltd").membership
    here, there = signed_in(customer), signed_in(partner)
    assert "Let a partner in" in here.get(PAGE).content.decode()
    sent = {"partner": partner.tenant.slug, "roles": ["billing_admin"], "last_day": in_days(30)}
    assert here.post(f"{PAGE}new/", sent).status_code == 302
    delegation = Delegation.objects.get()
    one = f"{PAGE}{delegation.pk}/"
    assert partner.tenant.name not in here.get(f"{one}change/").content.decode()
    assert "Give it up" in there.get(f"{one}change/").content.decode()
    here.post(f"{one}accept/")
    assert Delegation.objects.get().accepted_at is None
    there.post(f"{one}accept/")
    assert Delegation.objects.get().accepted_by == partner.user
    assert partner.tenant.name in here.get(f"{one}change/").content.decode()
    assert there.post(f"{one}change/", {"last_day": in_days(60)}).status_code == 403
    assert here.post(f"{one}change/", {"last_day": in_days(60)}).status_code == 302
    assert Delegation.objects.get().ends_at > timezone.now() + timedelta(days=59)
    there.post(f"{one}revoke/")
    assert Delegation.objects.get().revoked_by == partner.user


@pytest.mark.parametrize(
    "wrong",
    [
        {"partner": "nobody-here"},
        {"roles": []},
        {"roles": ["owner"]},
        {"last_day": "soon"},
        {"last_day": in_days(800)},
        {"last_day": "9999-12-31"},
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_granted(wrong):
    sent = {"partner": TenantFactory().slug, "roles": ["global_reader"], "last_day": in_days(30)} | wrong
    answer = signed_in(RoleGrantFactory().membership).post(f"{PAGE}new/", sent)
    assert answer.status_code == 400
    assert set(answer.context["form"].errors) <= {*wrong, "__all__"}
    assert not Delegation.objects.exists()


def test_nobody_but_a_global_admin_finds_the_pages_least_of_all_a_delegate():
    tenant = TenantFactory()
    pat = let_in(tenant, roles=["global_admin"], at=timezone.now())
    billing = RoleGrantFactory(membership__tenant=tenant, role="billing_admin").membership
    for who in (pat.as_token_holder, billing):
        browser = signed_in(who)
        for path in (PAGE, f"{PAGE}new/", f"{PAGE}{pat.delegation.pk}/change/"):
            assert browser.get(path).status_code == 403
        assert browser.post(f"{PAGE}{pat.delegation.pk}/revoke/").status_code == 403
    assert Delegation.objects.get().revoked_at is None


def test_a_partners_people_find_their_customers_without_any_role_at_home():
    tenant, now = TenantFactory(name="Customer Inc."), timezone.now()
    pat = let_in(tenant, at=now)
    browser = signed_in(pat.member)
    assert browser.get("/admin/").headers["Location"] == f"{PAGE}customers/"
    page = browser.get(f"{PAGE}customers/").content.decode()
    assert "Act for Customer Inc." in page
    assert "Billing admin" in page
    browser.post("/acting-for/", {"tenant": tenant.slug, "next": "/admin/"})
    assert browser.get("/admin/").status_code == 200
    Delegation.objects.update(granted_at=now - timedelta(days=9), ends_at=now)
    assert browser.get("/admin/").status_code == 403


def test_customers_cost_the_same_number_of_queries_however_many():
    partner, now = TenantFactory(), timezone.now()
    pat = let_in(TenantFactory(), partner=partner, at=now)
    browser = signed_in(pat.member)
    counts = []
    for more in (0, 10):
        for _customer in range(more):
            let_in(TenantFactory(), partner=partner, at=now)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(f"{PAGE}customers/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
