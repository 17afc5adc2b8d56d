"""`request.actor`: who acts on the web, in which tenant; None when nobody is signed in."""

from collections.abc import Callable
from typing import cast

from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver, reverse
from django.utils.translation import gettext as _

from tenants.access import Actor
from tenants.directory.models import User
from tenants.refusal import NotAllowed
from tenants.signin import second_factor
from tenants.signin.acting import CHOSEN, actor_for


class ActingMiddleware:
    """After AuthenticationMiddleware. Below /api/ a session is worth nothing and is not looked at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = None if request.path.startswith("/api/") else self.actor_of_session(request)  # type: ignore[attr-defined]  # ours
        self.refuse_elsewhere(request)
        return self.get_response(request)

    def actor_of_session(self, request: HttpRequest) -> Actor | None:
        user = request.user
        if not isinstance(user, User):
            return None
        # Without the second factor that the person has, a session is one from before it was set up.
        shown = second_factor.is_shown(request.session, user)
        actor = actor_for(user, request.session.get(CHOSEN)) if shown else None
        if actor is None:
            logout(request)  # of somebody disabled, departed or not welcome: the session ends here
        return actor

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """What somebody's roles do not allow is said on a page, wherever it is found out; a form says it itself."""
        if not isinstance(exception, NotAllowed):
            return None
        page = cast("Callable[..., HttpResponse]", get_resolver().resolve_error_handler(403))
        return page(request, PermissionDenied(str(exception)))

    def refuse_elsewhere(self, request: HttpRequest) -> None:
        """
        Whoever may no longer act where they chose to acts at home from here on. What they sent was meant for the
        other organisation: it is not done in this one.

        :raises PermissionDenied: something was sent
        """
        actor = getattr(request, "actor", None)
        if actor is None or CHOSEN not in request.session:
            return
        if actor.tenant is not None and str(actor.tenant.pk) == request.session[CHOSEN]:
            return
        del request.session[CHOSEN]
        request.acts_elsewhere = True  # type: ignore[attr-defined]  # for the header of the page
        if request.method == "POST" and request.path not in (reverse("acting-for"), reverse("sign-out")):
            raise PermissionDenied(
                _("You may no longer act for the organisation that this page was of. Nothing was changed.")
            )
