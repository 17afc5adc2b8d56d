"""One policy template for many customers: shown first, then applied in each under the partner's person's name."""

import pytest
from django.utils import timezone

from policies.models import Policy
from tenants.directory.models import Tenant
from tenants.directory.operations import delegations
from tenants.journal.models import Event
from tests.callers import signed_in
from tests.factories import ProductFactory, RoleGrantFactory, TenantFactory, admin_of
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGE = "/admin/tenants/delegation/policies/"


@pytest.fixture
def two():
    """A partner's person, two customers that let them change policies, and one that does not."""
    partner, now = TenantFactory(), timezone.now()
    pat = let_in(TenantFactory(), partner=partner, at=now)
    let_in(TenantFactory(), partner=partner, at=now)
    let_in(TenantFactory(), partner=partner, roles=["global_reader"], at=now)
    return pat


def customers(pat, role):
    return Tenant.objects.filter(delegations__partner=pat.delegation.partner, delegations__roles=[role]).order_by(
        "slug"
    )


def sent(pat, text, tenants=None):
    tenants = customers(pat, "billing_admin") if tenants is None else tenants
    return {"customers": [tenant.slug for tenant in tenants], "template": text, "reason": "Agreed"}


def test_shows_what_it_would_change_in_each_and_changes_nothing_before_that_was_read(two):
    browser, product = signed_in(two.member), ProductFactory()
    body = sent(two, f"products: {{{product.pk}: disabled}}")
    shown = browser.post(PAGE, body)
    page = shown.content.decode()
    assert all(tenant.name in page for tenant in customers(two, "billing_admin"))
    assert not Policy.objects.exists()
    applied = browser.post(PAGE, {**body, "seen": shown.context["seen"]})
    assert applied.status_code == 302
    assert {policy.tenant for policy in Policy.objects.filter(value="disabled")} == set(customers(two, "billing_admin"))
    changes = Event.objects.filter(type="policy.changed")
    assert {(event.tenant, event.actor, event.on_behalf_of) for event in changes} == {
        (tenant, two.user, two.delegation.partner) for tenant in customers(two, "billing_admin")
    }


def test_shows_anew_what_has_changed_since_it_was_read(two):
    browser, product = signed_in(two.member), ProductFactory()
    seen = browser.post(PAGE, sent(two, f"products: {{{product.pk}: disabled}}")).context["seen"]
    other = {**sent(two, f"products: {{{product.pk}: enabled}}"), "seen": seen}
    assert browser.post(PAGE, other).status_code == 200
    assert not Policy.objects.exists()


@pytest.mark.parametrize("text", ["products: {NOSUCH: disabled}", "nonsense", "products: [", "owner: me"])
def test_says_what_is_wrong_with_a_template_and_changes_nothing(two, text):
    answer = signed_in(two.member).post(PAGE, sent(two, text))
    assert answer.status_code == 400
    assert not answer.context["seen"]
    assert not Policy.objects.exists()


def test_reaches_no_customer_that_does_not_allow_it_nor_anybody_elses(two):
    browser = signed_in(two.member)
    for tenants in (customers(two, "global_reader"), [TenantFactory()], [two.delegation.partner]):
        assert browser.post(PAGE, sent(two, "default_for_new_products: disabled", tenants)).status_code == 400
    delegations.revoke(delegation=two.delegation, by=admin_of(two.delegation.tenant), at=timezone.now())
    assert browser.post(PAGE, sent(two, "x: y", [two.delegation.tenant])).status_code == 400
    assert signed_in(RoleGrantFactory().membership).get(PAGE).status_code == 403
