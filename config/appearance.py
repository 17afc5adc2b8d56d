"""How the procurement view looks and what stands in its navigation: the settings of django-unfold."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _shown(model: str) -> Callable[[HttpRequest], bool]:
    """Whether the person may read a model, or a list over all customers, asked of itself."""

    def may_read(request: HttpRequest) -> bool:
        return model in request.readable  # type: ignore[attr-defined]  # put there by config.admin

    return may_read


def _is_here(link: object) -> Callable[[HttpRequest], bool]:
    """Whether a link of the navigation leads to the page, and none that stands below it does."""

    def lights(request: HttpRequest) -> bool:
        here = [each for each in _links() if request.path.startswith(each)]
        return bool(here) and max(here, key=len) == str(link)

    return lights


@cache
def _links() -> tuple[str, ...]:
    """Where the navigation leads. Looked up once: each entry of it compares them all, on every page."""
    return tuple(str(item["link"]) for group in NAVIGATION for item in group["items"] if not callable(item["link"]))


def _page(title: str | Promise, model: str, icon: str) -> dict[str, Any]:
    link = reverse_lazy(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _shown(model), "active": _is_here(link)}


def _beside_policies(title: str | Promise, name: str, icon: str) -> dict[str, Any]:
    link = reverse_lazy(f"admin:policies_selfserviceproduct_{name}")
    may_read = _shown("policies.selfserviceproduct")
    return {"title": title, "icon": icon, "link": link, "permission": may_read, "active": _is_here(link)}


def _of_customers(title: str | Promise, name: str, icon: str) -> dict[str, Any]:
    """A list over all customers of a partner, for whom one of them shows it."""
    link = reverse_lazy(f"admin:tenants_delegation_{name}")
    may_read = _shown(f"customers.{name}")
    return {"title": title, "icon": icon, "link": link, "permission": may_read, "active": _is_here(link)}


def _is_operator(request: HttpRequest) -> bool:
    return bool(request.actor.is_operator)  # type: ignore[attr-defined]  # put there by the middleware of sign-in


def _own_billing(request: HttpRequest) -> bool:
    return not _is_operator(request) and _shown("tenants.tenant")(request)


def _own_organisation(request: HttpRequest) -> str:
    tenant = request.actor.tenant  # type: ignore[attr-defined]  # put there by the middleware of sign-in
    return reverse("admin:tenants_tenant_change", args=[tenant.pk]) if tenant else ""


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "",
        "items": [
            {"title": _("Overview"), "icon": "home", "link": reverse_lazy("admin:index")},
            _page(_("Notices"), "commerce.notice", "notifications"),
            _page(_("Purchases"), "commerce.purchase", "receipt_long"),
            _page(_("Invoices"), "commerce.invoice", "request_quote"),
            _page(_("Disputes"), "commerce.dispute", "gavel"),
            _page(_("Agreements"), "commerce.agreement", "handshake"),
            _page(_("Approvals"), "policies.approval", "approval"),
            _page(_("Centralise"), "commerce.centralisation", "hub"),
            _page(_("Take-overs"), "commerce.takeover", "move_up"),
            _page(_("Purchases of leavers"), "commerce.leavertask", "person_off"),
            _page(_("Waste"), "licensing.wastedseat", "delete_sweep"),
            _page(_("Capacity"), "licensing.capacityuse", "storage"),
            _page(_("Licence requests"), "policies.licenserequest", "inbox"),
            _page(_("Product policies"), "policies.selfserviceproduct", "rule"),
            _page(_("Approvers"), "policies.approver", "how_to_reg"),
            _page(_("Seats on first use"), "policies.autoclaim", "event_seat"),
            _page(_("Policies set"), "policies.policy", "rule"),
            _beside_policies(_("New products"), "new", "fiber_new"),
            _beside_policies(_("Explain a decision"), "explain", "contact_support"),
            _beside_policies(_("Policy settings"), "settings", "tune"),
            _page(_("Spend limits"), "policies.spendlimit", "speed"),
            _page(_("Failed renewals"), "commerce.dunningstep", "credit_card_off"),
            _page(_("Data and access"), "policies.governancepolicy", "shield"),
            _page(_("Renewals"), "commerce.renewal", "autorenew"),
            _page(_("Bulk actions"), "tenants.run", "checklist"),
            _page(_("Support cases"), "commerce.supportcase", "support_agent"),
            _page(_("Incoming events"), "commerce.incomingevent", "move_to_inbox"),
            _page(_("Differences"), "commerce.difference", "compare_arrows"),
            _page(_("Jobs"), "tenants.job", "conveyor_belt"),
            _page(_("Sandbox clocks"), "tenants.sandboxclock", "more_time"),
            _page(_("Ledger"), "commerce.movement", "account_balance"),
            _page(_("Journal"), "tenants.event", "history"),
        ],
    },
    {
        "title": _("Organisation"),
        "items": [
            _page(_("Organisations"), "tenants.tenant", "apartment") | {"permission": _is_operator},
            {
                "title": _("Billing details"),
                "icon": "contact_mail",
                "link": _own_organisation,
                "active": lambda request: request.path == _own_organisation(request),
                "permission": _own_billing,
            },
            _page(_("People"), "tenants.membership", "group"),
            _page(_("Domains"), "tenants.domain", "alternate_email"),
            _page(_("Partners"), "tenants.delegation", "handshake"),
            _page(_("Solutions"), "licensing.solution", "extension"),
            _page(_("Sign-in"), "tenants.signinrules", "passkey"),
        ],
    },
    {
        "title": _("Customers"),
        "items": [
            _of_customers(_("Your customers"), "customers", "groups") | {"permission": _shown("customers")},
            _of_customers(_("Customers’ purchases"), "purchases", "receipt_long"),
            _of_customers(_("Customers’ renewals"), "renewals", "autorenew"),
            _of_customers(_("Customers’ approvals"), "approvals", "approval"),
            _of_customers(_("Customers’ requests"), "requests", "inbox"),
            _of_customers(_("Customers’ leavers"), "leavers", "person_off"),
            _of_customers(_("Customers’ new products"), "new_products", "fiber_new"),
        ],
    },
    {
        "title": _("Catalogue"),
        "items": [
            _page(_("Families"), "licensing.family", "category"),
            _page(_("Products"), "licensing.product", "apps"),
            _page(_("Plans"), "licensing.plan", "event_repeat"),
            _page(_("Life of a subscription"), "licensing.lifecycledays", "cycle"),
            _page(_("Hard declines"), "commerce.harddecline", "block"),
            _page(_("Prices"), "commerce.price", "sell"),
            _page(_("Tax rates"), "commerce.taxrate", "percent"),
            _page(_("Sellers"), "commerce.seller", "storefront"),
            _page(_("Markets"), "policies.market", "public"),
            _page(_("Exclusions"), "policies.exclusion", "block"),
        ],
    },
]

# The tokens of static/seatwise.css on unfold's scales: 600 is a colour in light, 500 in dark.
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Seatwise",
    "SITE_HEADER": "Seatwise",
    "SITE_SUBHEADER": _("Procurement"),
    "SITE_ICON": lambda request: static("favicon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda request: static("admin_seatwise.css")],
    "DASHBOARD_CALLBACK": "config.home.context",
    "SIDEBAR": {"navigation": NAVIGATION},
    "COLORS": {
        "base": {
            "50": "#f4f6f7",
            "100": "#e9edf0",
            "200": "#dce1e6",
            "300": "#c3ccd4",
            "400": "#a5b1bc",
            "500": "#7b8894",
            "600": "#52606d",
            "700": "#3a4650",
            "800": "#2d373f",
            "900": "#182026",
            "950": "#10161a",
        },
        "primary": {
            "50": "#e2f1f5",
            "100": "#c9e5ed",
            "200": "#a3dbec",
            "300": "#8ed0e5",
            "400": "#76c6df",
            "500": "#76c6df",
            "600": "#0a5f78",
            "700": "#074656",
            "800": "#063a48",
            "900": "#123440",
            "950": "#06222c",
        },
        "font": {
            "subtle-light": "#52606d",
            "subtle-dark": "#a5b1bc",
            "default-light": "#16202a",
            "default-dark": "#e9eef2",
            "important-light": "#16202a",
            "important-dark": "#e9eef2",
        },
    },
}
