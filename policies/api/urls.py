from django.urls import path

from policies.api.eligibility import Eligibility
from policies.api.markets import Markets
from policies.api.products import ProductPolicies, ProductPolicy

urlpatterns = [
    path("products/<str:id>/eligibility/", Eligibility.as_view(), name="api-eligibility"),
    path("policies/products/", ProductPolicies.as_view(), name="api-product-policies"),
    path("policies/products/<str:id>/", ProductPolicy.as_view(), name="api-product-policy"),
    path("markets/", Markets.as_view(), name="api-markets"),
]
