"""What the tenant says over all its policies: the default, the stop, its contact and its own process."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from policies.api.shapes import ValueField
from policies.operations import settings
from policies.operations.values import LONGEST_REASON
from tenants.access import Right
from tenants.api.reading import Flag, Input
from tenants.api.views import TenantView
from tenants.directory.operations.organisations import LONGEST_CONTACT


class SettingsBody(Input):
    """What is not sent stays; empty takes a text away."""

    default_for_new_products = ValueField(required=False)
    self_service_enabled = Flag(required=False, help_text=_("false stops all self-service buying."))
    contact_email = serializers.CharField(max_length=LONGEST_CONTACT, allow_blank=True, required=False)
    contact_url = serializers.CharField(max_length=LONGEST_CONTACT, allow_blank=True, required=False)
    contact_message = serializers.CharField(max_length=settings.LONGEST_MESSAGE, allow_blank=True, required=False)
    request_process_message = serializers.CharField(
        max_length=settings.LONGEST_MESSAGE, allow_blank=True, required=False
    )
    request_process_url = serializers.CharField(
        max_length=settings.LONGEST_PROCESS_URL, allow_blank=True, required=False, help_text=_("https or mailto")
    )
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, required=False)


class SettingsOut(serializers.Serializer):
    default_for_new_products = ValueField()
    self_service_enabled = serializers.BooleanField()
    contact_email = serializers.CharField()
    contact_url = serializers.CharField()
    contact_message = serializers.CharField()
    request_process_message = serializers.CharField()
    request_process_url = serializers.CharField()


class PolicySettings(TenantView):
    scopes = {"GET": "policies:read", "PUT": "policies:write"}

    @extend_schema(operation_id="get_policy_settings", responses=SettingsOut)
    def get(self, request: Request) -> Response:
        """As they hold now."""
        self.actor.require(Right.READ_POLICY)
        self.query(Input)
        return Response(SettingsOut(settings.of(self.tenant)).data)

    @extend_schema(operation_id="change_policy_settings", request=SettingsBody, responses=SettingsOut)
    def put(self, request: Request) -> Response:
        """Change what is sent, and leave the rest."""
        self.actor.require(Right.CHANGE_POLICY)
        body = self.body(SettingsBody)
        now = settings.change(tenant=self.tenant, by=self.actor, at=timezone.now(), **body)
        return Response(SettingsOut(now).data)
