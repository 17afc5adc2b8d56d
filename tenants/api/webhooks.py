"""Where an organisation's news goes: for its global admins, never for a partner's people."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Right
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.delivery.webhooks import endpoints
from tenants.delivery.webhooks.models import (
    DeliveryState,
    EndpointState,
    WebhookDelivery,
    WebhookDeliveryQuerySet,
    WebhookEndpoint,
    WebhookEndpointQuerySet,
)
from tenants.journal.types import TYPES
from tenants.outbound import LONGEST_ADDRESS

SCOPE = "webhooks:write"


def types() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        max_length=len(TYPES),
        help_text=_("Types of events; none named: all."),
    )


class WebhookEndpointBody(Input):
    url = serializers.CharField(max_length=LONGEST_ADDRESS, help_text=_("An https address."))
    types = types()


class WebhookEndpointChange(Input):
    url = serializers.CharField(max_length=LONGEST_ADDRESS, required=False)
    types = types()
    state = serializers.ChoiceField(
        [(state.value, state.label) for state in endpoints.CHOSEN],
        required=False,
        help_text=_("One that is active again goes on where it stopped."),
    )


class WebhookEndpointOut(serializers.Serializer):
    id = serializers.CharField()
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField(), help_text="None named: all.")
    state = serializers.ChoiceField(EndpointState.choices)
    disabled_because = serializers.CharField(help_text="`gone`, `failing`, or empty.")
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    previous_secret_until = serializers.DateTimeField(
        source="previous_until", allow_null=True, help_text="Until then the secret before signs as well."
    )
    created_by = serializers.EmailField(source="created_by.user.email")
    created_at = serializers.DateTimeField()


class NewWebhookEndpointOut(WebhookEndpointOut):
    secret = serializers.SerializerMethodField(help_text="Shown this once.")

    def get_secret(self, endpoint: WebhookEndpoint) -> str:
        return str(self.context["secret"])


class WebhookDeliveryOut(serializers.Serializer):
    id = serializers.CharField()
    event = serializers.CharField(source="event_id", help_text="The id of the event, sent as `webhook-id`.")
    type = serializers.CharField(source="event.type")
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_try_at = serializers.DateTimeField(allow_null=True)
    tried_at = serializers.DateTimeField(allow_null=True)
    response_status = serializers.IntegerField(allow_null=True)
    response_text = serializers.CharField(help_text="At most its first 500 characters.")
    error = serializers.CharField(help_text="Why nothing was answered, or empty.")
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhooksView(TenantView):
    """Whoever may not manage webhooks sees none of these calls' answers."""

    scopes = {}

    def managed(self) -> WebhookEndpointQuerySet:
        self.actor.require(Right.MANAGE_WEBHOOKS)
        return WebhookEndpoint.objects.of(self.tenant).select_related("tenant", "created_by__user")

    def deliveries(self, id: UUID) -> WebhookDeliveryQuerySet:
        endpoint = self.find(self.managed(), pk=id)
        rows = WebhookDelivery.objects.of(self.tenant).filter(endpoint=endpoint)
        return rows.select_related("endpoint__tenant", "event")

    def told(self, endpoint: WebhookEndpoint) -> Response:
        return Response(WebhookEndpointOut(endpoint).data)

    def told_once(self, made: tuple[WebhookEndpoint, str], status: int) -> Response:
        endpoint, secret = made
        return Response(NewWebhookEndpointOut(endpoint, context={"secret": secret}).data, status=status)


class WebhookEndpoints(WebhooksView):
    scopes = {"GET": SCOPE, "POST": SCOPE}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_webhook_endpoints", responses=page_of(WebhookEndpointOut))
    def get(self, request: Request) -> Response:
        """The addresses that hear of what happens here."""
        found = self.managed()
        self.query(Input)
        return self.page(found, WebhookEndpointOut)

    @extend_schema(
        operation_id="add_webhook_endpoint", request=WebhookEndpointBody, responses={201: NewWebhookEndpointOut}
    )
    def post(self, request: Request) -> Response:
        """Send what happens from now on to an address. The secret is shown this once."""
        self.managed()
        made = endpoints.add(
            tenant=self.tenant,
            loopback=settings.DEMO,
            by=self.actor,
            at=self.actor.now(),
            **self.body(WebhookEndpointBody),
        )
        return self.told_once(made, 201)


class OneWebhookEndpoint(WebhooksView):
    scopes = {"GET": SCOPE, "PATCH": SCOPE, "DELETE": SCOPE}

    @extend_schema(operation_id="get_webhook_endpoint", responses=WebhookEndpointOut)
    def get(self, request: Request, id: UUID) -> Response:
        """One address."""
        return self.told(self.find(self.managed(), pk=id))

    @extend_schema(operation_id="change_webhook_endpoint", request=WebhookEndpointChange, responses=WebhookEndpointOut)
    def patch(self, request: Request, id: UUID) -> HttpResponse:
        """Change its address or types, pause it, or make it active again."""
        found = self.find(self.managed(), pk=id)
        body = self.body(WebhookEndpointChange)
        return self.told(
            endpoints.change(endpoint=found, loopback=settings.DEMO, by=self.actor, at=self.actor.now(), **body)
        )

    @extend_schema(operation_id="remove_webhook_endpoint", responses={204: None})
    def delete(self, request: Request, id: UUID) -> HttpResponse:
        """Send nothing there any more, and forget what was sent."""
        endpoints.remove(endpoint=self.find(self.managed(), pk=id), by=self.actor, at=self.actor.now())
        return Response(status=204)


class RotatedWebhookSecret(WebhooksView):
    scopes = {"POST": SCOPE}

    @extend_schema(operation_id="rotate_webhook_secret", request=None, responses=NewWebhookEndpointOut)
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """Make a new secret, shown this once. The one before signs as well for 24 hours."""
        found = self.find(self.managed(), pk=id)
        self.body(Input)
        made = endpoints.rotate(endpoint=found, by=self.actor, at=self.actor.now(), now=timezone.now())
        return self.told_once(made, 200)


class WebhookDeliveries(WebhooksView):
    scopes = {"GET": SCOPE}
    orderings = {"created_at": "created_at", "id": "id"}

    @extend_schema(operation_id="list_webhook_deliveries", responses=page_of(WebhookDeliveryOut))
    def get(self, request: Request, id: UUID) -> Response:
        """What went to an address, or will, of the last 30 days."""
        found = self.deliveries(id)
        self.query(Input)
        return self.page(found, WebhookDeliveryOut)


class RepeatedWebhookDelivery(WebhooksView):
    scopes = {"POST": SCOPE}

    @extend_schema(operation_id="redeliver_webhook", request=None, responses=WebhookDeliveryOut)
    def post(self, request: Request, id: UUID, delivery: UUID) -> HttpResponse:
        """Have it sent once more, with the same `webhook-id`."""
        found = self.find(self.deliveries(id), pk=delivery)
        self.body(Input)
        again = endpoints.redeliver(delivery=found, by=self.actor, at=self.actor.now(), now=timezone.now())
        return Response(WebhookDeliveryOut(again).data)
