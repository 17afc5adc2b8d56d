"""What the tenant allows for each product."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import ProductRef
from licensing.models import Product
from licensing.models.catalogue import ProductQuerySet
from policies.api import dry_runs
from policies.api.dry_runs import ChangeBody, ReachOut
from policies.api.shapes import SourceOut, ValueField
from policies.operations import inbox, policies, values
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope
from tenants.access import Right
from tenants.api import pages
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.refusal import BadInput
from tenants.text import LONGEST_REASON

MOST_AT_ONCE = 500


class PolicyBody(ChangeBody):
    value = ValueField()
    reason = serializers.CharField(max_length=LONGEST_REASON)


class PoliciesBody(PolicyBody):
    products = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=1, max_length=MOST_AT_ONCE, help_text=_("Ids.")
    )


class ProductPolicyOut(serializers.Serializer):
    product = ProductRef()
    value = ValueField()
    source = SourceOut()  # type: ignore[assignment]  # a field named as in the contract
    reason = serializers.CharField()
    existing = ReachOut(
        source="reach", allow_null=True, help_text="Just after a change that ends what people have; else null."
    )


ONE = dry_runs.or_touched("ProductPolicyOrTouched", ProductPolicyOut)
MANY = dry_runs.or_touched("ProductPoliciesOrTouched", ProductPolicyOut(many=True))


class PolicyView(TenantView):
    scopes = {}

    def products(self, right: Right) -> ProductQuerySet:
        self.actor.require(right)
        return Product.objects.select_related("family")

    def changed(
        self, products: list[Product], asked: dry_runs.Asked, value: str, reason: str
    ) -> list[policies.ProductPolicy] | Response:
        """What holds now, or, when it is only tried out, what would be touched."""
        at = self.actor.now()
        if asked.dry_run:
            values.check_existing(asked.existing, value, at=at)
            change = Change(values=[NewValue(scope=Scope(product=product), value=value) for product in products])
            return dry_runs.answer(self.tenant, change, by=self.actor, at=at)
        return policies.set_product_policies(
            tenant=self.tenant,
            products=products,
            value=value,
            reason=reason,
            existing=asked.existing,
            by=self.actor,
            at=at,
        )

    def shown_page(self, products: QuerySet[Any]) -> Response:
        self.query(Input)
        found = pages.page(products, self.request, orderings=self.orderings or {})
        rows = policies.in_force(self.tenant, found.rows, at=self.actor.now())
        return Response(
            {"next": found.next, "previous": found.previous, "results": ProductPolicyOut(rows, many=True).data}
        )


class ProductPolicies(PolicyView):
    scopes = {"GET": "policies:read", "PUT": "policies:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_product_policies", responses=page_of(ProductPolicyOut))
    def get(self, request: Request) -> Response:
        """The value in force for every product, and where that was said."""
        return self.shown_page(self.products(Right.READ_POLICY))

    @extend_schema(operation_id="set_product_policies", request=PoliciesBody, responses=MANY)
    def put(self, request: Request) -> Response:
        """Say the same of many products, of all or of none. What was bought stays, unless `existing` ends it."""
        products = self.products(Right.CHANGE_POLICY)
        body = self.body(PoliciesBody)
        asked = body.pop("products")
        found = products.in_bulk(asked)
        for index, name in enumerate(asked):
            if name not in found:
                raise BadInput(_("There is no such product."), field=f"products.{index}", code="does_not_exist")
        done = self.changed([found[name] for name in asked], dry_runs.taken_from(body), **body)
        return done if isinstance(done, Response) else Response(ProductPolicyOut(done, many=True).data)


class NewProducts(PolicyView):
    scopes = {"GET": "policies:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_new_products", responses=page_of(ProductPolicyOut))
    def get(self, request: Request) -> Response:
        """Products that came after the tenant and wait for a value of their own, and what holds until then."""
        self.actor.require(Right.READ_POLICY)
        return self.shown_page(inbox.new_products(self.tenant))


class ProductPolicy(PolicyView):
    scopes = {"GET": "policies:read", "PUT": "policies:write"}

    @extend_schema(operation_id="get_product_policy", responses=ProductPolicyOut)
    def get(self, request: Request, id: str) -> Response:
        """The value in force for a product, and where that was said."""
        product = self.find(self.products(Right.READ_POLICY), pk=id)
        [row] = policies.in_force(self.tenant, [product], at=self.actor.now())
        return Response(ProductPolicyOut(row).data)

    @extend_schema(operation_id="set_product_policy", request=PolicyBody, responses=ONE)
    def put(self, request: Request, id: str) -> Response:
        """Allow or forbid from now on. What was bought stays, unless `existing` ends it."""
        product = self.find(self.products(Right.CHANGE_POLICY), pk=id)
        body = self.body(PolicyBody)
        done = self.changed([product], dry_runs.taken_from(body), **body)
        return done if isinstance(done, Response) else Response(ProductPolicyOut(done[0]).data)
