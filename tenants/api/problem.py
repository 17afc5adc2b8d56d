"""Errors as application/problem+json (RFC 9457): one shape for input, refusals, rights, missing addresses."""

import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from tenants.refusal import BadInput, Refused

MEDIA_TYPE = "application/problem+json"

# What a view may raise as an answer; anything else is a defect.
ANSWERED = (Refused, exceptions.APIException, Http404, PermissionDenied, SuspiciousOperation)

# What the framework's exceptions are called in the contract.
CODES = {
    "authentication_failed": "not_authenticated",
    "permission_denied": "not_allowed",
    "parse_error": "malformed",
    "error": "invalid",
}


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to what was raised in an API view; None for a defect, which becomes a 500 and is reported."""
    if isinstance(exc, Refused):
        return of_refusal(exc)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    elif isinstance(exc, RequestDataTooBig):
        return problem(413, "request_too_large", _("The body is too large."))
    elif isinstance(exc, SuspiciousOperation):
        return problem(400, "malformed", _("The request cannot be read."))
    if isinstance(exc, exceptions.ValidationError):
        return of_errors([*flat(exc.detail)])
    if isinstance(exc, exceptions.APIException):
        return of_api_exception(exc)
    return None


def problem(status: int, code: str, detail: object, **members: Any) -> Response:
    return Response(content(status, code, detail, **members), status=status, content_type=MEDIA_TYPE)


def content(status: int, code: str, detail: object, **members: Any) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    return {"status": status, "code": code, "title": title, "detail": str(detail) or title, **members}


def of_refusal(refused: Refused) -> Response:
    if isinstance(refused, BadInput):
        return of_errors([{"field": refused.field, "code": refused.field_code, "detail": str(refused)}])
    extra = dict(refused.extra)
    retry_after = extra.pop("retry_after", None)
    if refused.field:
        extra["field"] = refused.field
    response = problem(refused.http_status, refused.code, refused, **extra)
    if retry_after is not None:
        response["Retry-After"] = str(math.ceil(retry_after))
    return response


def of_errors(errors: list[dict[str, str]]) -> Response:
    return problem(400, "invalid", _("Some of what was sent cannot be right; see errors."), errors=errors)


def of_api_exception(exc: exceptions.APIException) -> Response:
    if isinstance(exc, exceptions.ParseError):
        return of_errors([{"field": "", "code": "malformed", "detail": str(exc.detail)}])
    code = str(exc.get_codes()) if isinstance(exc.detail, str) else exc.default_code
    response = problem(exc.status_code, CODES.get(code, code), exc.detail)
    if challenge := getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        response["Retry-After"] = str(math.ceil(wait))
    return response


def flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """The framework's nested errors as one list; the parts of a nested field are joined by dots."""
    if isinstance(detail, dict):
        for name, part in detail.items():
            own = "" if name == api_settings.NON_FIELD_ERRORS_KEY else str(name)
            yield from flat(part, ".".join(filter(None, [path, own])))
    elif isinstance(detail, list):
        for index, part in enumerate(detail):
            nested = isinstance(part, dict | list)
            yield from flat(part, ".".join(filter(None, [path, str(index)])) if nested else path)
    else:
        yield {"field": path, "code": getattr(detail, "code", None) or "invalid", "detail": str(detail)}


# --- What Django itself answers, for addresses below /api/ in the same shape. Named in config.urls as handler400 …


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def json_problem(status: int, code: str, detail: object) -> JsonResponse:
    return JsonResponse(content(status, code, detail), status=status, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return json_problem(400, "malformed", _("The request cannot be read."))
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return json_problem(403, "not_allowed", _("This is not allowed."))
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return json_problem(404, "not_found", _("There is nothing at this address."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return json_problem(500, "server_error", _("Something broke on our side. Nothing more is known yet."))
    return defaults.server_error(request)
