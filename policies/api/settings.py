"""What the tenant says over all its policies: the default, the stop, its contact and its own process."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from policies.api import dry_runs
from policies.api.dry_runs import ChangeBody
from policies.api.shapes import ValueField
from policies.operations import settings
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope
from policies.operations.values import LONGEST_REASON
from tenants.access import Right
from tenants.api.reading import Flag, Input
from tenants.api.views import TenantView
from tenants.directory.operations.organisations import LONGEST_CONTACT


class SettingsBody(ChangeBody):
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


ANSWER = dry_runs.or_touched("PolicySettingsOrTouched", SettingsOut)


class PolicySettings(TenantView):
    scopes = {"GET": "policies:read", "PUT": "policies:write"}

    @extend_schema(operation_id="get_policy_settings", responses=SettingsOut)
    def get(self, request: Request) -> Response:
        """As they hold now."""
        self.actor.require(Right.READ_POLICY)
        self.query(Input)
        return Response(SettingsOut(settings.of(self.tenant)).data)

    @extend_schema(operation_id="change_policy_settings", request=SettingsBody, responses=ANSWER)
    def put(self, request: Request) -> Response:
        """Change what is sent, and leave the rest. What was bought stays, unless `existing` ends it."""
        self.actor.require(Right.CHANGE_POLICY)
        body = self.body(SettingsBody)
        asked, at = dry_runs.taken_from(body), timezone.now()
        if asked.dry_run:
            settings.check_existing(asked.existing, at=at, **body)
            return dry_runs.answer(self.tenant, change_in(body), by=self.actor, at=at)
        now = settings.change(tenant=self.tenant, existing=asked.existing, by=self.actor, at=at, **body)
        return Response(SettingsOut(now).data)


def change_in(body: dict[str, Any]) -> Change:
    """What of the settings decides who may buy."""
    default, enabled = body.get("default_for_new_products"), body.get("self_service_enabled")
    return Change(
        values=[NewValue(scope=Scope(), value=default)] if default else [],
        stopped=None if enabled is None else not enabled,
    )
