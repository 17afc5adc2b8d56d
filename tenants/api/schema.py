"""What the OpenAPI document says of every call without each call saying it: errors, pages, keys, tokens."""

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from tenants.api.pages import LARGEST, SIZE


class ErrorOut(serializers.Serializer):
    field = serializers.CharField(help_text="Parts of a nested field are joined by dots.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer):
    """RFC 9457; `code` is stable, `detail` is for people."""

    status = serializers.IntegerField()
    code = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    errors = ErrorOut(many=True, required=False)  # type: ignore[assignment]  # the contract's name


@cache  # one component for a shape, however many lists have it
def page_of(shape: type[serializers.BaseSerializer]) -> serializers.Serializer:
    """The envelope of a list, for `responses=`."""
    return inline_serializer(
        name=shape.__name__.removesuffix("Out") + "Page",
        fields={
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": shape(many=True),
        },
    )


def problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemOut, description=description)


KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 255 visible characters. The same key gives the first answer again.",
)


class Schema(AutoSchema):
    """Reads the attributes of `CallView`."""

    def get_override_parameters(self) -> list[Any]:
        own = list(super().get_override_parameters())
        if self.method in getattr(self.view, "idempotent", ()):
            own.append(KEY)
        orderings = getattr(self.view, "orderings", None)
        if self.method == "GET" and orderings is not None:
            own += page_parameters(orderings, default=getattr(self.view, "default_ordering", ""))
        return own

    def get_auth(self) -> list[dict[str, Any]]:
        scopes = getattr(self.view, "scopes", {})
        if self.method not in scopes:
            return []
        super().get_auth()  # names the scheme in the document's components
        anybody: list[dict[str, Any]] = [{}] if self.method in getattr(self.view, "public", ()) else []
        return [{"bearer": []}, *anybody]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        scope = getattr(self.view, "scopes", {}).get(self.method)
        said = super().get_description()
        return f"{said}\n\nScope: `{scope}`".strip() if scope else said

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if not getattr(self.view, "scopes", None):
            return bodies
        for status, description in problems_of(self.view, self.method).items():
            if status not in bodies:
                # Called as drf-spectacular calls it itself; it has no annotations.
                respond: Any = self._get_response_for_code
                bodies[status] = respond(problem(description), status, ["application/problem+json"], direction)
        return bodies


def page_parameters(orderings: Any, *, default: str) -> list[OpenApiParameter]:
    either = [sign + name for name in orderings for sign in ("", "-")]
    return [
        OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of another page."),
        OpenApiParameter("page_size", OpenApiTypes.INT, description=f"Default {SIZE}, at most {LARGEST}."),
        OpenApiParameter("ordering", OpenApiTypes.STR, enum=either, default=default),
    ]


def problems_of(view: Any, method: str) -> dict[str, str]:
    """Those that any call may answer; a view names its own beside them."""
    found = {
        "400": "Bad input",
        "401": "No or bad token",
        "403": "The token lacks the scope, the person the role, or a rule refuses",
        "404": "Not there, or of another tenant",
        "406": "Only JSON is spoken",
    }
    if method != "GET":
        found |= {
            "409": "A rule refuses, or the first call with this key is still running",
            "413": "Too large",
            "415": "Only JSON is read",
        }
    if method in getattr(view, "idempotent", ()):
        found["422"] = "The key was used for another call"
    return found


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself
    target_class = "tenants.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token of `manage.py issue_token`."}
