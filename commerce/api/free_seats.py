"""A free seat of the tenant's own, taken instead of paying."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.checkouts import CheckoutView
from commerce.models import Checkout
from commerce.operations.buying import free_seats
from commerce.operations.buying.checkouts import CheckoutCanceled
from licensing.api.shapes import SeatOut
from tenants.api.reading import Input


class UseFreeSeatBody(Input):
    subscription = serializers.UUIDField(
        required=False, help_text=_("One of `free_seats`; default the one that lasts longest.")
    )


class TakenSeatOut(serializers.Serializer):
    seat = SeatOut(source="*")
    subscription = serializers.CharField(source="subscription_id", help_text="The subscription's id.")
    checkout = serializers.SerializerMethodField(help_text="The checkout's id; it is canceled.")

    def get_checkout(self, seat: Any) -> str:
        return str(self.context["checkout"].pk)


class UseFreeSeat(CheckoutView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="use_free_seat", request=UseFreeSeatBody, responses=TakenSeatOut)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """Take a seat that the organisation has bought and nobody uses. The checkout is canceled."""
        checkout = self.own(id)
        return self.once(lambda: self.use(checkout))

    def use(self, checkout: Checkout) -> Response:
        body = self.body(UseFreeSeatBody)
        try:
            seat = free_seats.use_instead(checkout=checkout, by=self.actor, at=self.actor.now(), **body)
        except CheckoutCanceled:
            earlier = free_seats.held(product=checkout.plan.product, member=self.member) if self.taken_over else None
            if earlier is None:
                raise
            # The call that held this key died on its way: what it took is the answer.
            seat = earlier
        return Response(TakenSeatOut(seat, context={"checkout": checkout}).data)
