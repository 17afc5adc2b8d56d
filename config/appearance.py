"""How the procurement view looks and what stands in its navigation: the settings of django-unfold."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _shown(model: str) -> Callable[[HttpRequest], bool]:
    """Whether the person may read a model, asked of its own admin."""

    def may_read(request: HttpRequest) -> bool:
        return model in request.readable  # type: ignore[attr-defined]  # put there by the site, see config.admin

    return may_read


def _page(title: str | Promise, model: str, icon: str) -> dict[str, Any]:
    link = reverse_lazy(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _shown(model)}


def _beside_policies(title: str | Promise, name: str, icon: str) -> dict[str, Any]:
    link = reverse_lazy(f"admin:policies_selfserviceproduct_{name}")
    return {"title": title, "icon": icon, "link": link, "permission": _shown("policies.selfserviceproduct")}


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
            _page(_("Purchases"), "commerce.purchase", "receipt_long"),
            _page(_("Invoices"), "commerce.invoice", "request_quote"),
            _page(_("Disputes"), "commerce.dispute", "gavel"),
            _page(_("Agreements"), "commerce.agreement", "handshake"),
            _page(_("Approvals"), "policies.approval", "approval"),
            _page(_("Licence requests"), "policies.licenserequest", "inbox"),
            _page(_("Product policies"), "policies.selfserviceproduct", "rule"),
            _page(_("Approvers"), "policies.approver", "how_to_reg"),
            _page(_("Policies set"), "policies.policy", "rule"),
            _beside_policies(_("New products"), "new", "fiber_new"),
            _beside_policies(_("Explain a decision"), "explain", "contact_support"),
            _beside_policies(_("Policy settings"), "settings", "tune"),
            _page(_("Spend limits"), "policies.spendlimit", "speed"),
            _page(_("Data and access"), "policies.governancepolicy", "shield"),
            _page(_("Support cases"), "commerce.supportcase", "support_agent"),
            _page(_("Incoming events"), "commerce.incomingevent", "move_to_inbox"),
            _page(_("Differences"), "commerce.difference", "compare_arrows"),
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
                "permission": _own_billing,
            },
            _page(_("People"), "tenants.membership", "group"),
            _page(_("Domains"), "tenants.domain", "alternate_email"),
        ],
    },
    {
        "title": _("Catalogue"),
        "items": [
            _page(_("Families"), "licensing.family", "category"),
            _page(_("Products"), "licensing.product", "apps"),
            _page(_("Plans"), "licensing.plan", "event_repeat"),
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
