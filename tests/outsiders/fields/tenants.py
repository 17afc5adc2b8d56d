"""Fields about people, organisations and the journal."""

from tests.outsiders.fields.body import Body, department, owner

KNOWN_FIELDS: dict[str, set[str]] = {
    "DelegationBody": {"partner", "roles", "ends_at"},
    "DelegationChange": {"ends_at"},
    "WebhookEndpointBody": {"url", "types"},
    "WebhookEndpointChange": {"url", "types", "state"},
    # `department` is a choice among the rows of the acting organisation.
    "PersonForm": {"name", "department", "state", "source", "away_until"},
    "GuestForm": {"department", "state"},
    "NewPersonForm": {"email", "kind", "name", "department", "state", "source", "away_until"},
    "RolesForm": {"roles"},
    "SignInForm": {"requires_second_factor"},
    "SignInChange": {"requires_second_factor"},
    "CodeForm": {"code"},
    "FirstCodeForm": {"code"},
    "BillingForm": {"legal_name", "address", "tax_number"},
    "BillingChange": {"legal_name", "address", "tax_number"},
    "AheadForm": {"how", "date"},
    "DecisionForm": {"decision"},
    "EventFilters": {"after", "type", "page_size"},
    "MemberChange": {"name", "department", "state", "source", "away_until"},
    "NewMember": {"name", "department", "state", "source", "email", "kind", "away_until"},
    "TenantChange": {"billing"},
    "AddressForm": {"email", "next"},
    "PasswordForm": {"email", "next", "password"},
    "ReasonForm": {"reason"},
}  # fmt: skip

BODIES = [
    Body("GET", "/api/v1/events/", "after", lambda w: 0),
    Body("POST", "/api/v1/members/", "email", owner, lambda w: {"name": "Taken"}),
    Body("POST", "/api/v1/members/", "department", department, lambda w: {"email": "n@quux.example"}),
    Body("PATCH", "/api/v1/members/{member}/", "department", department),
    Body(
        "POST",
        "/admin/tenants/membership/new/",
        "email",
        owner,
        lambda w: {"kind": "member", "state": "active", "source": "cloud"},
    ),
    Body(
        "POST",
        "/admin/tenants/membership/new/",
        "department",
        department,
        lambda w: {"email": "n@quux.example", "kind": "guest", "state": "active", "source": "cloud"},
    ),
    Body("POST", "/acting-for/", "tenant", lambda w: w.tenant.slug),
    Body("POST", "/sign-in/", "email", owner, lambda w: {"password": "guess", "next": "https://elsewhere.example/"}),
    Body("GET", "/admin/tenants/membership/", "q", owner),
    Body("GET", "/admin/tenants/event/", "tenant__id__exact", lambda w: str(w.tenant.pk)),
]
