"""Buying for the tenant itself."""

from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.checkouts import PROBLEM, CardDeclinedOut, ReadBody, read_in
from commerce.api.quotes import NextActionOut
from commerce.api.shapes import SubscriptionOut, TaxTermsField
from commerce.api.subscriptions import Subscriptions
from commerce.models import Agreement, Order, Payment, PaymentState
from commerce.models.order import GRANTED
from commerce.operations.buying import central, partner
from licensing.api.shapes import ProductRef
from licensing.models import Plan
from tenants.access import Right
from tenants.api.fields import MoneyField
from tenants.api.reading import Flag
from tenants.api.schema import problem
from tenants.refusal import BadInput


class CentralOrderBody(ReadBody):
    plan = serializers.CharField(max_length=80)
    quantity = serializers.IntegerField()
    agreement = serializers.UUIDField(required=False, help_text=_("At its prices; paid by invoice if it says so."))
    payment_method = serializers.CharField(
        required=False,
        max_length=255,
        help_text=_("A card of the organisation, by its id, or the payment provider's token of a new one."),
    )
    preview = Flag(default=False, help_text=_("Only tell what it would cost: needs no key."))


class CentralQuoteOut(serializers.Serializer):
    product = ProductRef(source="plan.product")
    plan = serializers.CharField(source="plan.pk")
    quantity = serializers.IntegerField()
    unit_price = MoneyField(amount="unit_price", currency="currency")
    subtotal = MoneyField(amount="subtotal", currency="currency", help_text="Without tax.")
    tax = MoneyField(amount="tax", currency="currency")
    tax_terms = TaxTermsField()
    total = MoneyField(amount="total", currency="currency")


class OrderUnderWayOut(serializers.Serializer):
    """A card is being charged: do the cardholder's step and confirm the order, or ask for the order again."""

    order = serializers.CharField(help_text="The order's id.")
    state = serializers.ChoiceField(["requires_action", "processing"])
    next_action = NextActionOut(allow_null=True)


UNDER_WAY: dict[Any, Any] = {
    202: OpenApiResponse(
        OrderUnderWayOut, description="The cardholder's step is needed, or the answer is not known yet"
    ),
    (402, PROBLEM): OpenApiResponse(CardDeclinedOut, description="The card was declined; nothing was charged"),
    (429, PROBLEM): problem("Too many cards were declined"),
    (503, PROBLEM): problem("The payment provider does not answer; nothing was tried"),
}


def under_way(order: Order) -> Response:
    """The answer while a card is being charged for an order."""
    payment = Payment.objects.live().filter(order=order).first()
    needs_step = payment is not None and payment.state == PaymentState.REQUIRES_ACTION
    action = {"type": "redirect_to_url", "url": urljoin(settings.BASE_URL, payment.action_url)} if payment else None
    told = {
        "order": order.pk,
        "state": "requires_action" if needs_step else "processing",
        "next_action": action if needs_step else None,
    }
    return Response(OrderUnderWayOut(told).data, status=202)


class AllSubscriptions(Subscriptions):
    scopes = {"GET": "purchases:read", "POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(
        operation_id="buy_centrally",
        request=CentralOrderBody,
        responses={200: CentralQuoteOut, 201: SubscriptionOut, **UNDER_WAY},
    )
    def post(self, request: Request) -> HttpResponse:
        """
        Buy for the organisation, for whoever buys centrally: by an agreement that is paid by invoice, or with a card.
        Its seats are assigned afterwards. `preview`: only what it would cost (200). A partner's person records what the
        partner has sold, with `plan` and `quantity` alone: nobody is charged here.
        """
        self.actor.require(Right.BUY_CENTRALLY)
        if self.actor.is_delegate:
            return self.once(self.record)
        if self.only_previews():
            return self.quoted()
        return self.once(self.order)

    def quoted(self) -> Response:
        body = self.body(CentralOrderBody)
        told = central.quote(
            tenant=self.tenant,
            plan=plan_named(body["plan"]),
            quantity=body["quantity"],
            agreement=self.agreement(body.get("agreement")),
            at=self.actor.now(),
        )
        return Response(CentralQuoteOut(told).data)

    def record(self) -> Response:
        body = self.body(CentralOrderBody)
        for field in ("payment_method", "agreement", "preview"):
            if body.get(field):
                message = _("A purchase that a partner records charges nobody here: leave this out.")
                raise BadInput(message, field=field, code="charges_nobody")
        recorded = partner.record(
            plan=plan_named(body["plan"]),
            quantity=body["quantity"],
            record_id=self.key_id,
            by=self.actor,
            at=self.actor.now(),
        )
        return Response(SubscriptionOut(self.shown(recorded.pk)).data, status=201)

    def order(self) -> Response:
        body = self.body(CentralOrderBody)
        placed = central.order(
            plan=plan_named(body["plan"]),
            quantity=body["quantity"],
            agreement=self.agreement(body.get("agreement")),
            payment_method=body.get("payment_method", ""),
            return_url=urljoin(settings.BASE_URL, reverse("admin:commerce_purchase_ordered", args=[self.key_id])),
            order_id=self.key_id,
            acknowledge=read_in(body),
            by=self.actor,
            at=self.actor.now(),
        )
        if placed.state in GRANTED and placed.subscription_id:
            return Response(SubscriptionOut(self.shown(placed.subscription_id)).data, status=201)
        return under_way(placed)

    def agreement(self, id: UUID | None) -> Agreement | None:
        """:raises BadInput: the tenant has no such agreement"""
        found = Agreement.objects.of(self.tenant).filter(pk=id).first() if id else None
        if id and found is None:
            raise BadInput(_("There is no such agreement."), field="agreement", code="does_not_exist")
        return found


def plan_named(plan_id: str) -> Plan:
    """:raises BadInput: there is no such plan"""
    found = Plan.objects.select_related("product__family").filter(pk=plan_id).first()
    if found is None:
        raise BadInput(_("There is no such plan."), field="plan", code="does_not_exist")
    return found
