"""Every field of every body, query and form; for those that could name a row of somebody else, what the walk sends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.forms import BaseForm
from django.utils import timezone

from commerce.models import Invoice
from licensing.models import Seat
from policies.operations.settings import let_members_claim_seats
from tenants.access import SYSTEM
from tenants.api.reading import Input
from tenants.directory.models import Department
from tests import factories
from tests.outsiders.changed import shown
from tests.outsiders.world import World

OURS = ("tenants", "licensing", "policies", "commerce", "config")


def every_field() -> dict[str, set[str]]:
    """The names of the fields of each body, query and form class of the site."""
    found = {}
    for shape in _below(Input):
        if shape.__module__.startswith(OURS):
            found[shape.__name__] = set(shape().fields)
    for form in _below(BaseForm):
        if form.__module__.startswith(OURS):
            found[form.__name__] = set(form.base_fields)
    return found


def _below(kind: type) -> Iterator[Any]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _below(sub)


# A new field fails the walk until it stands here; one that could name a row of somebody else needs a line in BODIES.
KNOWN_FIELDS: dict[str, set[str]] = {
    "AgreedPriceBody": {"plan", "price"},
    "LimitAmountBody": {"amount", "currency"},
    "LimitScopeBody": {"level", "id"},
    "SpendLimitBody": {"scope", "period", "amount", "mode", "counts", "reason"},
    "SpendLimitChange": {"period", "amount", "mode", "counts", "reason"},
    "SpendLimitForm": {"period", "amount", "currency", "mode", "counts", "reason"},
    "NewSpendLimitForm": {"scope", "person", "period", "amount", "currency", "mode", "counts", "reason"},
    "AgreementBody": {
        "name", "currency", "valid_from", "valid_to", "pay_by_invoice", "payment_days", "prices",
    },
    "AgreementChange": {"name", "valid_from", "valid_to", "pay_by_invoice", "payment_days", "prices"},
    "CentralOrderBody": {"plan", "quantity", "agreement", "payment_method", "preview"},
    "MoneyBody": {"amount", "currency"},
    "PayInvoiceBody": {"payment_method"},
    "UseFreeSeatBody": {"subscription"},
    "AgreementForm": {"name", "valid_from", "valid_to", "pay_by_invoice", "payment_days", "prices"},
    "CentralOrderForm": {"plan", "quantity", "agreement", "pay"},
    "NewAgreementForm": {
        "tenant", "name", "currency", "valid_from", "valid_to", "pay_by_invoice", "payment_days", "prices",
    },
    "ApprovalFilters": {"state"},
    "ApproverBody": {"department", "member"},
    "DecideBody": {"approve", "quantity", "message"},
    "DecideForm": {"quantity", "message"},
    "NameApproverForm": {"member"},
    "AutoRenewBody": {"auto_renew"},
    "BillingForm": {"legal_name", "address", "tax_number"},
    "BillingChange": {"legal_name", "address", "tax_number"},
    "CancelBody": {"reason", "preview", "as_of"},
    "PreviewBody": {"preview", "as_of"},
    "QuantityBody": {"quantity", "when", "payment_method", "preview", "as_of", "expected_total"},
    "ReactivateBody": {"payment_method", "preview", "as_of", "expected_total"},
    "CaseFilters": {"kind", "state"},
    "CheckoutBody": {"plan", "quantity", "assign_to", "trial"},
    "EligibilityQuery": {"user", "plan", "quantity"},
    "EntitlementQuery": {"product", "user"},
    "ExclusionBody": {
        "sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason", "preview",
    },
    "DayForm": {"on"},
    "EndCaseForm": {"subject", "body"},
    "WhyQuery": {"reason"},
    "ExclusionForm": {
        "sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason", "seen",
    },
    "ExclusionChange": {
        "sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason", "preview",
    },
    "ExplainForm": {"user", "product", "quantity"},
    "EventFilters": {"after", "type", "page_size"},
    "InvoiceFilters": {"kind", "order"},
    "MarketQuery": {"family", "on"},
    "MemberChange": {"name", "department", "state", "source"},
    "MembersBody": {"members"},
    "NewCaseBody": {"kind", "subject", "body", "subscription"},
    "NewMember": {"name", "department", "state", "source", "email", "kind"},
    "NewPaymentMethodBody": {"token", "for_organisation"},
    "OrderFilters": {"state", "subscription"},
    "PayBody": {"payment_method", "acknowledge"},
    "GovernanceChange": {
        "name", "kind", "families", "products", "departments", "settings", "acknowledge", "reason", "dry_run",
    },
    "RemovalBody": {"reason", "dry_run"},
    "RemovalQuery": {"reason", "dry_run"},
    "GovernanceForm": {"name", "kind", "families", "products", "settings", "acknowledge", "reason", "seen"},
    "RemoveForm": {"reason"},
    "PolicyBody": {"at", "existing", "dry_run", "value", "reason"},
    "ProductQuery": {"family", "search", "country"},
    "ReplyBody": {"body"},
    "ReplaceBody": {"by"},
    "SourceBody": {"payment_method"},
    "SubscriptionFilters": {
        "channel", "state", "product", "family", "purchaser", "assigned_to", "expires_before", "expires_after",
        "search",
    },
    "SeatsForm": set(),
    "SellerForm": {"name", "country", "address", "tax_id", "markets"},
    "TenantChange": {"billing"},
    "AnswerForm": {"body"},
    "AddCardForm": {"token", "for_organisation"},
    "AddressForm": {"email", "next"},
    "AssignForm": {"members"},
    "CancelForm": {"reason"},
    "CardForm": {"payment_method"},
    "ChooseCardForm": set(),
    "CountryForm": set(),
    "EmailForm": {"email"},
    "FindSeatForm": {"q"},
    "NewCaseForm": {"subject", "body"},
    "LicenseRequestFilters": {"state"},
    "LicenseRequestBody": {"product", "members", "reason"},
    "DecideLicenseRequestBody": {"approve", "decline", "message", "how", "until"},
    "AskForm": {"members", "reason"},
    "DecideRequestForm": {"people", "how", "until", "message"},
    "NextPayerForm": set(),
    "OrganisationPaysForm": set(),
    "NewSellerForm": {"name", "country", "address", "tax_id", "markets", "slug", "begins"},
    "PasswordForm": {"email", "next", "password"},
    "PayForm": {"payment_method"},
    "PolicyForm": {"at", "existing", "value", "reason", "seen"},
    "PoliciesBody": {"at", "existing", "dry_run", "products", "value", "reason"},
    "PoliciesForm": {"at", "existing", "products", "value", "reason"},
    "ChangeBody": {"at", "existing", "dry_run"},
    "ReasonForm": {"reason"},
    "ReasonQuery": {"dry_run", "reason"},
    "ScopedValueForm": {"at", "existing",
        "member", "department", "product", "family", "value", "valid_from", "valid_to", "reason",
    },
    "SettingsBody": {"at", "existing", "dry_run",
        "default_for_new_products", "self_service_enabled", "contact_email", "contact_url", "contact_message",
        "request_process_message", "request_process_url", "reason",
    },
    "SettingsForm": {
        "default_for_new_products", "contact_email", "contact_url", "contact_message", "request_process_message",
        "request_process_url", "reason",
    },
    "SwitchForm": {"reason"},
    "ValueBody": {"at", "existing", "dry_run",
        "level", "member", "department", "product", "family", "value", "reason", "valid_from", "valid_to",
    },
    "ValueForm": {"at", "existing", "value", "reason"},
    "QuantityForm": set(),
    "TrialForm": set(),
    "ReleaseForm": set(),
    "ReplyForm": {"body"},
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A call of the visitor's own (`route` is filled from rows of the visitor) whose `field` names the victim's row."""

    method: str
    route: str
    field: str
    value: Callable[[World], Any]
    others: Callable[[World], dict[str, Any]] = lambda world: {}

    def filled(self, world: World) -> tuple[str, Any]:
        fills = {name: fill(world) for name, fill in FILLS.items() if f"{{{name}}}" in self.route}
        url = self.route.format(**fills)
        content = {self.field: self.value(world), **self.others(world)}
        if self.method == "GET":
            return f"{url}?{urlencode(content)}", None
        return url, content


def own_subscription(world: World) -> Any:
    """A purchase of the outsider's, made when it is first asked for: the call is theirs, only the field is not."""
    held = Seat.objects.filter(member=world.outsider).select_related("subscription").first()
    return held.subscription if held else factories.buy(world.outsider, world.plan, at=timezone.now())


def own_department(world: World) -> Department:
    found = Department.objects.filter(tenant=world.outsider.tenant).first()
    return found or factories.DepartmentFactory(tenant=world.outsider.tenant)


def own_card(world: World) -> Any:
    return factories.add_card(world.outsider).payment_method


FILLS: dict[str, Callable[[World], Any]] = {
    "own": lambda w: own_subscription(w).pk,
    "checkout": lambda w: factories.open_checkout(w.outsider, w.plan, at=timezone.now()).pk,
    "claimable": lambda w: own_checkout(w).pk,
    "invoice": lambda w: own_invoice(w).pk,
    "card": lambda w: own_card(w).pk,
    "member": lambda w: w.outsider.pk,
    "plan": lambda w: w.plan.pk,
}


def own_invoice(world: World) -> Any:
    """An open invoice of the outsider's."""
    found = Invoice.objects.of(world.outsider.tenant).filter(order__state="invoiced").first()
    return found or factories.buy_centrally(world.outsider, world.plan).orders.get().invoices.get()


def own_checkout(world: World) -> Any:
    """A quote of the outsider's for what the victim's organisation has free seats of, and lets its members take."""
    let_members_claim_seats(tenant=world.outsider.tenant, allowed=True, by=SYSTEM, at=timezone.now())
    return factories.open_checkout(world.outsider, world.central.subscription.plan, at=timezone.now())


def _one_seat(world: World) -> dict[str, Any]:
    return {"plan": world.plan.pk, "quantity": 1}


def _owner(world: World) -> str:
    return world.owner.user.email


def _department(world: World) -> str:
    return str(world.tenant.departments.get().pk)


SAID = {"subject": "Whose", "body": "Tell me"}

LIMIT = {"period": "month", "amount": {"amount": "1.00", "currency": "USD"}}
TYPED_LIMIT = {
    "scope": "member:", "period": "month", "amount": "1", "currency": "USD", "mode": "hard", "counts": "self_service",
    "reason": "Less",
}  # fmt: skip

STOP = {"value": "disabled", "reason": "Stop"}

SHARED = {"name": "New", "kind": "access", "reason": "Why"}

BODIES = [
    Body("POST", "/api/v1/governance-policies/", "departments", lambda w: [_department(w)], lambda w: SHARED),
    Body("POST", "/admin/policies/governancepolicy/new/", "departments", _department, lambda w: SHARED),
    Body(
        "POST",
        "/api/v1/checkouts/{checkout}/pay/",
        "acknowledge",
        lambda w: [str(w.governance.pk)],
        lambda w: {"payment_method": "pm_card_visa"},
    ),
    Body(
        "POST",
        "/api/v1/license-requests/",
        "members",
        lambda w: [w.owner.user.email],
        lambda w: {"product": w.plan.product_id, "reason": "We need it"},
    ),
    Body("GET", "/admin/policies/licenserequest/", "q", _owner),
    Body("POST", "/api/v1/policies/values/", "member", _owner, lambda w: {"level": "member", **STOP}),
    Body("POST", "/api/v1/policies/values/", "department", _department, lambda w: {"level": "department", **STOP}),
    Body("POST", "/admin/policies/policy/new/", "member", _owner, lambda w: STOP),
    Body("POST", "/admin/policies/policy/new/", "department", _department, lambda w: STOP),
    Body(
        "POST",
        "/api/v1/spend-limits/",
        "scope",
        lambda w: {"level": "member", "id": str(w.owner.pk)},
        lambda w: LIMIT,
    ),
    Body(
        "POST",
        "/api/v1/spend-limits/",
        "scope",
        lambda w: {"level": "department", "id": str(w.tenant.departments.first().pk)},
        lambda w: LIMIT,
    ),
    Body("POST", "/admin/policies/spendlimit/new/", "person", _owner, lambda w: TYPED_LIMIT),
    Body(
        "POST",
        "/admin/policies/spendlimit/new/",
        "scope",
        lambda w: f"member:{w.owner.pk}",
        lambda w: {**TYPED_LIMIT, "person": ""},
    ),
    Body("POST", "/api/v1/subscriptions/", "agreement", lambda w: str(w.central.agreement.pk), _one_seat),
    Body("POST", "/api/v1/subscriptions/", "payment_method", lambda w: str(w.card.pk), _one_seat),
    Body("POST", "/api/v1/invoices/{invoice}/pay/", "payment_method", lambda w: str(w.card.pk)),
    Body(
        "POST", "/api/v1/checkouts/{claimable}/use-free-seat/", "subscription", lambda w: str(w.central.subscription.pk)
    ),
    Body("POST", "/my/invoices/{invoice}/pay/now/", "payment_method", lambda w: str(w.card.pk)),
    Body(
        "GET",
        "/admin/commerce/purchase/order/",
        "agreement",
        lambda w: str(w.central.agreement.pk),
        lambda w: {**_one_seat(w), "pay": "invoice"},
    ),
    Body("GET", "/admin/commerce/purchase/order/", "pay", lambda w: str(w.card.pk), _one_seat),
    Body("GET", "/admin/commerce/agreement/", "q", lambda w: w.central.agreement.name),
    Body("GET", "/admin/commerce/agreement/", "tenant__id__exact", lambda w: str(w.tenant.pk)),
    Body("POST", "/api/v1/support-cases/", "subscription", lambda w: str(w.subscription.pk), lambda w: SAID),
    Body("POST", "/my/support/new/", "subscription", lambda w: str(w.subscription.pk), lambda w: SAID),
    Body(
        "POST", "/api/v1/checkouts/", "assign_to", lambda w: [_owner(w)], lambda w: {"plan": w.plan.pk, "quantity": 1}
    ),
    Body("POST", "/api/v1/subscriptions/{own}/seats/", "members", lambda w: [_owner(w)]),
    Body(
        "POST",
        "/api/v1/subscriptions/{own}/quantity/",
        "payment_method",
        lambda w: str(w.card.pk),
        lambda w: {"quantity": 4},
    ),
    Body("POST", "/api/v1/subscriptions/{own}/reactivate/", "payment_method", lambda w: str(w.card.pk)),
    Body(
        "POST",
        "/my/subscriptions/{own}/add-seats/",
        "payment_method",
        lambda w: str(w.card.pk),
        lambda w: {"quantity": 1, "when": "now", "shown": shown(own_subscription(w), 3)},
    ),
    Body(
        "POST",
        "/my/subscriptions/{own}/add-seats/",
        "shown",
        lambda w: shown(w.subscription, 3),
        lambda w: {"quantity": 1, "when": "now", "payment_method": "pm_card_visa"},
    ),
    Body("POST", "/api/v1/subscriptions/{own}/seats/release/", "members", lambda w: [_owner(w)]),
    Body("GET", "/api/v1/subscriptions/", "purchaser", _owner),
    Body("GET", "/api/v1/subscriptions/", "assigned_to", _owner),
    Body("GET", "/api/v1/subscriptions/", "search", _owner),
    Body("GET", "/api/v1/orders/", "subscription", lambda w: str(w.subscription.pk)),
    Body("GET", "/api/v1/invoices/", "order", lambda w: str(w.order.pk)),
    Body("GET", "/api/v1/entitlements/", "user", _owner, lambda w: {"product": w.plan.product_id}),
    Body("GET", "/api/v1/events/", "after", lambda w: 0),
    Body("POST", "/api/v1/members/", "email", _owner, lambda w: {"name": "Taken"}),
    Body(
        "POST",
        "/api/v1/policies/approvers/",
        "department",
        _department,
        lambda w: {"member": w.outsider.user.email},
    ),
    Body("POST", "/api/v1/policies/approvers/", "member", _owner, lambda w: {"department": own_department(w).name}),
    Body(
        "POST",
        "/admin/policies/approver/new/",
        "department",
        _department,
        lambda w: {"member": w.outsider.user.email},
    ),
    Body("POST", "/admin/policies/approver/new/", "member", _owner, lambda w: {"department": own_department(w).pk}),
    Body("POST", "/api/v1/members/", "department", _department, lambda w: {"email": "n@quux.example"}),
    Body("PATCH", "/api/v1/members/{member}/", "department", _department),
    Body("POST", "/api/v1/payment-methods/", "token", lambda w: str(w.spare_card.pk)),
    Body("POST", "/api/v1/payment-methods/", "token", lambda w: w.spare_card.reference),
    Body("POST", "/api/v1/payment-methods/{card}/replace/", "by", lambda w: str(w.spare_card.pk)),
    Body("POST", "/api/v1/subscriptions/{own}/payment-method/", "payment_method", lambda w: str(w.spare_card.pk)),
    Body("POST", "/api/v1/checkouts/{checkout}/pay/", "payment_method", lambda w: str(w.card.pk)),
    Body("POST", "/api/v1/checkouts/{checkout}/pay/", "payment_method", lambda w: w.card.reference),
    Body("POST", "/checkouts/{checkout}/pay/", "payment_method", lambda w: str(w.card.pk), lambda w: {"quantity": 2}),
    Body("POST", "/my/payment-methods/add/", "token", lambda w: w.spare_card.reference),
    Body("POST", "/my/payment-methods/{card}/replace/", "card", lambda w: str(w.spare_card.pk)),
    Body("POST", "/my/subscriptions/{own}/card/", "card", lambda w: str(w.spare_card.pk)),
    Body("POST", "/my/subscriptions/{own}/assign/", "members", _owner),
    Body("POST", "/my/subscriptions/{own}/release/", "seats", lambda w: str(w.seat.pk)),
    Body("POST", "/buy/{plan}/", "email", _owner),
    Body("POST", "/acting-for/", "tenant", lambda w: w.tenant.slug),
    Body("POST", "/sign-in/", "email", _owner, lambda w: {"password": "guess", "next": "https://elsewhere.example/"}),
    Body("GET", "/admin/commerce/purchase/", "q", _owner),
    Body("GET", "/admin/commerce/purchase/", "purchaser__user__email", _owner),
    Body("GET", "/admin/commerce/purchase/", "tenant__id__exact", lambda w: str(w.tenant.pk)),
    Body("GET", "/admin/commerce/purchase/", "id__exact", lambda w: str(w.subscription.pk)),
    Body(
        "GET",
        "/admin/policies/selfserviceproduct/explain/",
        "user",
        _owner,
        lambda w: {"product": w.plan.product_id},
    ),
    Body("GET", "/admin/tenants/membership/", "q", _owner),
    Body("GET", "/admin/tenants/event/", "tenant__id__exact", lambda w: str(w.tenant.pk)),
]
