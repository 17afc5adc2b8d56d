"""The page on which a person sets up a second factor, renews its recovery codes or turns it off."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import clock
from tenants.access import Actor
from tenants.directory.models import User
from tenants.signin import challenge, codes, second_factor
from tenants.signin.acting import actor_of_request
from tenants.signin.forms import CodeForm, FirstCodeForm
from tenants.signin.models import RecoveryCode

# In the session, sealed: a key that the person's app may have by now, and we do not ask for yet.
NEW_KEY = "new_second_factor"

View = Callable[[HttpRequest, Actor, User], HttpResponse]


def own(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """For whoever is signed in, about themselves alone."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        actor = actor_of_request(request)
        if actor is None or actor.user is None:
            return redirect_to_login(request.get_full_path())
        return view(request, actor, actor.user)

    return never_cache(sensitive_post_parameters("code")(inner))


@require_safe
@own
def page(request: HttpRequest, by: Actor, user: User) -> HttpResponse:
    return render(request, "tenants/security.html", {"form": CodeForm(), **_about(by, user)})


@require_http_methods(["GET", "HEAD", "POST"])
@own
def set_up(request: HttpRequest, by: Actor, user: User) -> HttpResponse:
    if user.second_factor_since is not None:
        return redirect("security")
    key = _key_of(request)
    form = FirstCodeForm(request.POST if request.method == "POST" else None)
    told = {"picture": codes.picture(key, user.email), "key": codes.in_letters(key)}
    if request.method != "POST":
        return render(request, "tenants/security_set_up.html", {"form": form, **told})
    made: list[str] = []

    def enrol(typed: str) -> None:
        made.extend(second_factor.enrol(key=key, code=typed, by=by, at=clock.now()))

    refused = challenge.refused_by(request, form, user, enrol)
    if refused is not None:
        return challenge.shown(request, "tenants/security_set_up.html", form, refused, **told)
    del request.session[NEW_KEY]
    request.session.cycle_key()
    second_factor.show(request.session, user)
    return render(request, "tenants/recovery_codes.html", {"codes": made})


@require_POST
@own
def recovery_codes(request: HttpRequest, by: Actor, user: User) -> HttpResponse:
    """New ones, shown this once."""
    form, made = CodeForm(request.POST), []

    def renew(typed: str) -> None:
        made.extend(second_factor.renew_recovery_codes(code=typed, by=by, at=clock.now()))

    refused = challenge.refused_by(request, form, user, renew)
    if refused is not None:
        return challenge.shown(request, "tenants/security.html", form, refused, **_about(by, user))
    return render(request, "tenants/recovery_codes.html", {"codes": made})


@require_POST
@own
def turn_off(request: HttpRequest, by: Actor, user: User) -> HttpResponse:
    form = CodeForm(request.POST)

    def forget(typed: str) -> None:
        second_factor.turn_off(code=typed, by=by, at=clock.now())

    refused = challenge.refused_by(request, form, user, forget)
    if refused is not None:
        return challenge.shown(request, "tenants/security.html", form, refused, **_about(by, user))
    messages.success(request, _("Signing in asks you for no code any more."))
    return redirect("security")


def _key_of(request: HttpRequest) -> bytes:
    """The same at each look, until a code of it was typed."""
    key = codes.opened(request.session.get(NEW_KEY, ""))
    if key is None:
        key = codes.new_key()
        request.session[NEW_KEY] = codes.sealed(key)
    return key


def _about(by: Actor, user: User) -> dict[str, Any]:
    return {
        "since": user.second_factor_since,
        "codes_left": RecoveryCode.objects.left(user).count(),
        "is_required": by.needs_second_factor,
        "organisation": by.tenant,
    }
