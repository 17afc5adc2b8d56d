"""Whose page it is: the acting membership, found by the sign-in's middleware."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from tenants.access import Actor
from tenants.signin.acting import actor_of_request

P = ParamSpec("P")

NOTHING_CHANGED = gettext_lazy("You were signed out, so nothing was changed. Sign in to go on where you were.")
NOTHING_CHARGED = gettext_lazy("You were signed out, so nothing was charged. Sign in to go on where you were.")


def require_membership(by: Actor) -> None:
    """:raises PermissionDenied: an operator, who acts in no organisation, or a partner's person, who is no member"""
    if by.is_delegate:
        raise PermissionDenied(
            _("You act here for a partner. Only people of the organisation itself buy and own something here.")
        )
    if by.membership is None:
        raise PermissionDenied(
            _("Only the people of an organisation buy here. You are an operator and belong to none.")
        )


def for_members(
    view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """The page of somebody who acts in an organisation. Others sign in first, and then come back to what they read."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        by = actor_of_request(request)
        if by is None:
            return redirect_to_login(
                request.get_full_path() if request.method == "GET" else reverse("my-subscriptions")
            )
        require_membership(by)
        return view(request, by, *args, **kwargs)

    return guarded


def sent_from(
    page: str, *, names: bool = True, signed_out: str | Promise = NOTHING_CHANGED
) -> Callable[
    [Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """
    What a form of `page` sends. Whoever only opens its address, or has no session left, is led to that page. `names`:
    its address has the same ids; without, it is a list.
    """

    def decorator(
        view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        member_view = for_members(view)

        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            url = reverse(page, args=args, kwargs=kwargs) if names else reverse(page)
            if request.method != "POST":
                return redirect(url)
            if actor_of_request(request) is None:
                messages.warning(request, str(signed_out))
                return redirect_to_login(url)
            return member_view(request, *args, **kwargs)

        return require_http_methods(["GET", "HEAD", "POST"])(guarded)

    return decorator
