"""Fields about what people may buy and have."""

from tests.outsiders.fields.body import Body, department, own_department, owner

KNOWN_FIELDS: dict[str, set[str]] = {
    "CeilingForm": {"ceiling", "reason"},
    "AllowForm": {"product", "ceiling", "reason"},
    "LimitAmountBody": {"amount", "currency"},
    "LimitScopeBody": {"level", "id"},
    "SpendLimitBody": {"scope", "period", "amount", "mode", "counts", "reason"},
    "SpendLimitChange": {"period", "amount", "mode", "counts", "reason"},
    "SpendLimitForm": {"period", "amount", "currency", "mode", "counts", "reason"},
    "NewSpendLimitForm": {"scope", "person", "period", "amount", "currency", "mode", "counts", "reason"},
    "ApproverBody": {"department", "member"},
    "NameApproverForm": {"member"},
    "EligibilityQuery": {"user", "plan", "quantity"},
    "EntitlementQuery": {"product", "user"},
    "UseBody": {"product", "user", "at"},
    "ExclusionBody": {
        "sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason", "preview",
    },
    "DayForm": {"on"},
    "WhyQuery": {"reason"},
    "ExclusionForm": {
        "sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason", "seen",
    },
    "ExclusionChange": {
        "sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason", "preview",
    },
    "ExplainForm": {"user", "product", "plan", "quantity"},
    "MarketQuery": {"family", "on"},
    "GovernanceChange": {
        "name", "kind", "families", "products", "departments", "settings", "acknowledge", "reason", "dry_run",
    },
    "RemovalBody": {"reason", "dry_run"},
    "RemovalQuery": {"reason", "dry_run"},
    "GovernanceForm": {"name", "kind", "families", "products", "settings", "acknowledge", "reason", "seen"},
    "RemoveForm": {"reason"},
    "PolicyBody": {"at", "existing", "dry_run", "value", "reason"},
    "LicenseRequestFilters": {"state"},
    "LicenseRequestBody": {"product", "members", "reason"},
    "DecideLicenseRequestBody": {"approve", "decline", "message", "how", "until"},
    "DecideRequestForm": {"people", "how", "until", "message"},
    "PolicyForm": {"at", "existing", "value", "reason", "seen"},
    "PoliciesBody": {"at", "existing", "dry_run", "products", "value", "reason"},
    "PoliciesForm": {"at", "existing", "products", "value", "reason"},
    "ChangeBody": {"at", "existing", "dry_run"},
    "ReasonQuery": {"dry_run", "reason"},
    "ScopedValueForm": {"at", "existing",
        "member", "department", "product", "family", "value", "valid_from", "valid_to", "reason",
    },
    "SettingsBody": {"at", "existing", "dry_run",
        "default_for_new_products", "self_service_enabled", "contact_email", "contact_url", "contact_message",
        "request_process_message", "request_process_url", "reason", "leaver_default", "leaver_grace_days",
        "tell_admins_of_failed_charges", "tell_admins_of_renewals", "take_over_refunds",
    },
    "SettingsForm": {"at", "existing",
        "default_for_new_products", "contact_email", "contact_url", "contact_message", "request_process_message",
        "request_process_url", "reason", "leaver_default", "leaver_grace_days",
        "tell_admins_of_failed_charges", "tell_admins_of_renewals", "take_over_refunds",
    },
    "ResumeForm": {"reason"},
    "StopForm": {"reason", "existing", "at"},
    "ExistingForm": {"existing", "at"},
    "ValueBody": {"at", "existing", "dry_run",
        "level", "member", "department", "product", "family", "value", "reason", "valid_from", "valid_to",
    },
    "ValueForm": {"at", "existing", "value", "reason"},
}  # fmt: skip

LIMIT = {"period": "month", "amount": {"amount": "1.00", "currency": "USD"}}

TYPED_LIMIT = {
    "scope": "member:", "period": "month", "amount": "1", "currency": "USD", "mode": "hard", "counts": "self_service",
    "reason": "Less",
}  # fmt: skip

STOP = {"value": "disabled", "reason": "Stop"}

SHARED = {"name": "New", "kind": "access", "reason": "Why"}

BODIES = [
    Body("POST", "/api/v1/governance-policies/", "departments", lambda w: [department(w)], lambda w: SHARED),
    Body("POST", "/admin/policies/governancepolicy/new/", "departments", department, lambda w: SHARED),
    Body(
        "POST",
        "/api/v1/license-requests/",
        "members",
        lambda w: [w.owner.user.email],
        lambda w: {"product": w.plan.product_id, "reason": "We need it"},
    ),
    Body("GET", "/admin/policies/licenserequest/", "q", owner),
    Body("POST", "/api/v1/policies/values/", "member", owner, lambda w: {"level": "member", **STOP}),
    Body("POST", "/api/v1/policies/values/", "department", department, lambda w: {"level": "department", **STOP}),
    Body("POST", "/admin/policies/policy/new/", "member", owner, lambda w: STOP),
    Body("POST", "/admin/policies/policy/new/", "department", department, lambda w: STOP),
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
    Body("POST", "/admin/policies/spendlimit/new/", "person", owner, lambda w: TYPED_LIMIT),
    Body(
        "POST",
        "/admin/policies/spendlimit/new/",
        "scope",
        lambda w: f"member:{w.owner.pk}",
        lambda w: {**TYPED_LIMIT, "person": ""},
    ),
    Body("GET", "/api/v1/entitlements/", "user", owner, lambda w: {"product": w.plan.product_id}),
    Body("POST", "/api/v1/entitlements/use/", "user", owner, lambda w: {"product": w.plan.product_id}),
    Body(
        "POST",
        "/api/v1/policies/approvers/",
        "department",
        department,
        lambda w: {"member": w.outsider.user.email},
    ),
    Body("POST", "/api/v1/policies/approvers/", "member", owner, lambda w: {"department": own_department(w).name}),
    Body(
        "POST",
        "/admin/policies/approver/new/",
        "department",
        department,
        lambda w: {"member": w.outsider.user.email},
    ),
    Body("POST", "/admin/policies/approver/new/", "member", owner, lambda w: {"department": own_department(w).pk}),
    Body(
        "GET",
        "/admin/policies/selfserviceproduct/explain/",
        "user",
        owner,
        lambda w: {"product": w.plan.product_id},
    ),
]
