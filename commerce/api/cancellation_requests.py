"""Asking whoever manages a subscription to cancel it."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.models import CancellationRequest, RequestedCancellationState
from commerce.models.cancellation_request import LONGEST_REQUEST_MESSAGE
from commerce.operations.centralising import requests
from licensing.models import Subscription
from tenants.access import Right
from tenants.api.fields import PersonField
from tenants.api.reading import Input
from tenants.api.views import TenantView


class RequestCancellationBody(Input):
    message = serializers.CharField(max_length=LONGEST_REQUEST_MESSAGE, allow_blank=True, default="")


class CancellationRequestOut(serializers.Serializer):
    """`promised`: they will cancel. `kept`: they will not, for a `reason`. `canceled`, `withdrawn`, `moot`: over."""

    id = serializers.CharField()
    state = serializers.ChoiceField(RequestedCancellationState.choices)
    subscription = serializers.CharField(source="subscription_id")
    asked = PersonField(source="member")
    message = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class RequestCancellation(TenantView):
    scopes = {"POST": "purchases:write"}

    @extend_schema(
        operation_id="request_cancellation", request=RequestCancellationBody, responses={201: CancellationRequestOut}
    )
    def post(self, request: Request, id: UUID) -> Response:
        """
        Ask its owner to cancel, in a letter, with reminders after 2 and 5 days. Asked already and not answered: that
        request again.
        """
        subscription = self.find(Subscription.objects.visible_to(self.actor).select_related("tenant"), pk=id)
        self.actor.require(Right.END_PURCHASES_OF_OTHERS)
        body = self.body(RequestCancellationBody)
        made = requests.ask(subscription=subscription, message=body["message"], by=self.actor, at=self.actor.now())
        told = CancellationRequest.objects.with_people().get(pk=made.pk)
        return Response(CancellationRequestOut(told).data, status=201)
