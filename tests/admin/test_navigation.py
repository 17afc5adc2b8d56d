"""What the navigation of the procurement view lights."""

import pytest
from django.urls import reverse

from tests.admin.pages import browser_of

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


def test_the_organisations_own_page_lights_its_billing_details(contoso):
    page = browser_of(contoso).get(reverse("admin:tenants_tenant_change", args=[contoso.pk]))
    items = [item for group in page.context["sidebar_navigation"] for item in group["items"]]
    lit = [str(item["title"]) for item in items if item["active"] and item["has_permission"]]
    assert lit == ["Billing details"]
