"""Who approves the purchases of a department."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email
from policies.models import Approver
from policies.models.approver import ApproverQuerySet
from policies.operations import approvers
from tenants.access import Right
from tenants.api.fields import PersonField
from tenants.api.members import DepartmentField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.directory.models import Membership
from tenants.refusal import BadInput


class ApproverBody(Input):
    department = DepartmentField(help_text=_("Its name or id."))
    member = Email(help_text=_("A member's e-mail address."))


class ApproverOut(serializers.Serializer):
    id = serializers.CharField()
    department = serializers.CharField(source="department.name", help_text="And those below it.")
    member = PersonField()
    created_at = serializers.DateTimeField(allow_null=True)


class ApproverView(TenantView):
    scopes = {}

    def approvers(self, right: Right) -> ApproverQuerySet:
        self.actor.require(right)
        return Approver.objects.of(self.tenant).with_people()


class Approvers(ApproverView):
    scopes = {"GET": "policies:read", "POST": "policies:write"}
    orderings = {"id": "id"}
    default_ordering = "-id"

    @extend_schema(operation_id="list_approvers", responses=page_of(ApproverOut))
    def get(self, request: Request) -> Response:
        """Who is named, besides the admins who may approve all."""
        found = self.approvers(Right.READ_POLICY)
        self.query(Input)
        return self.page(found, ApproverOut)

    @extend_schema(operation_id="name_approver", request=ApproverBody, responses={201: ApproverOut})
    def post(self, request: Request) -> Response:
        """Let a member approve the purchases of a department and of those below it. Named already: nothing changes."""
        self.actor.require(Right.CHANGE_POLICY)
        body = self.body(ApproverBody, context={"tenant": self.tenant})
        member = Membership.objects.of(self.tenant).members().by_email([body["member"]]).with_people().first()
        if member is None:
            raise BadInput(_("There is no such member."), field="member", code="not_a_member")
        named = approvers.name(
            tenant=self.tenant, department=body["department"], member=member, by=self.actor, at=self.actor.now()
        )
        return Response(ApproverOut(Approver.objects.with_people().get(pk=named.pk)).data, status=201)


class OneApprover(ApproverView):
    scopes = {"DELETE": "policies:write"}

    @extend_schema(operation_id="remove_approver", responses={204: None})
    def delete(self, request: Request, id: UUID) -> Response:
        """No longer; what they have decided stands."""
        approvers.remove(
            approver=self.find(self.approvers(Right.CHANGE_POLICY), pk=id), by=self.actor, at=self.actor.now()
        )
        return Response(status=204)
