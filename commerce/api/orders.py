"""What was ordered and how it was paid."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.change_shapes import PartOut, next_action
from commerce.api.checkouts import PROBLEM, CardDeclinedOut
from commerce.api.quotes import NextActionOut
from commerce.api.shapes import TaxTermsField
from commerce.models import Order, OrderKind, OrderLine, OrderState, PaymentState, RefundState
from commerce.models.order import OrderQuerySet
from commerce.models.payment import RefundReason
from commerce.operations.paying import open_orders
from licensing.api.shapes import ProductRef
from policies.api.shapes import OrNone
from tenants.api.fields import MoneyField, PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView


class OrderFilters(Input):
    state = serializers.ChoiceField(OrderState.choices, required=False)
    subscription = serializers.UUIDField(required=False)


class PeriodOut(serializers.Serializer):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class OrderLineOut(serializers.Serializer):
    product = ProductRef(source="plan.product")
    plan = serializers.CharField(source="plan_id")
    quantity = serializers.IntegerField()
    unit_price = MoneyField(amount="unit_price", currency="order.currency")
    amount = MoneyField(amount="amount", currency="order.currency")
    tax = MoneyField(amount="tax", currency="order.currency")
    part = serializers.SerializerMethodField(help_text="Of a term, that the amount is for; null: all of it.")
    period = serializers.SerializerMethodField(help_text="null until it is known: a purchase's begins when it is paid.")

    @extend_schema_field(PartOut(allow_null=True))
    def get_part(self, line: OrderLine) -> dict[str, int | None] | None:
        return None if line.part_seconds is None else {"seconds": line.part_seconds, "of": line.term_seconds}

    @extend_schema_field(PeriodOut(allow_null=True))
    def get_period(self, line: OrderLine) -> Any:
        return PeriodOut(line).data if line.starts_at else None


class RefundOut(serializers.Serializer):
    id = serializers.CharField()
    state = serializers.ChoiceField(RefundState.choices)
    amount = MoneyField(amount="amount", currency="payment.captured_in")
    reason = serializers.ChoiceField(RefundReason.choices)
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class CreditOut(serializers.Serializer):
    """Taken off what is to be paid for the invoice of an order: no card gives anything back."""

    id = serializers.CharField()
    amount = MoneyField(amount="amount", currency="order.currency")
    reason = serializers.ChoiceField(RefundReason.choices)
    created_at = serializers.DateTimeField()


class PaymentOut(serializers.Serializer):
    """One try of one card. `captured` is what was charged: something else than `amount` where it was set aside."""

    id = serializers.CharField()
    state = serializers.ChoiceField(PaymentState.choices)
    amount = MoneyField(amount="amount", currency="currency")
    captured = MoneyField(amount="captured", currency="captured_in")
    decline_code = OrNone(help_text="Why the card was declined.")
    started_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    refunds = RefundOut(many=True)


class OrderOut(serializers.Serializer):
    id = serializers.CharField()
    kind = serializers.ChoiceField(OrderKind.choices)
    state = serializers.ChoiceField(OrderState.choices)
    buyer = PersonField()
    checkout = serializers.CharField(source="checkout_id", allow_null=True)
    subscription = serializers.CharField(source="subscription_id", allow_null=True)
    lines = OrderLineOut(many=True)
    subtotal = MoneyField(amount="subtotal", currency="currency")
    tax = MoneyField(amount="tax", currency="currency")
    tax_terms = TaxTermsField()
    total = MoneyField(amount="total", currency="currency")
    payments = PaymentOut(many=True)
    credits = CreditOut(many=True)
    next_action = serializers.SerializerMethodField(help_text="While its cardholder's step is needed.")
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, order: Order) -> dict[str, str] | None:
        for payment in order.payments.all():
            if payment.state == PaymentState.REQUIRES_ACTION:
                return next_action(payment)
        return None


TRIED: dict[Any, Any] = {
    200: OrderOut,
    202: OpenApiResponse(OrderOut, description="Its result is still awaited"),
    (402, PROBLEM): OpenApiResponse(CardDeclinedOut, description="The card was declined; the order is canceled"),
}


class OrdersView(TenantView):
    scopes = {}

    def visible(self) -> OrderQuerySet:
        return Order.objects.visible_to(self.actor)

    def own(self, id: UUID) -> Order:
        """:raises NotAllowed: the caller sees it, but did not place it"""
        order = self.find(self.visible().select_related("checkout"), pk=id)
        open_orders.require_buyer(order, self.actor)
        return order

    def told(self, order: Order) -> Response:
        waits = order.state == OrderState.PENDING
        shown = self.find(self.visible().with_history(), pk=order.pk)
        return Response(OrderOut(shown).data, status=202 if waits else 200)


class Orders(OrdersView):
    scopes = {"GET": "purchases:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_orders", parameters=[OrderFilters], responses=page_of(OrderOut))
    def get(self, request: Request) -> Response:
        """
        One's own orders; whoever sees all purchases, those of the tenant. With lines, tries of cards,
        refunds and credits.
        """
        asked = self.query(OrderFilters)
        return self.page(self.visible().filter(**asked).with_history(), OrderOut)


class OneOrder(OrdersView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_order", responses=OrderOut)
    def get(self, request: Request, id: UUID) -> Response:
        """How an order stands. While it is `pending`, ask again."""
        return Response(OrderOut(self.find(self.visible().with_history(), pk=id)).data)


class ConfirmOrder(OrdersView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(operation_id="confirm_order", request=Input, responses=TRIED)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """After the cardholder's step: ask the provider what became of it."""
        order = self.own(id)
        return self.once(lambda: self.confirm(order))

    def confirm(self, order: Order) -> Response:
        self.body(Input)
        return self.told(open_orders.confirm_order(order=order, by=self.actor, at=self.actor.now()))


class CancelOrder(OrdersView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="cancel_order", request=Input, responses=OrderOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Give it up before it is paid. A card that waits for its holder is released. Canceled already: no change."""
        order = self.own(id)
        self.body(Input)
        return self.told(open_orders.cancel_order(order=order, by=self.actor, at=self.actor.now()))
