"""What waits for an approver, and the decision."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.operations.buying import approvals as deciding
from licensing.api.shapes import ProductRef
from policies.api.shapes import OrNone
from policies.models import Approval, ApprovalState
from policies.models.approval import LONGEST_MESSAGE, ApprovalQuerySet
from policies.operations import approval_grounds, approvals
from tenants.api.fields import MoneyField, PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.refusal import NotAllowed


class ApprovalFilters(Input):
    state = serializers.ChoiceField(ApprovalState.choices, required=False, help_text=_("Default all."))


class DecideBody(Input):
    approve = serializers.BooleanField()
    quantity = serializers.IntegerField(
        required=False, help_text=_("How many seats to approve: as many as were asked for, or fewer.")
    )
    message = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_MESSAGE, help_text=_("The buyer reads it.")
    )


class GroundOut(serializers.Serializer):
    """What asked for an approval: a policy, or a spend limit with its amounts as they were then."""

    code = serializers.CharField()
    level = serializers.CharField(help_text="person, group, product, family or tenant; of a limit, also department.")
    name = serializers.CharField(help_text="Of whom or what it was said; empty: of the whole organisation.")
    set_by = serializers.CharField(help_text="An e-mail address; empty: by command.")
    period = serializers.CharField(help_text="Of a limit: month or year.")
    limit = MoneyField(amount="amount", currency="currency", allow_null=True, help_text="Null: a policy.")
    committed = MoneyField(amount="committed", currency="currency", allow_null=True)
    adds = MoneyField(amount="adds", currency="currency", allow_null=True)


class ApprovalOut(serializers.Serializer):
    id = serializers.CharField()
    state = serializers.ChoiceField(ApprovalState.choices)
    checkout = serializers.CharField(source="subject", help_text="The checkout's id.")
    requester = PersonField()
    product = ProductRef()
    plan = serializers.CharField(source="plan_id")
    quantity = serializers.IntegerField(help_text="As it was asked for.")
    approved_quantity = serializers.IntegerField(allow_null=True)
    total = MoneyField(amount="amount", currency="currency", help_text="Of what was asked for, with its tax.")
    approved_total = MoneyField(
        amount="approved_amount", currency="currency", allow_null=True, help_text="Of the seats that were approved."
    )
    codes = serializers.ListField(child=serializers.CharField(), help_text="The rules that asked for an approval.")
    grounds = serializers.SerializerMethodField(help_text="The policy or the limit behind each of them.")
    message = serializers.CharField(help_text="Of whoever decided.")
    decided_by = OrNone(source="decided_by.email", default=None, help_text="The e-mail address of who decided.")
    decided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    lapses_at = serializers.DateTimeField()

    @extend_schema_field(GroundOut(many=True))
    def get_grounds(self, approval: Approval) -> Any:
        return GroundOut(approval_grounds.read(approval), many=True).data


class ApprovalView(TenantView):
    scopes = {}

    def seen(self) -> ApprovalQuerySet:
        """:raises NotAllowed: nobody's purchases are the caller's to approve"""
        if not approvals.is_approver(self.actor):
            raise NotAllowed(_("You approve nobody's purchases."))
        return approvals.seen_by(self.actor).with_people()

    def shown(self, approval: Approval) -> Response:
        return Response(ApprovalOut(Approval.objects.with_people().get(pk=approval.pk)).data)


class Approvals(ApprovalView):
    scopes = {"GET": "purchases:read"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_approvals", parameters=[ApprovalFilters], responses=page_of(ApprovalOut))
    def get(self, request: Request) -> Response:
        """What others asked of the caller: in the whole organisation, or in the departments they approve for."""
        found = self.seen().exclude(requester=self.actor.membership)
        return self.page(found.filter(**self.query(ApprovalFilters)), ApprovalOut)


class OneApproval(ApprovalView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_approval", responses=ApprovalOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One of them."""
        return self.shown(self.find(self.seen(), pk=id))


class DecideApproval(ApprovalView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="decide_approval", request=DecideBody, responses=ApprovalOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Approve, for as many seats as were asked for or fewer, or decline. What is approved is paid for at once."""
        approval = self.find(self.seen(), pk=id)
        body: dict[str, Any] = self.body(DecideBody)
        return self.shown(deciding.decide(approval=approval, by=self.actor, at=self.actor.now(), **body))
