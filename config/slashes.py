"""Addresses end with a slash. A read without one is led there; anything else is told that there is no such address."""

from django.http import HttpRequest
from django.middleware import common


class CommonMiddleware(common.CommonMiddleware):
    """Django's, but a redirect never turns somebody's POST into a GET that answers 200 and did nothing."""

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)
