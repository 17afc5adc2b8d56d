"""The people of a tenant, for those who manage them, and their roles."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.directory.models import (
    Department,
    MemberKind,
    Membership,
    MembershipQuerySet,
    MemberSource,
    MemberState,
    Role,
    Tenant,
)
from tenants.directory.operations import people, roles


@extend_schema_field(OpenApiTypes.STR)
class DepartmentField(serializers.Field):
    """A department by name or id; null for none. Another tenant's is as unknown as one that never was."""

    default_error_messages = {
        "invalid": _("Must be the name or the id of a department."),
        "does_not_exist": _("There is no such department."),
    }

    def to_internal_value(self, data: Any) -> Department:
        if not isinstance(data, str):
            self.fail("invalid")
        tenant: Tenant = self.context["tenant"]
        own = Department.objects.filter(tenant=tenant)
        found = own.filter(name=data).first() or (own.filter(pk=data).first() if is_uuid(data) else None)
        if found is None:
            self.fail("does_not_exist")
        return found

    def to_representation(self, value: Any) -> str:
        return str(value)


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class MemberChange(Input):
    name = serializers.CharField(max_length=200, allow_blank=True, required=False)
    department = DepartmentField(required=False, allow_null=True)
    state = serializers.ChoiceField(MemberState.choices, required=False)
    source = serializers.ChoiceField(MemberSource.choices, required=False)  # type: ignore[assignment]  # the contract's name
    away_until = serializers.DateField(
        required=False, allow_null=True, help_text=_("The last day of a leave: until then nobody calls a seat unused.")
    )


class NewMember(MemberChange):
    email = serializers.EmailField(max_length=254)
    kind = serializers.ChoiceField(MemberKind.choices, required=False)


class MemberOut(serializers.Serializer):
    id = serializers.CharField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField()
    kind = serializers.ChoiceField(MemberKind.choices)
    department = serializers.CharField(source="department.name", default=None, allow_null=True)
    state = serializers.ChoiceField(MemberState.choices)
    source = serializers.ChoiceField(MemberSource.choices)  # type: ignore[assignment]  # the contract's name
    away_until = serializers.DateField(allow_null=True)
    roles = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(Role.choices)))
    def get_roles(self, member: Membership) -> list[str]:
        return sorted(grant.role for grant in member.role_grants.all())


class PeopleView(TenantView):
    """Whoever may not manage people sees none of these calls' answers."""

    scopes = {}

    def managed(self) -> MembershipQuerySet:
        self.actor.require(Right.MANAGE_PEOPLE)
        return Membership.objects.of(self.tenant).with_people().prefetch_related("role_grants")


class Members(PeopleView):
    scopes = {"GET": "members:read", "POST": "members:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_members", responses=page_of(MemberOut))
    def get(self, request: Request) -> Response:
        """Members and guests of the tenant."""
        people = self.managed()
        self.query(Input)
        return self.page(people, MemberOut)

    @extend_schema(operation_id="add_member", request=NewMember, responses={201: MemberOut})
    def post(self, request: Request) -> Response:
        """Add a member by an address of a verified domain, or a guest by any address."""
        self.managed()
        body = self.body(NewMember, context={"tenant": self.tenant})
        added = people.add_member(tenant=self.tenant, by=self.actor, at=self.actor.now(), **body)
        return Response(MemberOut(added).data, status=201)


class Member(PeopleView):
    scopes = {"GET": "members:read", "PATCH": "members:write"}

    @extend_schema(operation_id="get_member", responses=MemberOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One person of the tenant."""
        return Response(MemberOut(self.find(self.managed(), pk=id)).data)

    @extend_schema(operation_id="change_member", request=MemberChange, responses=MemberOut)
    def patch(self, request: Request, id: UUID) -> HttpResponse:
        """Change what is sent; of a guest only department and state."""
        membership = self.find(self.managed(), pk=id)
        body = self.body(MemberChange, context={"tenant": self.tenant})
        changed = people.change_member(membership=membership, by=self.actor, at=self.actor.now(), **body)
        return Response(MemberOut(changed).data)


class MemberRole(PeopleView):
    """A role of one person; the same call twice is the same as once."""

    scopes = {"PUT": "members:write", "DELETE": "members:write"}

    @extend_schema(operation_id="grant_role", request=None, responses=MemberOut)
    def put(self, request: Request, id: UUID, role: str) -> HttpResponse:
        """Give a role, for global admins."""
        return self.changed(roles.grant, id, role)

    @extend_schema(operation_id="revoke_role", responses=MemberOut)
    def delete(self, request: Request, id: UUID, role: str) -> HttpResponse:
        """Take a role away, for global admins; never the last global admin's."""
        return self.changed(roles.revoke, id, role)

    def changed(self, change: Callable[..., None], id: UUID, role: str) -> HttpResponse:
        self.actor.require(Right.MANAGE_ROLES)
        if role not in Role.values:
            raise Http404
        membership = self.find(self.managed(), pk=id)
        change(membership=membership, role=role, by=self.actor, at=self.actor.now())
        return Response(MemberOut(self.find(self.managed(), pk=id)).data)
