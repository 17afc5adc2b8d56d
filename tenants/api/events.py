"""The journal, to follow: facts in the order of their positions, each once, none ever appearing behind a reader."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Right
from tenants.api import pages
from tenants.api.reading import Input
from tenants.api.schema import page_of
from tenants.api.views import TenantView
from tenants.journal.models import Event, EventQuerySet

LAST_POSITION = 2**63 - 1


class EventFilters(Input):
    after = serializers.IntegerField(min_value=0, max_value=LAST_POSITION, default=0)
    type = serializers.CharField(max_length=60, required=False)
    page_size = serializers.CharField(required=False, help_text=f"Default {pages.SIZE}, at most {pages.LARGEST}.")


class ActorOut(serializers.Serializer):
    id = serializers.CharField()
    email = serializers.EmailField()


class EventOut(serializers.Serializer):
    id = serializers.CharField()
    position = serializers.IntegerField()
    type = serializers.CharField()
    at = serializers.DateTimeField()
    actor = ActorOut(allow_null=True, help_text="None: the system.")
    on_behalf_of = serializers.CharField(source="on_behalf_of.slug", default=None, allow_null=True)
    subject = serializers.CharField(help_text="The id of what it is about.")
    data = serializers.DictField()  # type: ignore[assignment]  # the contract's name


def content(event: Event) -> bytes:
    """An event with its position, as this list shows it: what webhooks carry."""
    rendered: bytes = JSONRenderer().render(EventOut(event).data)
    return rendered


class Events(TenantView):
    scopes = {"GET": "events:read"}

    @extend_schema(operation_id="list_events", parameters=[EventFilters], responses=page_of(EventOut))
    def get(self, request: Request) -> Response:
        """Facts after a position, oldest first. Without the right to read the journal: those of one's own making."""
        asked = self.query(EventFilters)
        size = pages.size_of(asked.get("page_size"))
        found = list(self.visible(asked)[: size + 1])
        rows: list[Any] = found[:size]
        following = self.following(rows[-1].position) if len(found) > size else None
        return Response({"next": following, "previous": None, "results": EventOut(rows, many=True).data})

    def visible(self, asked: dict[str, Any]) -> EventQuerySet:
        placed = Event.objects.of(self.tenant).positioned().oldest_first().select_related("actor", "on_behalf_of")
        placed = placed.filter(place__tenant=self.tenant, place__position__gt=asked["after"])
        if "type" in asked:
            placed = placed.filter(type=asked["type"])
        return placed if self.actor.may(Right.READ_JOURNAL) else placed.filter(actor=self.actor.user)

    def following(self, position: int) -> str:
        query = self.request.query_params.dict() | {"after": str(position)}
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(query)}")
