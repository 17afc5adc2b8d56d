"""What the seats bring by product and channel, and what is in use of it, which products report."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import ProductRef, product_named
from licensing.models import Channel
from licensing.operations import capacity, usage
from licensing.operations.capacity import ProductCapacity
from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.views import TenantView


class ChannelCapacityOut(serializers.Serializer):
    channel = serializers.ChoiceField(Channel.choices)
    seats = serializers.IntegerField()
    brings = serializers.DictField(child=serializers.IntegerField())


class CapacityOut(serializers.Serializer):
    product = ProductRef()
    seats = serializers.IntegerField()
    brings = serializers.DictField(child=serializers.IntegerField(), help_text="Such as `database_mb`: all channels.")
    channels = ChannelCapacityOut(many=True)
    in_use = serializers.DictField(child=serializers.IntegerField(), help_text="As reported last; else not there.")
    reported_at = serializers.DateTimeField(allow_null=True)


class CapacityList(serializers.Serializer):
    results = CapacityOut(many=True)


class CapacityUseBody(Input):
    product = serializers.CharField(max_length=40)
    in_use = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=usage.MOST_CAPACITY), allow_empty=False
    )


class Capacity(TenantView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_capacity", responses=CapacityList)
    def get(self, request: Request) -> Response:
        """What the seats of each product bring, and what is in use of it as far as that was reported."""
        self.actor.require(Right.SEE_CAPACITY)
        self.query(Input)
        return Response({"results": [_out(each) for each in capacity.of(self.tenant)]})


class CapacityUses(TenantView):
    scopes = {"POST": "seats:write"}

    @extend_schema(operation_id="report_capacity_use", request=CapacityUseBody, responses=CapacityOut)
    def post(self, request: Request) -> Response:
        """Report what is in use of what a product's seats bring. Kinds that are not named stay as they were."""
        self.actor.require(Right.ASSIGN_CENTRAL_SEATS)
        body = self.body(CapacityUseBody)
        product = product_named(body["product"])
        usage.report_capacity(
            tenant=self.tenant, product=product, in_use=body["in_use"], by=self.actor, at=self.actor.now()
        )
        found = next(each for each in capacity.of(self.tenant) if each.product.pk == product.pk)
        return Response(_out(found))


def _out(each: ProductCapacity) -> Any:
    return CapacityOut(each).data
