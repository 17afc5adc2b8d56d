"""What was ordered and how it was paid."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.shapes import TaxTermsField
from commerce.models import Order, OrderLine, OrderState, PaymentState, RefundState
from commerce.models.payment import RefundReason
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
    period = serializers.SerializerMethodField(help_text="null until it is paid.")

    @extend_schema_field(PeriodOut(allow_null=True))
    def get_period(self, line: OrderLine) -> Any:
        return PeriodOut(line).data if line.starts_at else None


class RefundOut(serializers.Serializer):
    id = serializers.CharField()
    state = serializers.ChoiceField(RefundState.choices)
    amount = MoneyField(amount="amount", currency="payment.currency")
    reason = serializers.ChoiceField(RefundReason.choices)
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class PaymentOut(serializers.Serializer):
    """One try of one card."""

    id = serializers.CharField()
    state = serializers.ChoiceField(PaymentState.choices)
    amount = MoneyField(amount="amount", currency="currency")
    decline_code = OrNone(help_text="Why the card was declined.")
    started_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    refunds = RefundOut(many=True)


class OrderOut(serializers.Serializer):
    id = serializers.CharField()
    state = serializers.ChoiceField(OrderState.choices)
    buyer = PersonField()
    checkout = serializers.CharField(source="checkout_id")
    subscription = serializers.CharField(source="subscription_id", allow_null=True)
    lines = OrderLineOut(many=True)
    subtotal = MoneyField(amount="subtotal", currency="currency")
    tax = MoneyField(amount="tax", currency="currency")
    tax_terms = TaxTermsField()
    total = MoneyField(amount="total", currency="currency")
    payments = PaymentOut(many=True)
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)


class Orders(TenantView):
    scopes = {"GET": "purchases:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_orders", parameters=[OrderFilters], responses=page_of(OrderOut))
    def get(self, request: Request) -> Response:
        """One's own orders; whoever sees all purchases, those of the tenant. With lines, tries of cards and refunds."""
        asked = self.query(OrderFilters)
        return self.page(Order.objects.visible_to(self.actor).filter(**asked).with_lines(), OrderOut)
