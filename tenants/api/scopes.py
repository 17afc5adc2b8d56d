"""Scopes narrow a token; they never allow more than its person may at that moment."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.refusal import Refused


class InsufficientScope(Refused):
    http_status = 403
    message = _("The token lacks the scope that this call needs.")


class TokenAllows(BasePermission):
    """
    The view's `scopes` names the scope of each method, or None for any signed-in person.

    Methods in `public` may be called without a token; one that is sent must still be good and have the scope.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        grant: Any = request.auth
        if grant is None:
            return method in getattr(view, "public", ())
        scope = getattr(view, "scopes", {}).get(method)
        if scope is not None and scope not in grant.scopes:
            raise InsufficientScope(scope=scope)
        return True
