"""Several purchases of one product merged into one central subscription: previewed, then done, each by itself."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.api.aligning import NotAlignedOut
from commerce.api.change_shapes import STATES, ChangeLineOut, SumsOut, next_action
from commerce.api.changes import TRIED, ChangeView, ReactivateBody
from commerce.api.checkouts import ReadBody, read_in
from commerce.api.quotes import NextActionOut
from commerce.models import Order, Payment, PaymentState
from commerce.models.order import GRANTED
from commerce.operations.paying import open_orders
from commerce.operations.takeover import merging, previewing
from commerce.operations.takeover.merging import MOST_AT_ONCE, Merged, Merger
from licensing.models import Subscription
from tenants.api.fields import Money, money
from tenants.api.runs import RunOut
from tenants.refusal import BadInput
from tenants.text import LONGEST_REASON

WITH = _("The ids of the purchases whose people are moved to this subscription.")


class MergeBody(ReactivateBody, ReadBody):
    """Which purchases, and how the seats are paid for that the subscription lacks."""

    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, default="")

    def get_fields(self) -> dict[str, Any]:
        ids = serializers.ListField(
            child=serializers.UUIDField(), allow_empty=False, max_length=MOST_AT_ONCE, help_text=WITH
        )
        return {"with": ids, **super().get_fields()}


class MergedOut(serializers.Serializer):
    """One of them: what goes back when it is settled, or why it stays as it is, and then `refused` says so."""

    subscription = serializers.CharField(source="subscription.pk")
    take_over = serializers.SerializerMethodField(help_text="The id. Null: a preview, or refused.")
    moved = serializers.SerializerMethodField(help_text="How many people. Null: done, or refused.")
    total = serializers.SerializerMethodField(help_text="Null: done, or refused, or nothing was ever charged.")
    refused = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_take_over(self, one: Merged) -> str | None:
        return str(one.take_over.pk) if one.take_over else None

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_moved(self, one: Merged) -> int | None:
        return one.preview.moved if one.preview else None

    @extend_schema_field(Money(allow_null=True))
    def get_total(self, one: Merged) -> dict[str, str] | None:
        told = one.preview
        return money(told.back, told.currency) if told and told.currency else None

    @extend_schema_field(NotAlignedOut(allow_null=True))
    def get_refused(self, one: Merged) -> Any:
        return NotAlignedOut(one.refusal).data if one.refusal else None


class RoomOut(SumsOut):
    """What the seats cost that are missing, for the rest of the term."""

    quantity = serializers.IntegerField(source="after", help_text="Of the subscription, with them.")
    lines = ChangeLineOut(many=True)


class MergerOut(serializers.Serializer):
    """
    What is merged into a subscription. While its missing seats wait for their payment nobody is moved: call it again,
    with another key, once the order is paid. More than 50 are moved in the background: `each` is empty, and `run` tells
    what becomes of them. `as_of` as everywhere.
    """

    subscription = serializers.CharField(source="target.pk")
    ends_at = serializers.DateTimeField(source="target.term_end")
    state = serializers.SerializerMethodField(help_text="Null: a preview.")
    missing = serializers.IntegerField(help_text="Seats that are bought first.")
    room = RoomOut(allow_null=True, help_text="Null: nothing is missing, or it was bought.")
    order = serializers.SerializerMethodField(help_text="The id of what was ordered. Null: nothing was.")
    next_action = serializers.SerializerMethodField(help_text="While `requires_action`.")
    each = MergedOut(many=True)
    run = RunOut(allow_null=True, help_text="Of more than 50, see `GET runs/{id}/`. Null: nothing is left to do.")
    as_of = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(STATES, allow_null=True))
    def get_state(self, told: Merger) -> str | None:
        if self.context["is_preview"]:
            return None
        if told.goes_on:
            return "processing"
        if told.order is None or told.order.state in GRANTED:
            return "completed"
        return "requires_action" if _waiting(told.order) else "processing"

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_order(self, told: Merger) -> str | None:
        return str(told.order.pk) if told.order else None

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_next_action(self, told: Merger) -> dict[str, str] | None:
        waiting = _waiting(told.order) if told.order else None
        return next_action(waiting) if waiting else None


class MergePurchases(ChangeView):
    scopes = {"POST": "purchases:write"}
    idempotent = ("POST",)

    @extend_schema(
        operation_id="merge_purchases",
        request=MergeBody,
        responses={
            **{code: told for code, told in TRIED.items() if code not in (200, 202)},
            200: MergerOut,
            202: OpenApiResponse(
                MergerOut,
                description="The missing seats wait for their payment, and nobody was moved; or there are more than "
                "50, and people are moved in the background: see the run",
            ),
        },
    )
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """
        Merge what people bought of a product into this central subscription: seats that it lacks are bought for the
        rest of its term, and the people of each purchase are moved to it, each a take-over of its own.
        """
        target = self.find(Subscription.objects.visible_to(self.actor).with_people(), pk=id)
        previewing.require_taker(target, self.actor)
        if self.only_previews():
            return self.preview(target)
        return self.once(lambda: self.merge(target))

    def preview(self, target: Subscription) -> Response:
        body = self.body(MergeBody)
        told = merging.preview(
            target=target,
            others=self.others(body),
            as_of=body.get("as_of"),
            by=self.actor,
            at=self.actor.now(),
        )
        return Response(MergerOut(told, context={"is_preview": True}).data)

    def merge(self, target: Subscription) -> Response:
        body = self.body(MergeBody)
        told = merging.merge(
            target=target,
            others=self.others(body),
            reason=body["reason"],
            payment_method=body.get("payment_method", ""),
            as_of=body.get("as_of"),
            expecting=body.get("expected_total"),
            acknowledge=read_in(body),
            return_url=self.return_url(target),
            key=self.key_id,
            by=self.actor,
            at=self.actor.now(),
        )
        return Response(
            MergerOut(told, context={"is_preview": False}).data, status=202 if told.waits or told.run else 200
        )

    def others(self, body: dict[str, Any]) -> list[Subscription]:
        """
        In the order in which they are named, each once for each time that it is.

        :raises BadInput: one that the caller does not see
        """
        found = Subscription.objects.visible_to(self.actor).with_people().in_bulk(body["with"])
        for pk in body["with"]:
            if pk not in found:
                said = _("There is no purchase %(id)s.") % {"id": pk}
                raise BadInput(said, field="with", code="does_not_exist")
        return [found[pk] for pk in body["with"]]


def _waiting(order: Order) -> Payment | None:
    payment = open_orders.live_payment(order)
    return payment if payment and payment.state == PaymentState.REQUIRES_ACTION else None
