"""What a partner's people read and do over all the customers that let them in."""

from collections.abc import Sequence

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from commerce.admin import customers_list, policy_templates
from commerce.admin.customers_list import CustomersList
from commerce.admin.customers_purchases import CustomersPurchases, CustomersRenewals
from commerce.admin.customers_waiting import (
    CustomersApprovals,
    CustomersLeavers,
    CustomersNewProducts,
    CustomersRequests,
)
from commerce.operations.procurement import customers
from tenants.procurement import READS, ProcurementAdmin
from tenants.signin.acting import actor_of_request, customers_of_request

CUSTOMERS_LISTS: Sequence[type[CustomersList]] = (
    CustomersPurchases,
    CustomersRenewals,
    CustomersApprovals,
    CustomersRequests,
    CustomersLeavers,
    CustomersNewProducts,
)


class CustomersPages(ProcurementAdmin):
    """Pages of whoever works for a partner, whatever their roles at home."""

    lists = CUSTOMERS_LISTS

    def get_urls(self) -> list[URLPattern]:
        guarded, name = self.admin_site.admin_view, "tenants_delegation"
        lists = [
            path(
                f"customers/{kind.name.replace('_', '-')}/",
                guarded(self.list_view),
                {"kind": kind},
                name=f"{name}_{kind.name}",
            )
            for kind in self.lists
        ]
        return [
            path("customers/", guarded(self.customers_view), name=f"{name}_customers"),
            *lists,
            path("policies/", guarded(self.policies_view), name=f"{name}_policies"),
            *super().get_urls(),
        ]

    def customers_view(self, request: HttpRequest) -> HttpResponse:
        """What each customer lets them do."""
        actor = actor_of_request(request)
        if actor is None or actor.user is None or request.method not in READS:
            raise PermissionDenied
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Your customers"),
            "customers": customers.of(actor.user, customers_of_request(request)),
        }
        return TemplateResponse(request, "admin/customers.html", context)

    def list_view(self, request: HttpRequest, kind: type[CustomersList]) -> HttpResponse:
        return customers_list.answer(kind, self.admin_site, request, self.lists)

    def policies_view(self, request: HttpRequest) -> HttpResponse:
        return policy_templates.view(self.admin_site, request)
