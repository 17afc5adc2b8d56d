"""Licence requests: one's own, and for those who decide them, all of the organisation."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from licensing.api.shapes import Email, ProductRef, product_named
from licensing.operations.seats import members_by_email
from policies.api.shapes import OrNone
from policies.models import How, LicenseRequest, PersonState, RequestState
from policies.models.request import LONGEST_TEXT, LicenseRequestQuerySet
from policies.operations import request_decisions, requests
from policies.operations.request_decisions import CHOICES, Decision
from tenants.access import Right
from tenants.api.fields import PersonField
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView


class LicenseRequestFilters(Input):
    state = serializers.ChoiceField(RequestState.choices, required=False, help_text=_("Default all."))


class LicenseRequestBody(Input):
    product = serializers.CharField(max_length=40, help_text=_("A product's id."))
    members = serializers.ListField(
        child=Email(),
        required=False,
        allow_empty=False,
        max_length=requests.MOST_PEOPLE,
        help_text=_("E-mail addresses; default the caller."),
    )
    reason = serializers.CharField(max_length=LONGEST_TEXT)


class DecideLicenseRequestBody(Input):
    """Whoever is named in neither list waits on."""

    approve = serializers.ListField(child=Email(), required=False, max_length=requests.MOST_PEOPLE)
    decline = serializers.ListField(child=Email(), required=False, max_length=requests.MOST_PEOPLE)
    message = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_TEXT, help_text=_("Told to them and to who asked.")
    )
    how = serializers.ChoiceField(
        [(choice.value, choice.label) for choice in CHOICES],
        required=False,
        help_text=_(
            "`free_seat`, the default: a free seat of what the organisation has bought. `exception`: they may buy it "
            "themselves; needs the right to change policies, and `until`."
        ),
    )
    until = serializers.DateTimeField(required=False, help_text=_("When an exception ends."))


class LicenseRequestPersonOut(serializers.Serializer):
    member = PersonField()
    state = serializers.ChoiceField(PersonState.choices)
    how = serializers.SerializerMethodField(help_text="free_seat, bought or exception; null unless granted.")
    subscription = OrNone(help_text="Where the seat is: the subscription's id.")
    until = serializers.DateTimeField(allow_null=True, help_text="When an exception ends.")
    message = serializers.CharField(help_text="Of whoever decided.")
    decided_by = OrNone(source="decided_by.email", default=None, help_text="The e-mail address of who decided.")
    decided_at = serializers.DateTimeField(allow_null=True)

    def get_how(self, person: Any) -> str | None:
        return How(person.how).value if person.how else None


class LicenseRequestOut(serializers.Serializer):
    id = serializers.CharField()
    state = serializers.ChoiceField(RequestState.choices)
    product = ProductRef()
    requester = PersonField()
    reason = serializers.CharField()
    members = LicenseRequestPersonOut(many=True, source="people.all")
    created_at = serializers.DateTimeField()
    ended_at = serializers.SerializerMethodField(help_text="When nobody waited any more.")

    def get_ended_at(self, request: Any) -> str | None:
        ended = None if request.is_waiting else request.decided_at
        return serializers.DateTimeField().to_representation(ended) if ended else None


class LicenseRequestView(TenantView):
    scopes = {}

    def seen(self) -> LicenseRequestQuerySet:
        return LicenseRequest.objects.visible_to(self.actor).with_people()

    def shown(self, request: LicenseRequest, *, status: int = 200) -> Response:
        return Response(LicenseRequestOut(self.seen().get(pk=request.pk)).data, status=status)


class LicenseRequests(LicenseRequestView):
    scopes = {"GET": "requests:write", "POST": "requests:write"}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(
        operation_id="list_license_requests", parameters=[LicenseRequestFilters], responses=page_of(LicenseRequestOut)
    )
    def get(self, request: Request) -> Response:
        """The caller's own; of those who decide requests, all of the organisation."""
        return self.page(self.seen().filter(**self.query(LicenseRequestFilters)), LicenseRequestOut)

    @extend_schema(operation_id="ask_for_license", request=LicenseRequestBody, responses={201: LicenseRequestOut})
    def post(self, request: Request) -> Response:
        """
        Ask for licences, for oneself and others. Where the organisation has a process of its own: 409
        `request_process` with its `message` and `url`.
        """
        body = self.body(LicenseRequestBody)
        asked = requests.ask(
            product=product_named(body["product"]),
            reason=body["reason"],
            members=members_by_email(body.get("members", []), by=self.actor),
            by=self.actor,
            at=self.actor.now(),
        )
        return self.shown(asked, status=201)


class OneLicenseRequest(LicenseRequestView):
    scopes = {"GET": "requests:write"}

    @extend_schema(operation_id="get_license_request", responses=LicenseRequestOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One of them."""
        return self.shown(self.find(self.seen(), pk=id))


class DecideLicenseRequest(LicenseRequestView):
    scopes = {"POST": "requests:write"}

    @extend_schema(operation_id="decide_license_request", request=DecideLicenseRequestBody, responses=LicenseRequestOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Approve some of the people and decline others, all or nothing; whoever is not named waits on."""
        asked = self.find(self.seen(), pk=id)
        self.actor.require(Right.DECIDE_REQUESTS)
        decision = Decision(**self.body(DecideLicenseRequestBody))
        request_decisions.decide(request=asked, decision=decision, by=self.actor, at=self.actor.now())
        return self.shown(asked)


class WithdrawLicenseRequest(LicenseRequestView):
    scopes = {"POST": "requests:write"}

    @extend_schema(operation_id="withdraw_license_request", request=Input, responses=LicenseRequestOut)
    def post(self, request: Request, id: UUID) -> Response:
        """Do without what nobody has decided yet; what was granted stays. Withdrawn already: nothing changes."""
        asked = self.find(self.seen(), pk=id)
        self.body(Input)
        requests.withdraw(request=asked, by=self.actor, at=self.actor.now())
        return self.shown(asked)
