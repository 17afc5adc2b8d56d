"""One policy template for many customers: shown first, then applied in each under the partner's person's name."""

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from policies.models import Policy
from policies.operations import policy_files
from tenants.directory.models import Tenant
from tenants.directory.operations import delegations
from tenants.journal.models import Event
from tests.callers import signed_in
from tests.factories import (
    DepartmentFactory,
    FamilyFactory,
    ProductFactory,
    RoleGrantFactory,
    TenantFactory,
    admin_of,
)
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


def plain(html):
    return " ".join(strip_tags(str(html)).split())


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


def test_names_products_people_and_settings_as_the_pages_of_policies_do(two):
    tenant = customers(two, "billing_admin").first()
    family, sales = FamilyFactory(slug="apps", name="Apps"), DepartmentFactory(tenant=tenant, name="Sales")
    ProductFactory(name="Power Pages", id="PAGES", family=family)
    text = (
        "default_for_new_products: disabled\nself_service_enabled: false\nrequest_process_url: mailto:it@c.example\n"
        "leaver_default: let_end\nproducts: {PAGES: approval_required}\nfamilies: {apps: enabled}\n"
        "departments: {Sales: {products: {PAGES: enabled}}}"
    )
    [line] = signed_in(two.member).post(PAGE, sent(two, text, [tenant])).context["preview"].lines
    assert [[plain(cell) for cell in (each.what, each.old, each.new)] for each in line.shown] == [
        ["Your own process for licences: where", "Empty", "mailto:it@c.example"],
        ["People may buy themselves", "Yes", "No"],
        ["Products without a value of their own", "Enabled", "Disabled"],
        ["When somebody has left and nobody decides about a purchase of theirs", "Renew it", "Let it end"],
        ["Power Pages", "Nothing of its own", "Needs approval"],
        ["Apps", "Nothing of its own", "Enabled"],
        [f"Power Pages · {sales.name}", "Nothing of its own", "Enabled"],
    ]


def test_lists_the_products_that_follow_though_the_template_does_not_name_them(two, monkeypatch):
    monkeypatch.setattr("commerce.admin.policy_templates.SHOWN", 2)
    [first, second] = customers(two, "billing_admin")
    own, *_others = (ProductFactory(name=f"Product {name}") for name in "ABCD")
    text = f"tenants: {{{first.slug}: {{products: {{{own.pk}: approval_required}}}}}}"
    policy_files.apply(text=text, name="own", by=admin_of(first), at=timezone.now())
    answer = signed_in(two.member).post(PAGE, sent(two, "default_for_new_products: disabled"))
    lines = {line.customer: line for line in answer.context["preview"].lines}
    assert [each.product.name for each in lines[first].following] == ["Product B", "Product C", "Product D"]
    assert [plain(each.what) for each in lines[second].followers] == ["Product A", "Product B"]
    page = plain(answer.content.decode())
    assert "3 products that the template does not name follow, and change with it:" in page
    assert "4 products that the template does not name follow, and change with it:" in page
    assert "And 2 more." in page


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


def test_names_the_line_of_the_template_that_is_wrong(two):
    text = "default_for_new_products: disabled\nself_service_enabled: 'no'"
    page = plain(signed_in(two.member).post(PAGE, sent(two, text)).content.decode())
    assert "the template:2: " in page


def test_reaches_no_customer_that_does_not_allow_it_nor_anybody_elses(two):
    browser = signed_in(two.member)
    for tenants in (customers(two, "global_reader"), [TenantFactory()], [two.delegation.partner]):
        assert browser.post(PAGE, sent(two, "default_for_new_products: disabled", tenants)).status_code == 400
    delegations.revoke(delegation=two.delegation, by=admin_of(two.delegation.tenant), at=timezone.now())
    assert browser.post(PAGE, sent(two, "x: y", [two.delegation.tenant])).status_code == 400
    assert signed_in(RoleGrantFactory().membership).get(PAGE).status_code == 403
