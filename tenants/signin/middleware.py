"""`request.actor`: who acts on the web, in which tenant; None when nobody is signed in."""

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from tenants.access import Actor
from tenants.directory.models import User
from tenants.signin.acting import CHOSEN, actor_for


class ActingMiddleware:
    """After AuthenticationMiddleware. Below /api/ a session is worth nothing and is not looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = None if request.path.startswith("/api/") else self.actor_of_session(request)  # type: ignore[attr-defined]  # ours
        return self.get_response(request)

    def actor_of_session(self, request: HttpRequest) -> Actor | None:
        user = request.user
        if not isinstance(user, User):
            return None
        actor = actor_for(user, request.session.get(CHOSEN))
        if actor is None:
            logout(request)  # of somebody disabled, departed or not welcome: the session ends here
        return actor
