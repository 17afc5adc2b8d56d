"""Several subscriptions of one plan that end on one day: previewed, then charged each by itself."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.change_shapes import STATES, ChangeLineOut, SumsOut, next_action
from commerce.api.changes import TRIED, ChangeView, ReactivateBody
from commerce.api.quotes import NextActionOut
from commerce.api.shapes import TaxTermsField
from commerce.models import Order, OrderState, Payment, PaymentState
from commerce.models.order import GRANTED
from commerce.operations.changes import aligning
from commerce.operations.changes.aligning import MOST_AT_ONCE, Aligned
from commerce.operations.paying import open_orders
from licensing.models import Subscription
from tenants.api.fields import Money, MoneyField

WITH = _("The ids of the subscriptions whose terms are prolonged to the end of this one.")


class AlignBody(ReactivateBody):
    def get_fields(self) -> dict[str, Any]:
        ids = serializers.ListField(
            child=serializers.UUIDField(), allow_empty=False, max_length=MOST_AT_ONCE, help_text=WITH
        )
        return {"with": ids, **super().get_fields()}


class NotAlignedOut(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField(source="message")


class AlignedOut(serializers.Serializer):
    """One of them: what it costs, or why it stays as it is, and then `refused` says so and the rest is null."""

    subscription = serializers.CharField(source="subscription.pk")
    state = serializers.SerializerMethodField(help_text="Null: a preview, or refused.")
    lines = ChangeLineOut(source="quote.lines", many=True, default=[])
    total = serializers.SerializerMethodField()
    tax_terms = serializers.SerializerMethodField()
    order = serializers.SerializerMethodField(help_text="The id of what was ordered. Null: nothing was.")
    next_action = serializers.SerializerMethodField(help_text="While `requires_action`.")
    refused = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(STATES, allow_null=True))
    def get_state(self, one: Aligned) -> str | None:
        if one.order is None:
            return None
        if one.order.state in GRANTED:
            return "completed"
        return "requires_action" if _waiting(one.order) else "processing"

    @extend_schema_field(Money(allow_null=True))
    def get_total(self, one: Aligned) -> Any:
        return MoneyField(amount="total", currency="currency").to_representation(one.quote) if one.quote else None

    @extend_schema_field(TaxTermsField(allow_null=True))
    def get_tax_terms(self, one: Aligned) -> Any:
        return TaxTermsField().to_representation(one.quote) if one.quote else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_order(self, one: Aligned) -> str | None:
        return str(one.order.pk) if one.order else None

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, one: Aligned) -> dict[str, str] | None:
        waiting = _waiting(one.order) if one.order else None
        return next_action(waiting) if waiting else None

    @extend_schema_field(NotAlignedOut(allow_null=True))
    def get_refused(self, one: Aligned) -> Any:
        return NotAlignedOut(one.refusal).data if one.refusal else None


class AlignmentOut(SumsOut):
    """
    What is aligned with a subscription, each done or not by itself; sums are of those that can be. `as_of` is the
    moment it was computed for: sent back within 15 minutes, exactly what was shown is charged.
    """

    subscription = serializers.CharField(source="target.pk")
    ends_at = serializers.DateTimeField(source="target.term_end")
    each = AlignedOut(many=True)
    as_of = serializers.DateTimeField()


class Align(ChangeView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(
        operation_id="align_subscriptions",
        request=AlignBody,
        responses={
            **{code: told for code, told in TRIED.items() if code not in (200, 202)},
            200: AlignmentOut,
            202: OpenApiResponse(
                AlignmentOut, description="Of one at least the cardholder's step or an answer is awaited"
            ),
        },
    )
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        Let other subscriptions of the same plan end with this one. The term of each is prolonged, and the part that
        comes with it is charged at the price of its next term, each by an order of its own. Nothing of that part goes
        back later.
        """
        target = self.payable(id)
        if self.only_previews():
            return self.preview(target)
        return self.once(lambda: self.align(target))

    def preview(self, target: Subscription) -> Response:
        body = self.body(AlignBody)
        told = aligning.preview(
            target=target,
            others=self.others(body),
            as_of=body.get("as_of"),
            by=self.actor,
            at=self.actor.now(),
        )
        return Response(AlignmentOut(told).data)

    def align(self, target: Subscription) -> Response:
        body = self.body(AlignBody)
        told = aligning.align(
            target=target,
            others=self.others(body),
            payment_method=body.get("payment_method", ""),
            as_of=body.get("as_of"),
            expecting=body.get("expected_total"),
            return_url=self.return_url,
            key=self.key_id,
            by=self.actor,
            at=self.actor.now(),
        )
        waits = any(one.order is not None and one.order.state == OrderState.PENDING for one in told.each)
        return Response(AlignmentOut(told).data, status=202 if waits else 200)

    def others(self, body: dict[str, Any]) -> list[Subscription]:
        """In the order in which they are named, each once for each time that it is."""
        seen = Subscription.objects.visible_to(self.actor).with_people()
        found = seen.in_bulk(body["with"])
        return [found[pk] if pk in found else self.find(seen, pk=pk) for pk in body["with"]]


def _waiting(order: Order) -> Payment | None:
    payment = open_orders.live_payment(order)
    return payment if payment and payment.state == PaymentState.REQUIRES_ACTION else None
