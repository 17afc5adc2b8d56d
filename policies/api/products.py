"""What the tenant allows for each product."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import ProductRef
from licensing.models import Product
from licensing.models.catalogue import ProductQuerySet
from policies.api.shapes import SourceOut, ValueField
from policies.operations import policies
from tenants.access import Right
from tenants.api import pages
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView


class PolicyBody(Input):
    value = ValueField()
    reason = serializers.CharField(max_length=policies.LONGEST_REASON)


class ProductPolicyOut(serializers.Serializer):
    product = ProductRef()
    value = ValueField()
    source = SourceOut()  # type: ignore[assignment]  # a field named as in the contract
    reason = serializers.CharField()


class PolicyView(TenantView):
    scopes = {}

    def products(self, right: Right) -> ProductQuerySet:
        self.actor.require(right)
        return Product.objects.select_related("family")


class ProductPolicies(PolicyView):
    scopes = {"GET": "policies:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_product_policies", responses=page_of(ProductPolicyOut))
    def get(self, request: Request) -> Response:
        """The value in force for every product, and where that was said."""
        products = self.products(Right.READ_POLICY)
        self.query(Input)
        found = pages.page(products, request, orderings=self.orderings)
        rows = policies.in_force(self.tenant, found.rows, at=timezone.now())
        return Response(
            {"next": found.next, "previous": found.previous, "results": ProductPolicyOut(rows, many=True).data}
        )


class ProductPolicy(PolicyView):
    scopes = {"GET": "policies:read", "PUT": "policies:write"}

    @extend_schema(operation_id="get_product_policy", responses=ProductPolicyOut)
    def get(self, request: Request, id: str) -> Response:
        """The value in force for a product, and where that was said."""
        product = self.find(self.products(Right.READ_POLICY), pk=id)
        [row] = policies.in_force(self.tenant, [product], at=timezone.now())
        return Response(ProductPolicyOut(row).data)

    @extend_schema(operation_id="set_product_policy", request=PolicyBody, responses=ProductPolicyOut)
    def put(self, request: Request, id: str) -> Response:
        """Allow or forbid from now on. What was bought stays as it is."""
        product = self.find(self.products(Right.CHANGE_POLICY), pk=id)
        body = self.body(PolicyBody)
        row = policies.set_product_policy(tenant=self.tenant, product=product, by=self.actor, at=timezone.now(), **body)
        return Response(ProductPolicyOut(row).data)
