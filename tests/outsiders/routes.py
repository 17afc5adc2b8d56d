"""Every route of the site, and for each that takes an id, which id of the victim's stands there in the walk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from commerce.models import TaxRate
from policies.models import Exclusion, Market
from tests.outsiders.changed import seats_form, shown
from tests.outsiders.world import World


def every_route() -> Iterator[str]:
    """The patterns as they are written, such as `api/v1/members/<uuid:id>/`."""
    yield from _below(get_resolver().url_patterns, "")


def _below(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, route)
        else:
            yield route


def takes_an_id(route: str) -> bool:
    return "<" in route


Fill = Callable[[World], dict[str, Any]]


def _being_changed(world: World) -> dict[str, Any]:
    return {"subscription_id": world.changed.order.subscription_id}


def _of_the_organisation(world: World) -> dict[str, Any]:
    return {"subscription_id": world.central.subscription.pk}


# A new route with an id fails the walk until it is named here.
ENTRIES: dict[str, Fill] = {
    "api/v1/members/<uuid:id>/": lambda w: {"id": w.owner.pk},
    "api/v1/products/<str:id>/eligibility/": lambda w: {"id": w.plan.product_id},
    "api/v1/policies/products/<str:id>/": lambda w: {"id": w.plan.product_id},
    "api/v1/policies/values/<uuid:id>/": lambda w: {"id": w.policy.pk},
    "api/v1/spend-limits/<uuid:id>/": lambda w: {"id": w.spend_limit.pk},
    "admin/policies/spendlimit/<path:object_id>/change/": lambda w: {"object_id": w.spend_limit.pk},
    "admin/policies/spendlimit/<path:object_id>/end/": lambda w: {"object_id": w.spend_limit.pk},
    "api/v1/governance-policies/<uuid:id>/": lambda w: {"id": w.governance.pk},
    "admin/policies/governancepolicy/<path:object_id>/change/": lambda w: {"object_id": w.governance.pk},
    "admin/policies/governancepolicy/<path:object_id>/remove/": lambda w: {"object_id": w.governance.pk},
    "api/v1/exclusions/<uuid:id>/": lambda w: {"id": Exclusion.objects.first().pk},
    "api/v1/checkouts/<uuid:id>/": lambda w: {"id": w.open_checkout.pk},
    "api/v1/checkouts/<uuid:id>/pay/": lambda w: {"id": w.open_checkout.pk},
    "api/v1/checkouts/<uuid:id>/confirm/": lambda w: {"id": w.waiting.order.checkout_id},
    "api/v1/checkouts/<uuid:id>/cancel/": lambda w: {"id": w.open_checkout.pk},
    "api/v1/approvals/<uuid:id>/": lambda w: {"id": w.approval.pk},
    "api/v1/approvals/<uuid:id>/decide/": lambda w: {"id": w.approval.pk},
    "api/v1/policies/approvers/<uuid:id>/": lambda w: {"id": w.approver.pk},
    "my/approvals/<uuid:approval_id>/": lambda w: {"approval_id": w.approval.pk},
    "my/approvals/<uuid:approval_id>/decide/": lambda w: {"approval_id": w.approval.pk},
    "checkouts/<uuid:checkout_id>/withdraw/": lambda w: {"checkout_id": w.approval.subject},
    "api/v1/license-requests/<uuid:id>/": lambda w: {"id": w.license_request.pk},
    "api/v1/license-requests/<uuid:id>/decide/": lambda w: {"id": w.license_request.pk},
    "api/v1/license-requests/<uuid:id>/withdraw/": lambda w: {"id": w.license_request.pk},
    "my/requests/new/<str:product_id>/": lambda w: {"product_id": w.plan.product_id},
    "my/requests/<uuid:request_id>/withdraw/": lambda w: {"request_id": w.license_request.pk},
    "admin/policies/licenserequest/<path:object_id>/change/": lambda w: {"object_id": w.license_request.pk},
    "admin/policies/approval/<path:object_id>/change/": lambda w: {"object_id": w.approval.pk},
    "admin/policies/approver/<path:object_id>/change/": lambda w: {"object_id": w.approver.pk},
    "api/v1/subscriptions/<uuid:id>/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/auto-renew/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/extend-trial/": lambda w: {"id": w.trial.pk},
    "api/v1/subscriptions/<uuid:id>/cancel/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/quantity/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/reactivate/": lambda w: {"id": w.subscription.pk},
    "api/v1/orders/<uuid:id>/": lambda w: {"id": w.order.pk},
    "api/v1/orders/<uuid:id>/confirm/": lambda w: {"id": w.changed.order.pk},
    "api/v1/orders/<uuid:id>/cancel/": lambda w: {"id": w.changed.order.pk},
    "api/v1/subscriptions/<uuid:id>/seats/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/seats/release/": lambda w: {"id": w.subscription.pk},
    "api/v1/subscriptions/<uuid:id>/seats/<uuid:seat>/": lambda w: {"id": w.subscription.pk, "seat": w.seat.pk},
    "api/v1/subscriptions/<uuid:id>/payment-method/": lambda w: {"id": w.subscription.pk},
    "api/v1/payment-methods/<uuid:id>/": lambda w: {"id": w.spare_card.pk},
    "api/v1/payment-methods/<uuid:id>/default/": lambda w: {"id": w.spare_card.pk},
    "api/v1/payment-methods/<uuid:id>/replace/": lambda w: {"id": w.card.pk},
    "api/v1/payment-methods/setups/<uuid:id>/": lambda w: {"id": w.card_setup.pk},
    "api/v1/payment-methods/setups/<uuid:id>/confirm/": lambda w: {"id": w.card_setup.pk},
    "api/v1/payment-methods/setups/<uuid:id>/cancel/": lambda w: {"id": w.card_setup.pk},
    "api/v1/invoices/<uuid:id>/pdf/": lambda w: {"id": w.invoice.pk},
    "api/v1/support-cases/<uuid:id>/": lambda w: {"id": w.case.pk},
    "api/v1/support-cases/<uuid:id>/messages/": lambda w: {"id": w.case.pk},
    "api/v1/support-cases/<uuid:id>/close/": lambda w: {"id": w.case.pk},
    "my/support/<uuid:case_id>/": lambda w: {"case_id": w.case.pk},
    "my/support/<uuid:case_id>/reply/": lambda w: {"case_id": w.case.pk},
    "my/support/<uuid:case_id>/close/": lambda w: {"case_id": w.case.pk},
    "admin/commerce/dispute/<path:object_id>/change/": lambda w: {"object_id": w.dispute.pk},
    "admin/commerce/incomingevent/<path:object_id>/change/": lambda w: {"object_id": w.incoming.pk},
    "admin/commerce/difference/<path:object_id>/change/": lambda w: {"object_id": w.difference.pk},
    "admin/commerce/movement/<path:object_id>/change/": lambda w: {"object_id": w.tenant.movements.first().pk},
    "admin/commerce/supportcase/<path:object_id>/change/": lambda w: {"object_id": w.case.pk},
    "api/v1/agreements/<uuid:id>/": lambda w: {"id": w.central.agreement.pk},
    "api/v1/invoices/<uuid:id>/pay/": lambda w: {"id": w.central.invoice.pk},
    "api/v1/checkouts/<uuid:id>/use-free-seat/": lambda w: {"id": w.central.claimable.pk},
    "checkouts/<uuid:checkout_id>/use-free-seat/": lambda w: {"checkout_id": w.central.claimable.pk},
    "buy/<slug:plan_id>/use-free-seat/": lambda w: {"plan_id": w.plan.pk},
    "buy/<slug:plan_id>/trial/": lambda w: {"plan_id": w.plan.pk},
    "my/seats/<uuid:seat_id>/": lambda w: {"seat_id": w.seat.pk},
    "my/invoices/<uuid:invoice_id>/pay/": lambda w: {"invoice_id": w.central.invoice.pk},
    "my/invoices/<uuid:invoice_id>/pay/now/": lambda w: {"invoice_id": w.central.invoice.pk},
    "my/invoices/<uuid:invoice_id>/pay/return/": lambda w: {"invoice_id": w.central.waiting.pk},
    "my/invoices/<uuid:invoice_id>/pay/other-card/": lambda w: {"invoice_id": w.central.waiting.pk},
    "admin/commerce/agreement/<path:object_id>/change/": lambda w: {"object_id": w.central.agreement.pk},
    "admin/commerce/purchase/<path:object_id>/assign/": lambda w: {"object_id": w.central.subscription.pk},
    "admin/commerce/purchase/<path:object_id>/release/": lambda w: {"object_id": w.central.subscription.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/extend-trial/": lambda w: {"subscription_id": w.trial.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/end-trial/": lambda w: {"subscription_id": w.trial.pk},
    "admin/commerce/purchase/<uuid:subscription_id>/add-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/remove-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/keep-seats/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/cancel/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/reactivate/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/renewal/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/payment/": _of_the_organisation,
    "admin/commerce/purchase/<uuid:subscription_id>/give-up/": _of_the_organisation,
    "admin/commerce/purchase/order/<uuid:order_id>/": lambda w: {"order_id": w.central.invoice.order_id},
    "buy/<slug:plan_id>/": lambda w: {"plan_id": w.plan.pk},
    "checkouts/<uuid:checkout_id>/": lambda w: {"checkout_id": w.open_checkout.pk},
    "checkouts/<uuid:checkout_id>/pay/": lambda w: {"checkout_id": w.open_checkout.pk},
    "checkouts/<uuid:checkout_id>/other-card/": lambda w: {"checkout_id": w.waiting.order.checkout_id},
    "checkouts/<uuid:checkout_id>/return/": lambda w: {"checkout_id": w.waiting.order.checkout_id},
    "sandbox/3ds/<uuid:key>/": lambda w: {"key": w.waiting.pk},
    "payments/<uuid:key>/step/": lambda w: {"key": w.waiting.pk},
    "hooks/payments/<slug:gateway>/": lambda w: {"gateway": w.waiting.gateway},
    "my/subscriptions/<uuid:subscription_id>/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/assign/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/release/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/auto-renew/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/cancel/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/card/": lambda w: {"subscription_id": w.subscription.pk},
    "my/payment-methods/setups/<uuid:setup_id>/return/": lambda w: {"setup_id": w.card_setup.pk},
    "my/payment-methods/setups/<uuid:setup_id>/give-up/": lambda w: {"setup_id": w.card_setup.pk},
    "my/payment-methods/<uuid:card_id>/default/": lambda w: {"card_id": w.spare_card.pk},
    "my/payment-methods/<uuid:card_id>/remove/": lambda w: {"card_id": w.spare_card.pk},
    "my/payment-methods/<uuid:card_id>/replace/": lambda w: {"card_id": w.card.pk},
    "my/subscriptions/<uuid:subscription_id>/add-seats/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/remove-seats/": lambda w: {"subscription_id": w.subscription.pk},
    "my/subscriptions/<uuid:subscription_id>/keep-seats/": _being_changed,
    "my/subscriptions/<uuid:subscription_id>/reactivate/": lambda w: {"subscription_id": w.changed.ended.pk},
    "my/subscriptions/<uuid:subscription_id>/return/": _being_changed,
    "my/subscriptions/<uuid:subscription_id>/give-up/": _being_changed,
    "my/invoices/<uuid:invoice_id>/": lambda w: {"invoice_id": w.invoice.pk},
    "my/invoices/<uuid:invoice_id>/pdf/": lambda w: {"invoice_id": w.invoice.pk},
    "admin/commerce/invoice/<path:object_id>/change/": lambda w: {"object_id": w.invoice.pk},
    "admin/commerce/invoice/<path:object_id>/pdf/": lambda w: {"object_id": w.invoice.pk},
    "admin/commerce/seller/<path:object_id>/change/": lambda w: {"object_id": w.invoice.seller_id},
    "admin/tenants/tenant/<path:object_id>/change/": lambda w: {"object_id": w.tenant.pk},
    "admin/tenants/membership/<path:object_id>/change/": lambda w: {"object_id": w.owner.pk},
    "admin/tenants/domain/<path:object_id>/change/": lambda w: {"object_id": w.tenant.domains.get().pk},
    "admin/tenants/event/<path:object_id>/change/": lambda w: {"object_id": w.tenant.events.first().pk},
    "admin/licensing/family/<path:object_id>/change/": lambda w: {"object_id": w.plan.product.family_id},
    "admin/licensing/product/<path:object_id>/change/": lambda w: {"object_id": w.plan.product_id},
    "admin/licensing/plan/<path:object_id>/change/": lambda w: {"object_id": w.plan.pk},
    "admin/policies/selfserviceproduct/<path:object_id>/change/": lambda w: {"object_id": w.plan.product_id},
    "admin/policies/policy/<path:object_id>/change/": lambda w: {"object_id": w.policy.pk},
    "admin/policies/market/<path:object_id>/change/": lambda w: {"object_id": Market.objects.first().pk},
    "admin/policies/exclusion/<path:object_id>/remove/": lambda w: {"object_id": Exclusion.objects.first().pk},
    "admin/policies/exclusion/<path:object_id>/change/": lambda w: {"object_id": Exclusion.objects.first().pk},
    "admin/commerce/purchase/<path:object_id>/change/": lambda w: {"object_id": w.subscription.pk},
    "admin/commerce/price/<path:object_id>/change/": lambda w: {"object_id": w.plan.prices.first().pk},
    "admin/commerce/taxrate/<path:object_id>/change/": lambda w: {"object_id": TaxRate.objects.get().pk},
}


@dataclass(frozen=True)
class Act:
    """A write that is right in every way but the visitor: its owner succeeds with the same words."""

    route: str
    method: str
    body: Callable[[World], dict[str, Any]]
    # Whom it belongs to; the control is made as them.
    by: str = "owner"
    query: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def _nothing(world: World) -> dict[str, Any]:
    return {}


ACTS = [
    Act("api/v1/agreements/<uuid:id>/", "PATCH", lambda w: {"name": "Framework"}, by="admin"),
    Act("api/v1/invoices/<uuid:id>/pay/", "POST", lambda w: {"payment_method": "pm_card_visa"}, by="admin"),
    Act("api/v1/checkouts/<uuid:id>/use-free-seat/", "POST", _nothing),
    Act("checkouts/<uuid:checkout_id>/use-free-seat/", "POST", _nothing),
    Act("my/invoices/<uuid:invoice_id>/pay/now/", "POST", lambda w: {"payment_method": "pm_card_visa"}, by="admin"),
    Act("my/invoices/<uuid:invoice_id>/pay/other-card/", "POST", _nothing, by="admin"),
    Act(
        "admin/commerce/purchase/<path:object_id>/assign/",
        "POST",
        lambda w: {"members": w.colleague.user.email},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<path:object_id>/release/",
        "POST",
        lambda w: {"seats": str(w.central.seat.pk)},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/add-seats/",
        "POST",
        lambda w: {**seats_form(w.central.subscription, 6, w.admin), "payment_method": str(w.central.agreement.pk)},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/remove-seats/",
        "POST",
        lambda w: seats_form(w.central.subscription, 4, w.admin),
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/cancel/",
        "POST",
        lambda w: {"reason": "No need", "shown": shown(w.central.subscription, 0, w.admin)},
        by="admin",
    ),
    Act(
        "admin/commerce/purchase/<uuid:subscription_id>/renewal/",
        "POST",
        lambda w: {"auto_renew": "off"},
        by="admin",
    ),
    Act("api/v1/members/<uuid:id>/", "PATCH", lambda w: {"state": "disabled"}, by="admin"),
    Act("api/v1/policies/values/<uuid:id>/", "DELETE", _nothing, by="admin", query="?reason=Stop"),
    Act("admin/policies/policy/<path:object_id>/change/", "POST", lambda w: {"reason": "Stop"}, by="admin"),
    Act("api/v1/policies/products/<str:id>/", "PUT", lambda w: {"value": "disabled", "reason": "Stop"}, by="admin"),
    Act("api/v1/exclusions/<uuid:id>/", "PATCH", lambda w: {"reason": "Why", "preview": True}, by="operator"),
    Act("api/v1/checkouts/<uuid:id>/pay/", "POST", lambda w: {"payment_method": "pm_card_visa"}),
    Act("api/v1/spend-limits/<uuid:id>/", "PATCH", lambda w: {"mode": "approval"}, by="admin"),
    Act("api/v1/spend-limits/<uuid:id>/", "DELETE", _nothing, by="admin"),
    Act("admin/policies/spendlimit/<path:object_id>/end/", "POST", lambda w: {"reason": "Over"}, by="admin"),
    Act("api/v1/checkouts/<uuid:id>/confirm/", "POST", _nothing),
    Act("api/v1/governance-policies/<uuid:id>/", "PATCH", lambda w: {"kind": "sharing"}, by="admin"),
    Act("api/v1/governance-policies/<uuid:id>/", "DELETE", _nothing, by="admin"),
    Act(
        "admin/policies/governancepolicy/<path:object_id>/change/",
        "POST",
        lambda w: {"name": "Else", "kind": "sharing", "reason": "Why"},
        by="admin",
    ),
    Act("admin/policies/governancepolicy/<path:object_id>/remove/", "POST", lambda w: {"reason": "Over"}, by="admin"),
    Act(
        "api/v1/license-requests/<uuid:id>/decide/",
        "POST",
        lambda w: {"decline": [w.owner.user.email]},
        by="admin",
    ),
    Act("api/v1/license-requests/<uuid:id>/withdraw/", "POST", _nothing),
    Act("my/requests/<uuid:request_id>/withdraw/", "POST", _nothing),
    Act(
        "admin/policies/licenserequest/<path:object_id>/change/",
        "POST",
        lambda w: {"people": w.owner.user.email, "decline": "1"},
        by="admin",
    ),
    Act("api/v1/approvals/<uuid:id>/decide/", "POST", lambda w: {"approve": True}, by="admin"),
    Act("api/v1/policies/approvers/<uuid:id>/", "DELETE", _nothing, by="admin"),
    Act("my/approvals/<uuid:approval_id>/decide/", "POST", lambda w: {"decline": "1"}, by="admin"),
    Act("checkouts/<uuid:checkout_id>/withdraw/", "POST", _nothing),
    Act("admin/policies/approval/<path:object_id>/change/", "POST", lambda w: {"decline": "1"}, by="admin"),
    Act("admin/policies/approver/<path:object_id>/change/", "POST", _nothing, by="admin"),
    Act("api/v1/checkouts/<uuid:id>/cancel/", "POST", _nothing),
    Act("api/v1/subscriptions/<uuid:id>/auto-renew/", "POST", lambda w: {"auto_renew": False}),
    Act("api/v1/subscriptions/<uuid:id>/cancel/", "POST", lambda w: {"reason": "No need"}),
    Act("api/v1/subscriptions/<uuid:id>/cancel/", "POST", lambda w: {"preview": True}),
    Act("api/v1/subscriptions/<uuid:id>/extend-trial/", "POST", _nothing, by="admin"),
    Act("api/v1/subscriptions/<uuid:id>/quantity/", "POST", lambda w: {"quantity": 3}),
    Act("api/v1/subscriptions/<uuid:id>/quantity/", "POST", lambda w: {"quantity": 1}),
    Act("api/v1/subscriptions/<uuid:id>/quantity/", "POST", lambda w: {"quantity": 3, "preview": True}),
    Act("api/v1/subscriptions/<uuid:id>/reactivate/", "POST", lambda w: {"preview": True}),
    Act("api/v1/orders/<uuid:id>/confirm/", "POST", _nothing),
    Act("api/v1/orders/<uuid:id>/cancel/", "POST", _nothing),
    Act("api/v1/subscriptions/<uuid:id>/seats/", "POST", lambda w: {"members": [w.colleague.user.email]}),
    Act("api/v1/subscriptions/<uuid:id>/seats/release/", "POST", lambda w: {"members": [w.owner.user.email]}),
    Act("api/v1/subscriptions/<uuid:id>/seats/<uuid:seat>/", "DELETE", _nothing),
    Act("api/v1/support-cases/<uuid:id>/messages/", "POST", lambda w: {"body": "Still so"}),
    Act("api/v1/support-cases/<uuid:id>/close/", "POST", _nothing),
    Act("my/support/<uuid:case_id>/reply/", "POST", lambda w: {"body": "Still so"}),
    Act("my/support/<uuid:case_id>/close/", "POST", _nothing),
    Act(
        "api/v1/subscriptions/<uuid:id>/payment-method/",
        "POST",
        lambda w: {"payment_method": str(w.spare_card.pk)},
    ),
    Act("api/v1/payment-methods/<uuid:id>/", "DELETE", _nothing),
    Act("api/v1/payment-methods/<uuid:id>/default/", "POST", _nothing),
    Act("api/v1/payment-methods/<uuid:id>/replace/", "POST", lambda w: {"by": str(w.spare_card.pk)}),
    Act("api/v1/payment-methods/setups/<uuid:id>/confirm/", "POST", _nothing),
    Act("api/v1/payment-methods/setups/<uuid:id>/cancel/", "POST", _nothing),
    Act("checkouts/<uuid:checkout_id>/pay/", "POST", lambda w: {"quantity": 2, "payment_method": "pm_card_visa"}),
    Act("checkouts/<uuid:checkout_id>/other-card/", "POST", _nothing),
    Act("sandbox/3ds/<uuid:key>/", "POST", lambda w: {"decision": "approve"}),
    Act("my/subscriptions/<uuid:subscription_id>/card/", "POST", lambda w: {"card": str(w.spare_card.pk)}),
    Act("my/payment-methods/setups/<uuid:setup_id>/give-up/", "POST", _nothing),
    Act("my/payment-methods/<uuid:card_id>/default/", "POST", _nothing),
    Act("my/payment-methods/<uuid:card_id>/remove/", "POST", _nothing),
    Act("my/payment-methods/<uuid:card_id>/replace/", "POST", lambda w: {"card": str(w.spare_card.pk)}),
    Act("my/subscriptions/<uuid:subscription_id>/assign/", "POST", lambda w: {"members": w.colleague.user.email}),
    Act("my/subscriptions/<uuid:subscription_id>/release/", "POST", lambda w: {"seats": str(w.seat.pk)}),
    Act("my/subscriptions/<uuid:subscription_id>/auto-renew/", "POST", lambda w: {"auto_renew": "off"}),
    Act(
        "my/subscriptions/<uuid:subscription_id>/cancel/",
        "POST",
        lambda w: {"reason": "No need", "shown": shown(w.subscription, 0)},
    ),
    Act(
        "my/subscriptions/<uuid:subscription_id>/add-seats/",
        "POST",
        lambda w: {**seats_form(w.subscription, 3), "payment_method": "pm_card_visa"},
    ),
    Act("my/subscriptions/<uuid:subscription_id>/remove-seats/", "POST", lambda w: seats_form(w.subscription, 1)),
    Act("my/subscriptions/<uuid:subscription_id>/keep-seats/", "POST", _nothing),
    Act(
        "my/subscriptions/<uuid:subscription_id>/reactivate/",
        "POST",
        lambda w: {"shown": shown(w.changed.ended, 2), "payment_method": "pm_card_visa"},
    ),
    Act("my/subscriptions/<uuid:subscription_id>/give-up/", "POST", _nothing),
]

# Routes with an id that only show; `buy` opens a quote of the visitor's own, and a policy page is the visitor's own
# tenant's (its form is tried by everybody in tests/admin).
READ_ONLY = {
    "api/v1/approvals/<uuid:id>/",
    "api/v1/license-requests/<uuid:id>/",
    "my/requests/new/<str:product_id>/",  # asks the visitor's own organisation
    "my/approvals/<uuid:approval_id>/",
    "buy/<slug:plan_id>/trial/",  # starts one of the visitor's own
    "buy/<slug:plan_id>/use-free-seat/",  # gives the visitor a seat of their own organisation's
    "my/seats/<uuid:seat_id>/",
    "my/invoices/<uuid:invoice_id>/pay/",
    "my/invoices/<uuid:invoice_id>/pay/return/",  # asks the bank
    # Takes nothing but what the provider has signed.
    "hooks/payments/<slug:gateway>/",
    "api/v1/payment-methods/setups/<uuid:id>/",
    "my/payment-methods/setups/<uuid:setup_id>/return/",
    "api/v1/invoices/<uuid:id>/pdf/",
    "my/invoices/<uuid:invoice_id>/",
    "my/invoices/<uuid:invoice_id>/pdf/",
    "api/v1/products/<str:id>/eligibility/",
    "api/v1/checkouts/<uuid:id>/",
    "api/v1/support-cases/<uuid:id>/",
    "my/support/<uuid:case_id>/",
    "api/v1/subscriptions/<uuid:id>/",
    "buy/<slug:plan_id>/",
    "checkouts/<uuid:checkout_id>/",
    "checkouts/<uuid:checkout_id>/return/",
    "payments/<uuid:key>/step/",  # there only with Stripe: tests/commerce/test_stripe_step.py acts on it
    "api/v1/orders/<uuid:id>/",
    "my/subscriptions/<uuid:subscription_id>/",
    "my/subscriptions/<uuid:subscription_id>/return/",  # asks the bank, and only about what the visitor ordered
    *(route for route in ENTRIES if route.startswith("admin/")),
}
