"""Questions to the vendor's support, and an admin's wish that a subscription ends."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.models import SupportCase
from commerce.models.support import MOST_TEXT, CaseKind, CaseState, SupportLevel
from commerce.operations import support
from licensing.models import Subscription
from tenants.api.fields import PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.refusal import BadInput


class NewCaseBody(Input):
    kind = serializers.ChoiceField(CaseKind.choices, default=CaseKind.QUESTION)
    subject = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=MOST_TEXT)
    subscription = serializers.UUIDField(required=False, help_text=_("What it is about; needed for its end."))


class ReplyBody(Input):
    body = serializers.CharField(max_length=MOST_TEXT)


class CaseFilters(Input):
    kind = serializers.ChoiceField(CaseKind.choices, required=False)
    state = serializers.ChoiceField(CaseState.choices, required=False)


class MessageOut(serializers.Serializer):
    from_support = serializers.BooleanField()
    body = serializers.CharField()
    at = serializers.DateTimeField()


class CaseOut(serializers.Serializer):
    """`support` is the vendor's own for whoever bought: it never counts against the tenant's own support contract."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(CaseKind.choices)
    support = serializers.ChoiceField(SupportLevel.choices)
    state = serializers.ChoiceField(CaseState.choices)
    subject = serializers.CharField()
    subscription = serializers.CharField(source="subscription_id", allow_null=True)
    opened_by = PersonField(source="member")
    messages = MessageOut(many=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()


class CaseView(TenantView):
    """One's own cases, and nobody else's."""

    scopes = {}

    def own(self) -> Any:
        return SupportCase.objects.opened_by(self.member)

    def case(self, id: UUID) -> SupportCase:
        found: SupportCase = self.find(self.own(), pk=id)
        return found

    def shown(self, case: SupportCase, *, status: int = 200) -> Response:
        return Response(CaseOut(self.own().with_messages().get(pk=case.pk)).data, status=status)


class SupportCases(CaseView):
    scopes = {"GET": "purchases:read", "POST": "purchases:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_support_cases", parameters=[CaseFilters], responses=page_of(CaseOut))
    def get(self, request: Request) -> Response:
        """The cases that one opened, with all that was said."""
        return self.page(self.own().filter(**self.query(CaseFilters)).with_messages(), CaseOut)

    @extend_schema(operation_id="open_support_case", request=NewCaseBody, responses={201: CaseOut})
    def post(self, request: Request) -> Response:
        """Ask the vendor's support; or, as an admin, ask it to end a subscription."""
        body = self.body(NewCaseBody)
        subscription = None
        if "subscription" in body:
            subscription = Subscription.objects.visible_to(self.actor).filter(pk=body["subscription"]).first()
            if subscription is None:
                raise BadInput(_("There is no such subscription."), field="subscription", code="does_not_exist")
        case = support.open_case(
            kind=body["kind"],
            subject=body["subject"],
            body=body["body"],
            subscription=subscription,
            by=self.actor,
            at=self.actor.now(),
        )
        return self.shown(case, status=201)


class OneSupportCase(CaseView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_support_case", responses=CaseOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One case."""
        return self.shown(self.case(id))


class SupportCaseMessages(CaseView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="reply_to_support_case", request=ReplyBody, responses={201: CaseOut})
    def post(self, request: Request, id: UUID) -> Response:
        """Say more: the case waits for support again."""
        case, body = self.case(id), self.body(ReplyBody)
        return self.shown(support.reply(case=case, by=self.actor, at=self.actor.now(), **body), status=201)


class CloseSupportCase(CaseView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(operation_id="close_support_case", request=Input, responses=CaseOut)
    def post(self, request: Request, id: UUID) -> Response:
        """No answer is needed any more. Closed already: nothing changes."""
        case = self.case(id)
        self.body(Input)
        return self.shown(support.close(case=case, by=self.actor, at=self.actor.now()))
