"""After the password, a code: whoever has a second factor is signed in only with it."""

from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from tenants import clock
from tenants.directory.models import User
from tenants.signin import limits, second_factor
from tenants.signin.acting import actor_for
from tenants.signin.forms import CodeForm

# In the session: who has typed their password, until when it counts, and where they go from here.
HALF_WAY = "half_signed_in"
LASTS = timedelta(minutes=10)


def ask(request: HttpRequest, user: User, target: str) -> HttpResponse:
    """The password was right; nobody is signed in yet."""
    request.session.flush()  # a new session key, and nothing of whoever sat here before
    until = (clock.now() + LASTS).isoformat()
    request.session[HALF_WAY] = {"user": str(user.pk), "until": until, "next": target}
    return redirect("sign-in-code")


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    user = half_signed_in(request)
    actor = actor_for(user, None) if user is not None else None
    if user is None or actor is None:
        request.session.pop(HALF_WAY, None)
        return redirect(settings.LOGIN_URL)
    form = CodeForm(request.POST if request.method == "POST" else None)

    def prove(typed: str) -> None:
        second_factor.prove(code=typed, user=user, by=actor, at=clock.now())

    if request.method != "POST":
        return render(request, "tenants/sign_in_code.html", {"form": form})
    refused = refused_by(request, form, user, prove)
    if refused is not None:
        return shown(request, "tenants/sign_in_code.html", form, refused)
    target = request.session.pop(HALF_WAY)["next"]
    login(request, user)
    second_factor.show(request.session, user)
    return redirect(target)


def half_signed_in(request: HttpRequest) -> User | None:
    kept: dict[str, Any] = request.session.get(HALF_WAY) or {}
    until = parse_datetime(kept.get("until", ""))
    if until is None or until <= clock.now():
        return None
    return User.objects.filter(pk=UUID(kept["user"]), second_factor_since__isnull=False).first()


def refused_by(
    request: HttpRequest, form: Any, user: User, take: Callable[[str], Any]
) -> tuple[int, int | None] | None:
    """Try what was typed, within the limits; the status and the seconds to wait where it was refused, else None."""
    if not form.is_valid():
        return 400, None
    try:
        counted = limits.take_code(user_id=user.pk, address=request.META.get("REMOTE_ADDR", ""))
    except limits.TooManyTries as refused:
        form.refuse(too_many(refused.retry_after))
        return 429, refused.retry_after
    except limits.LimitsUnknown:
        form.refuse(_("Codes cannot be checked at the moment. Try again in a minute."))
        return 503, 60
    try:
        take(form.cleaned_data["code"])
    except (second_factor.WrongCode, second_factor.SecondFactorExists) as refused:
        form.refuse(str(refused))
        return 400, None
    counted.give_back()
    return None


def shown(
    request: HttpRequest, template: str, form: Any, refused: tuple[int, int | None], **context: Any
) -> HttpResponse:
    status, retry_after = refused
    response = render(request, template, {"form": form, **context}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def too_many(seconds: int) -> str:
    minutes = ceil(seconds / 60)
    return ngettext(
        "Too many tries. Wait %(minutes)s minute, then try again.",
        "Too many tries. Wait %(minutes)s minutes, then try again.",
        minutes,
    ) % {"minutes": minutes}
