"""Whose page it is: the acting membership, found by the sign-in's middleware."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from tenants.access import Actor
from tenants.signin.acting import actor_of_request

P = ParamSpec("P")


def require_membership(by: Actor) -> None:
    """:raises PermissionDenied: an operator, who acts in no organisation"""
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
