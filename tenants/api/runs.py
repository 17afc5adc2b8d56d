"""What is done to many rows in the background: how far it has come, and what became of each row."""

from typing import Literal
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.runs.models import RowState, Run


class RunCountsOut(serializers.Serializer):
    """`set_aside`: failed on our side; an operator sees why. `left`: somebody stopped the run before its turn."""

    waiting = serializers.IntegerField()
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    set_aside = serializers.IntegerField()
    left = serializers.IntegerField()


class RunOut(serializers.Serializer):
    """Many rows that are changed one by one. Read it again until `state` is no longer `under_way`."""

    id = serializers.CharField()
    deed = serializers.CharField(help_text="What is done to each, such as `commerce.merge`.")
    state = serializers.SerializerMethodField()
    size = serializers.IntegerField(help_text="How many rows there are.")
    counts = serializers.SerializerMethodField(help_text="How many of them are in which state.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_state(self, run: Run) -> Literal["under_way", "finished", "stopped"]:
        if run.stopped_at is not None:
            return "stopped"
        return "under_way" if run.finished_at is None else "finished"

    @extend_schema_field(RunCountsOut)
    def get_counts(self, run: Run) -> dict[str, int]:
        return run.counts()


class RunRowOut(serializers.Serializer):
    """One row; `code` says why it was refused, `detail` what came of it, in a sentence."""

    id = serializers.CharField()
    subject = serializers.CharField(help_text="The id of what is changed, such as that of a subscription.")
    state = serializers.ChoiceField(RowState.choices)
    code = serializers.CharField(help_text="Empty: it was not refused.")
    detail = serializers.CharField()
    done_at = serializers.DateTimeField(allow_null=True)


class OneRun(TenantView):
    scopes = {"GET": "purchases:read"}

    @extend_schema(operation_id="get_run", responses=RunOut)
    def get(self, request: Request, id: UUID) -> Response:
        """How far it has come: what one asked for oneself, or all of the organisation for who reads its journal."""
        self.query(Input)
        return Response(RunOut(self.find(Run.objects.visible_to(self.actor), pk=id)).data)


class RunRows(TenantView):
    scopes = {"GET": "purchases:read"}
    # Ids are given in the order of the rows.
    orderings = {"id": "id"}
    default_ordering = "id"

    @extend_schema(operation_id="list_run_rows", responses=page_of(RunRowOut))
    def get(self, request: Request, id: UUID) -> Response:
        """What became of each, in the order in which they are done."""
        run = self.find(Run.objects.visible_to(self.actor), pk=id)
        self.query(Input)
        return self.page(run.rows.all(), RunRowOut)
