"""What the tenant says over all its policies: the default, the stop, its contact and its own process."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from policies.api import dry_runs
from policies.api.dry_runs import ChangeBody, ReachOut
from policies.api.shapes import ValueField
from policies.models import MOST_LEAVER_GRACE, LeaverDefault
from policies.operations import settings
from policies.operations.proposed import Change, NewValue
from policies.operations.scopes import Scope
from tenants.access import Right
from tenants.api.reading import Flag, Input
from tenants.api.views import TenantView
from tenants.directory.operations.organisations import LONGEST_CONTACT
from tenants.text import LONGEST_REASON


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
    leaver_default = serializers.ChoiceField(
        LeaverDefault.choices,
        required=False,
        help_text=_("What becomes of a leaver's purchase at its next charge when nobody has decided."),
    )
    leaver_grace_days = serializers.IntegerField(
        min_value=0, max_value=MOST_LEAVER_GRACE, required=False, help_text=_("So long a leaver keeps their seats.")
    )
    tell_admins_of_failed_charges = Flag(
        required=False, help_text=_("Tell those who buy for the organisation of each renewal of a member that failed.")
    )
    tell_admins_of_renewals = Flag(
        required=False, help_text=_("Tell them 30 and 7 days before of what members have and is renewed.")
    )
    take_over_refunds = Flag(
        required=False, help_text=_("Whether who paid for what is taken over gets the unused part back.")
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
    leaver_default = serializers.ChoiceField(LeaverDefault.choices)
    leaver_grace_days = serializers.IntegerField()
    tell_admins_of_failed_charges = serializers.BooleanField()
    tell_admins_of_renewals = serializers.BooleanField()
    take_over_refunds = serializers.BooleanField()
    existing = ReachOut(
        source="reach", allow_null=True, help_text="Just after a change that ends what people have; else null."
    )


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
        asked, at = dry_runs.taken_from(body), self.actor.now()
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
