"""The demo's last wall: whoever binds it to another address by hand still serves nobody from elsewhere."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden

from config.environment import is_loopback


class OnlyFromThisMachine:
    """Known passwords and free cards are for the person at this machine."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.DEMO:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_loopback(request.META.get("REMOTE_ADDR", "")):
            return HttpResponseForbidden("A demo is served to its own machine only.\n", content_type="text/plain")
        return self.get_response(request)
