from django.urls import path

from policies.api.approvers import Approvers, OneApprover
from policies.api.eligibility import Eligibility
from policies.api.entitlements import Entitlements, Use
from policies.api.exclusions import Exclusions, OneExclusion
from policies.api.governance import GovernancePolicies, OneGovernancePolicy
from policies.api.markets import Markets
from policies.api.products import NewProducts, ProductPolicies, ProductPolicy
from policies.api.requests import (
    DecideLicenseRequest,
    LicenseRequests,
    OneLicenseRequest,
    WithdrawLicenseRequest,
)
from policies.api.settings import PolicySettings
from policies.api.spend_limits import OneSpendLimit, SpendLimits
from policies.api.values import Value, Values

urlpatterns = [
    path("products/<str:id>/eligibility/", Eligibility.as_view(), name="api-eligibility"),
    path("policies/products/", ProductPolicies.as_view(), name="api-product-policies"),
    path("policies/products/<str:id>/", ProductPolicy.as_view(), name="api-product-policy"),
    path("policies/approvers/", Approvers.as_view(), name="api-approvers"),
    path("policies/approvers/<uuid:id>/", OneApprover.as_view(), name="api-approver"),
    path("policies/new-products/", NewProducts.as_view(), name="api-new-products"),
    path("policies/settings/", PolicySettings.as_view(), name="api-policy-settings"),
    path("policies/values/", Values.as_view(), name="api-policy-values"),
    path("policies/values/<uuid:id>/", Value.as_view(), name="api-policy-value"),
    path("spend-limits/", SpendLimits.as_view(), name="api-spend-limits"),
    path("spend-limits/<uuid:id>/", OneSpendLimit.as_view(), name="api-spend-limit"),
    path("exclusions/", Exclusions.as_view(), name="api-exclusions"),
    path("exclusions/<uuid:id>/", OneExclusion.as_view(), name="api-exclusion"),
    path("governance-policies/", GovernancePolicies.as_view(), name="api-governance-policies"),
    path("governance-policies/<uuid:id>/", OneGovernancePolicy.as_view(), name="api-governance-policy"),
    path("entitlements/", Entitlements.as_view(), name="api-entitlements"),
    path("entitlements/use/", Use.as_view(), name="api-use"),
    path("license-requests/", LicenseRequests.as_view(), name="api-license-requests"),
    path("license-requests/<uuid:id>/", OneLicenseRequest.as_view(), name="api-license-request"),
    path("license-requests/<uuid:id>/decide/", DecideLicenseRequest.as_view(), name="api-license-request-decide"),
    path("license-requests/<uuid:id>/withdraw/", WithdrawLicenseRequest.as_view(), name="api-license-request-withdraw"),
    path("markets/", Markets.as_view(), name="api-markets"),
]
