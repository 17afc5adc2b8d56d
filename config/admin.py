"""The procurement site: who may come in, and what stands in it. Its home is in config.home."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from commerce.operations.procurement import customers
from tenants.directory.delegations import Delegation
from tenants.procurement import may_read_some
from tenants.signin.acting import actor_of_request, customers_of_request

View = Callable[..., HttpResponseBase]

# What unfold's scripts and styles need, on top of the strict policy that every other page has.
UNFOLD_NEEDS = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}


class ProcurementSite(UnfoldAdminSite):
    """
    Only what is registered, only lists and pages to read, besides what an admin states itself.

    The framework's own sign-in, password, search, history and delete addresses do not exist here.
    """

    def get_urls(self) -> list[URLPattern | URLResolver]:
        routes: list[URLPattern | URLResolver] = [
            path("", self.admin_view(self.index), name="index"),
            path("jsi18n/", self.admin_view(self.i18n_javascript, cacheable=True), name="jsi18n"),
        ]
        for model, model_admin in self._registry.items():
            opts = model._meta
            routes.append(path(f"{opts.app_label}/{opts.model_name}/", include(model_admin.get_urls())))
        return routes

    def has_permission(self, request: HttpRequest) -> bool:
        """Also a partner's people at home, whatever their roles: one page shows them their customers."""
        actor = actor_of_request(request)
        return actor is not None and (may_read_some(actor) or bool(customers_of_request(request)))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        actor = actor_of_request(request)
        # What is told of customers together needs no role at home.
        of_customers = request.GET.get("of") == "customers" and bool(customers_of_request(request))
        if actor is not None and not may_read_some(actor) and not of_customers:
            return redirect("admin:tenants_delegation_customers")
        return super().index(request, extra_context)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        guarded: View = super().admin_view(view, cacheable)

        @wraps(guarded)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = actor_of_request(request)
            if actor is None:
                return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
            if actor.needs_second_factor:
                return redirect("security")
            if not self.has_permission(request):
                raise PermissionDenied(_("The procurement view is for those who administer an organisation."))
            request.readable = self._readable(request)  # type: ignore[attr-defined]  # for the navigation
            with timezone.override(_zone(request)):
                response = guarded(request, *args, **kwargs)
                if isinstance(response, TemplateResponse):
                    response.render()  # here, while the organisation's own time holds
            response._csp_update = UNFOLD_NEEDS  # type: ignore[attr-defined]  # read by the middleware of django-csp
            return response

        return inner

    def _readable(self, request: HttpRequest) -> frozenset[str]:
        """Models by their labels, "customers" for who has any, and the lists over all of them as "customers." …"""
        actor = actor_of_request(request)
        user = actor.user if actor is not None else None
        delegations = customers_of_request(request)
        acting = customers.acting(user, delegations) if user is not None else []
        # By the site: their module has this one as its site, and cannot be imported here.
        pages: Any = self.get_model_admin(Delegation)
        lists = (f"customers.{kind.name}" for kind in pages.lists if kind.readable(acting))
        models = (
            model._meta.label_lower
            for model, model_admin in self._registry.items()
            if model_admin.has_view_permission(request)
        )
        return frozenset([*models, *lists, *(["customers"] if delegations else [])])

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The navigation is written down in config.appearance; the framework's list of apps is not shown."""
        return []


def _zone(request: HttpRequest) -> ZoneInfo | None:
    actor = actor_of_request(request)
    return actor.tenant.zone if actor is not None and actor.tenant is not None else None
