"""Purchases of people who left: seen by those who see all purchases, decided by those who may end them."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.models import Agreement, LeaverChoice, LeaverTask, LeaverTaskState, PaymentMethod
from commerce.models.transfer import LONGEST_TRANSFER_MESSAGE
from commerce.operations.leaving import decisions
from commerce.operations.leaving.adoption import Payer
from licensing.api.shapes import Email
from licensing.operations import seats
from tenants.access import Right
from tenants.api.fields import PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.refusal import BadInput


class LeaverFilters(Input):
    state = serializers.ChoiceField(LeaverTaskState.choices, required=False)


class DecideLeaverBody(Input):
    choice = serializers.ChoiceField(LeaverChoice.choices)
    to = Email(required=False, help_text=_("With `transfer`: the member it is offered to."))
    message = serializers.CharField(max_length=LONGEST_TRANSFER_MESSAGE, allow_blank=True, default="")
    agreement = serializers.UUIDField(required=False, help_text=_("With `adopt`: what pays, by invoice."))
    payment_method = serializers.UUIDField(required=False, help_text=_("With `adopt`: or a card of the organisation."))


class LeaverTaskOut(serializers.Serializer):
    """`note`: what the organisation's setting did while nobody had decided: `renewed`, `not_adopted`."""

    id = serializers.CharField()
    subscription = serializers.CharField(source="subscription_id")
    member = PersonField()
    state = serializers.ChoiceField(LeaverTaskState.choices)
    choice = serializers.CharField(help_text="Empty: not decided.")
    note = serializers.CharField()
    quantity = serializers.IntegerField(source="subscription.quantity")
    seats_assigned = serializers.IntegerField(source="subscription.seats_assigned")
    term_end = serializers.DateTimeField(source="subscription.term_end")
    auto_renew = serializers.BooleanField(source="subscription.auto_renew")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class LeaverView(TenantView):
    scopes = {}

    def tasks(self) -> Any:
        self.actor.require(Right.SEE_ALL_PURCHASES)
        return LeaverTask.objects.of(self.tenant).with_people()


class Leavers(LeaverView):
    scopes = {"GET": "purchases:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_leavers", parameters=[LeaverFilters], responses=page_of(LeaverTaskOut))
    def get(self, request: Request) -> Response:
        """What people own who are disabled or have left, and what was decided of it."""
        return self.page(self.tasks().filter(**self.query(LeaverFilters)), LeaverTaskOut)


class OneLeaver(LeaverView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_leaver", responses=LeaverTaskOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One of them."""
        return Response(LeaverTaskOut(self.find(self.tasks(), pk=id)).data)


class DecideLeaver(LeaverView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="decide_leaver", request=DecideLeaverBody, responses=LeaverTaskOut)
    def post(self, request: Request, id: UUID) -> Response:
        """
        Hand it over to another member, adopt it for the organisation, let it end with its term, or keep it as it is.
        One may decide otherwise as long as that has not happened.
        """
        task = self.find(self.tasks(), pk=id)
        self.actor.require(Right.END_PURCHASES_OF_OTHERS)
        body = self.body(DecideLeaverBody)
        to = seats.members_by_email([body["to"]], by=self.actor, field="to")[0] if "to" in body else None
        decisions.decide(
            task=task,
            choice=body["choice"],
            to=to,
            message=body["message"],
            payer=self.payer(body),
            by=self.actor,
            at=self.actor.now(),
        )
        return Response(LeaverTaskOut(self.find(self.tasks(), pk=id)).data)

    def payer(self, body: dict[str, Any]) -> Payer:
        """:raises BadInput: no agreement or card of the organisation's"""
        found: dict[str, Any] = {}
        rows = {
            "agreement": Agreement.objects.of(self.tenant),
            "payment_method": PaymentMethod.objects.of(self.tenant).filter(member=None).kept(),
        }
        for field, known in rows.items():
            if field in body:
                found[field] = known.filter(pk=body[field]).first()
                if found[field] is None:
                    raise BadInput(_("There is no such thing."), field=field, code="does_not_exist")
        return Payer(agreement=found.get("agreement"), card=found.get("payment_method"))
