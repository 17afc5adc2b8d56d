"""Signing in by password, signing out, and choosing whom to act for."""

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from tenants.access import acting_places
from tenants.directory.models import User
from tenants.signin import challenge, limits
from tenants.signin.acting import CHOSEN, actor_for, choose
from tenants.signin.forms import AddressForm, PasswordForm

TYPED_ADDRESS = "typed_address"  # what a purchase has asked for already


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        known = {"email": request.session.get(TYPED_ADDRESS, ""), "next": request.GET.get("next", "")}
        form = PasswordForm if known["email"] else AddressForm
        return show(request, form(initial=known))
    if "password" in request.POST:
        return try_password(request, PasswordForm(request.POST))
    first = AddressForm(request.POST)
    if not first.is_valid():
        return show(request, first, status=400)
    return show(request, PasswordForm(initial=first.cleaned_data))


def try_password(request: HttpRequest, form: PasswordForm) -> HttpResponse:
    if not form.is_valid():
        return show(request, form, status=400)
    email = form.cleaned_data["email"]
    try:
        counted = limits.take(email=email, address=request.META.get("REMOTE_ADDR", ""))
    except limits.TooManyTries as refused:
        form.refuse(challenge.too_many(refused.retry_after))
        return show(request, form, status=429, retry_after=refused.retry_after)
    except limits.LimitsUnknown:
        form.refuse(_("Nobody can sign in at the moment. Try again in a minute."))
        return show(request, form, status=503, retry_after=60)
    user = authenticate(request, username=email, password=form.cleaned_data["password"])
    # The same sentence whether the password is wrong, nobody has that address, or the account is closed.
    if not isinstance(user, User) or actor_for(user, None) is None:
        form.refuse(_("That e-mail and password do not go together, or the account is closed."))
        return show(request, form, status=400)
    counted.give_back()
    target = safe(request, form.cleaned_data["next"])
    if user.second_factor_since is not None:
        return challenge.ask(request, user, target)
    login(request, user)  # a new session key: one that was planted before is worth nothing
    for name in (TYPED_ADDRESS, CHOSEN):
        request.session.pop(name, None)
    return redirect(target)


def show(request: HttpRequest, form: AddressForm, *, status: int = 200, retry_after: int | None = None) -> HttpResponse:
    response = render(request, "tenants/sign_in.html", {"form": form}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect(settings.LOGIN_REDIRECT_URL)


@require_POST
def acting_for(request: HttpRequest) -> HttpResponse:
    """Act for another tenant from now on; one that is not among the person's own changes nothing."""
    user = request.user
    chosen = request.POST.get("tenant", "")
    if isinstance(user, User):
        for tenant in acting_places(user):
            if tenant.slug == chosen:
                choose(request, tenant)
    return redirect(safe(request, request.POST.get("next", "")))


def safe(request: HttpRequest, target: str) -> str:
    """A page of this site, or the first one."""
    here = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if here else str(settings.LOGIN_REDIRECT_URL)
