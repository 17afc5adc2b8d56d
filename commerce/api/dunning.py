"""When renewals that failed are tried again, and who is told when, as an organisation wishes it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.operations.renewing import dunning_steps
from commerce.operations.renewing.dunning_steps import LAST_DAY, MOST, Step
from tenants.access import Right
from tenants.api.reading import Flag, Input
from tenants.api.views import TenantView


class StepBody(Input):
    day = serializers.IntegerField(min_value=0, max_value=LAST_DAY, help_text=_("Days after the first failure."))
    retry = Flag(help_text=_("The card is tried again, at 09:00 of the organisation. Never on day 0."))
    mail = Flag(help_text=_("Whoever pays is told."))


class StepsBody(Input):
    steps = serializers.ListField(
        child=StepBody(),
        allow_null=True,
        max_length=MOST,
        help_text=_("All of them, day 0 among them. null: the operator's hold again."),
    )
    without_retries = Flag(default=False, help_text=_("Has to be true where no step tries the card again."))


class StepOut(serializers.Serializer):
    day = serializers.IntegerField()
    retry = serializers.BooleanField()
    mail = serializers.BooleanField()


class StepsOut(serializers.Serializer):
    steps = StepOut(many=True)
    own = serializers.BooleanField(help_text="false: the operator's hold, which may change.")


class DunningSteps(TenantView):
    scopes = {"GET": "purchases:read", "PUT": "purchases:write"}

    @extend_schema(operation_id="get_dunning_steps", responses=StepsOut)
    def get(self, request: Request) -> Response:
        """What happens after a renewal was declined, day by day from its first failure."""
        self.actor.require(Right.SEE_ALL_PURCHASES)
        self.query(Input)
        return Response(StepsOut(dunning_steps.of(self.tenant)).data)

    @extend_schema(operation_id="change_dunning_steps", request=StepsBody, responses=StepsOut)
    def put(self, request: Request) -> Response:
        """Replace all steps. A renewal that waits for its next try keeps its moment; then the new steps hold."""
        self.actor.require(Right.CHANGE_BILLING)
        body: dict[str, Any] = self.body(StepsBody)
        given, at = body["steps"], self.actor.now()
        if given is None:
            now = dunning_steps.restore(tenant=self.tenant, by=self.actor, at=at)
        else:
            steps = [Step(**step) for step in given]
            now = dunning_steps.change(
                tenant=self.tenant, steps=steps, without_retries=body["without_retries"], by=self.actor, at=at
            )
        return Response(StepsOut(now).data)
