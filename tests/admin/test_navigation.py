"""What the navigation of the procurement view lights."""

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.admin.pages import browser_of
from tests.callers import signed_in
from tests.tenants.partners import let_in

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.mark.parametrize(
    ("page", "lit"),
    [
        ("index", ["Overview"]),
        ("policies_selfserviceproduct_changelist", ["Product policies"]),
        ("policies_selfserviceproduct_new", ["New products"]),
        ("policies_selfserviceproduct_explain", ["Explain a decision"]),
        ("policies_selfserviceproduct_settings", ["Policy settings"]),
        ("policies_policy_changelist", ["Policies set"]),
        ("commerce_purchase_order", ["Purchases"]),
    ],
)
def test_one_entry_is_lit(contoso, page, lit):
    shown = browser_of(contoso).get(reverse(f"admin:{page}")).context["sidebar_navigation"]
    assert [str(item["title"]) for group in shown for item in group["items"] if item["active"]] == lit


@pytest.mark.parametrize(
    ("page", "lit"),
    [
        ("customers", "Your customers"),
        ("purchases", "Customers’ purchases"),
        ("approvals", "Customers’ approvals"),
        ("new_products", "Customers’ new products"),
    ],
)
def test_one_entry_is_lit_of_those_over_all_customers(contoso, page, lit):
    browser = signed_in(let_in(contoso, at=timezone.now()).member)
    shown = browser.get(reverse(f"admin:tenants_delegation_{page}")).context["sidebar_navigation"]
    assert [str(item["title"]) for group in shown for item in group["items"] if item["active"]] == [lit]


def test_the_organisations_own_page_lights_its_billing_details(contoso):
    page = browser_of(contoso).get(reverse("admin:tenants_tenant_change", args=[contoso.pk]))
    items = [item for group in page.context["sidebar_navigation"] for item in group["items"]]
    lit = [str(item["title"]) for item in items if item["active"] and item["has_permission"]]
    assert lit == ["Billing details"]
