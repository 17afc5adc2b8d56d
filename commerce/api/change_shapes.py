"""What a change of a subscription costs, gives back and does, line by line."""

from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commerce.api.quotes import NextActionOut
from commerce.api.shapes import SubscriptionOut, TaxTermsField
from commerce.models import Order, Payment, PaymentState
from commerce.models.order import GRANTED
from commerce.operations.changes.cancellations import Cancellation
from commerce.operations.changes.quotes import Direction, Position, Quote, Why
from commerce.operations.paying import open_orders
from licensing.api.shapes import ProductRef
from tenants.api.fields import Money, MoneyField, Person, PersonField, money

STATES = [("completed", "Done"), ("requires_action", "The cardholder's step is needed"), ("processing", "Ask again")]


class PartOut(serializers.Serializer):
    """`seconds` of the `of` seconds that the amount is a part of."""

    seconds = serializers.IntegerField()
    of = serializers.IntegerField()


class WhyOut(serializers.Serializer):
    code = serializers.ChoiceField(Why.choices)
    detail = serializers.CharField()


class ChangeLineOut(serializers.Serializer):
    """Seats of a plan for a time. `order` and `charged` name what was charged for them before."""

    product = ProductRef(source="plan.product")
    plan = serializers.CharField(source="plan.pk")
    description = serializers.CharField(source="plan")
    quantity = serializers.IntegerField()
    unit_price = MoneyField(amount="unit_price", currency="currency")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    part = PartOut()
    amount = MoneyField(amount="amount", currency="currency", help_text="Without tax.")
    tax = MoneyField(amount="tax", currency="currency")
    total = MoneyField(amount="total", currency="currency")
    why = serializers.SerializerMethodField()
    order = serializers.SerializerMethodField(help_text="Null: nothing was charged before.")
    charged = serializers.SerializerMethodField(help_text="Null, as `order`.")

    @extend_schema_field(WhyOut)
    def get_why(self, line: Position) -> dict[str, str]:
        return {"code": line.why.value, "detail": str(line.why.label)}

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_order(self, line: Position) -> str | None:
        return str(line.order.pk) if line.order else None

    @extend_schema_field(Money(allow_null=True))
    def get_charged(self, line: Position) -> dict[str, str] | None:
        return money(line.charged, line.currency) if line.order else None


class RefundLineOut(ChangeLineOut):
    """`refund` is what goes back for the line: its total, or nothing where it runs to its end."""

    refund = MoneyField(amount="total", currency="currency")


class SumsOut(serializers.Serializer):
    """Sums are null where nothing was ever charged."""

    subtotal = serializers.SerializerMethodField(help_text="Without tax.")
    tax = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()

    @extend_schema_field(Money(allow_null=True))
    def get_subtotal(self, told: Quote | Cancellation) -> dict[str, str] | None:
        return money(told.subtotal, told.currency) if told.currency else None

    @extend_schema_field(Money(allow_null=True))
    def get_tax(self, told: Quote | Cancellation) -> dict[str, str] | None:
        return money(told.tax, told.currency) if told.currency else None

    @extend_schema_field(Money(allow_null=True))
    def get_total(self, told: Quote | Cancellation) -> dict[str, str] | None:
        return money(told.total, told.currency) if told.currency else None


class ChangeOut(SumsOut):
    """
    A change, done or only previewed. `as_of` is the moment it was computed for: sent back within 15 minutes, exactly
    what was shown is charged or given back.
    """

    state = serializers.SerializerMethodField(help_text="Null: a preview.")
    direction = serializers.ChoiceField(Direction.choices)
    lines = ChangeLineOut(many=True)
    tax_terms = TaxTermsField()
    quantity_before = serializers.IntegerField(source="before")
    quantity = serializers.IntegerField(source="after", help_text="Once it is done, at once.")
    scheduled_quantity = serializers.IntegerField(
        source="scheduled", allow_null=True, help_text="From `takes_effect_at` on. Null: nothing waits for the renewal."
    )
    withdraws = serializers.IntegerField(
        allow_null=True, help_text="The quantity that waited for the renewal and no longer does."
    )
    takes_effect_at = serializers.DateTimeField()
    as_of = serializers.DateTimeField()
    order = serializers.SerializerMethodField(help_text="The id of what was ordered. Null: nothing was.")
    next_action = serializers.SerializerMethodField(help_text="While `requires_action`.")
    subscription = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(STATES, allow_null=True))
    def get_state(self, told: Quote) -> str | None:
        if self.context["is_preview"]:
            return None
        order: Order | None = self.context["order"]
        if order is None or order.state in GRANTED:
            return "completed"
        return "requires_action" if self._waiting() else "processing"

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_order(self, told: Quote) -> str | None:
        order: Order | None = self.context["order"]
        return str(order.pk) if order else None

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, told: Quote) -> dict[str, str] | None:
        waiting = self._waiting()
        return next_action(waiting) if waiting else None

    @extend_schema_field(SubscriptionOut)
    def get_subscription(self, told: Quote) -> Any:
        return SubscriptionOut(self.context["purchase"]).data

    def _waiting(self) -> Payment | None:
        order: Order | None = self.context["order"]
        payment = open_orders.live_payment(order) if order else None
        return payment if payment and payment.state == PaymentState.REQUIRES_ACTION else None


class LosingOut(serializers.Serializer):
    """How many people lose their seats, and up to 100 of them: those who came last."""

    count = serializers.IntegerField(source="losing")
    people = serializers.SerializerMethodField()

    @extend_schema_field(Person(many=True))
    def get_people(self, told: Cancellation) -> list[dict[str, str]]:
        return [PersonField().to_representation(seat.member) for seat in told.people]


class CancellationOut(SumsOut):
    """
    Lines inside their refund window end at once, and `total` goes back; the others run to `ends_at`, and as long as
    there are any, the subscription does with their seats.
    """

    direction = serializers.SerializerMethodField()
    lines = RefundLineOut(many=True)
    ends_at = serializers.DateTimeField()
    quantity = serializers.IntegerField(source="seats_left", help_text="The seats that run on.")
    loses_access = LosingOut(source="*")
    as_of = serializers.DateTimeField()
    subscription = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(Direction.choices))
    def get_direction(self, told: Cancellation) -> str:
        return (Direction.REFUND if told.refunds else Direction.NONE).value

    @extend_schema_field(SubscriptionOut)
    def get_subscription(self, told: Cancellation) -> Any:
        return SubscriptionOut(self.context["purchase"]).data


def next_action(payment: Payment) -> dict[str, str]:
    return {"type": "redirect_to_url", "url": urljoin(settings.BASE_URL, payment.action_url)}
