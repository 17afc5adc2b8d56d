"""Whom the calls of the API let in."""

from tests.roles.audiences import (
    BILLING,
    DELEGATE,
    EVERYBODY,
    GIVES,
    GLOBAL,
    NOBODY,
    OF_TENANT,
    OPERATOR,
    OWNER,
    PEOPLE,
    PRICED,
    READS_POLICY,
    SIGNED_IN,
)

TABLE = [
    # The service's own: exclusions.
    (
        OPERATOR,
        """
        GET,POST api/v1/exclusions/
        GET,PATCH,DELETE api/v1/exclusions/<uuid:id>/
        """,
    ),
    # One's own: what was bought, ordered, asked for and kept.
    (
        OWNER,
        """
        GET api/v1/checkouts/<uuid:id>/
        POST api/v1/checkouts/<uuid:id>/cancel/
        POST api/v1/checkouts/<uuid:id>/confirm/
        POST api/v1/checkouts/<uuid:id>/pay/
        POST api/v1/checkouts/<uuid:id>/use-free-seat/
        POST api/v1/license-requests/<uuid:id>/withdraw/
        POST api/v1/orders/<uuid:id>/cancel/
        POST api/v1/orders/<uuid:id>/confirm/
        GET,DELETE api/v1/payment-methods/<uuid:id>/
        POST api/v1/payment-methods/<uuid:id>/default/
        POST api/v1/payment-methods/<uuid:id>/replace/
        GET api/v1/payment-methods/setups/<uuid:id>/
        POST api/v1/payment-methods/setups/<uuid:id>/cancel/
        POST api/v1/payment-methods/setups/<uuid:id>/confirm/
        POST api/v1/subscriptions/<uuid:id>/align/
        POST api/v1/subscriptions/<uuid:id>/quantity/
        POST api/v1/subscriptions/<uuid:id>/reactivate/
        POST api/v1/subscriptions/<uuid:id>/seats/
        DELETE api/v1/subscriptions/<uuid:id>/seats/<uuid:seat>/
        POST api/v1/subscriptions/<uuid:id>/seats/release/
        POST api/v1/subscriptions/<uuid:id>/transfer/accept/
        POST api/v1/subscriptions/<uuid:id>/transfer/decline/
        GET api/v1/support-cases/<uuid:id>/
        POST api/v1/support-cases/<uuid:id>/close/
        POST api/v1/support-cases/<uuid:id>/messages/
        """,
    ),
    # Change policy, defaults, limits, exceptions; approve; cancel another's purchase; agreements, central purchases.
    (
        GLOBAL | BILLING | DELEGATE,
        """
        POST api/v1/agreements/
        PATCH api/v1/agreements/<uuid:id>/
        GET api/v1/approvals/
        GET api/v1/approvals/<uuid:id>/
        POST api/v1/approvals/<uuid:id>/decide/
        PUT api/v1/dunning-steps/
        POST api/v1/governance-policies/
        PATCH,DELETE api/v1/governance-policies/<uuid:id>/
        POST api/v1/leavers/<uuid:id>/decide/
        POST api/v1/policies/approvers/
        DELETE api/v1/policies/approvers/<uuid:id>/
        PUT api/v1/policies/products/
        PUT api/v1/policies/products/<str:id>/
        PUT api/v1/policies/settings/
        POST api/v1/policies/values/
        DELETE api/v1/policies/values/<uuid:id>/
        POST api/v1/spend-limits/
        PATCH,DELETE api/v1/spend-limits/<uuid:id>/
        POST api/v1/subscriptions/
        POST api/v1/subscriptions/<uuid:id>/extend-trial/
        POST api/v1/subscriptions/<uuid:id>/merge/
        POST api/v1/subscriptions/<uuid:id>/request-cancellation/
        POST api/v1/subscriptions/<uuid:id>/take-over/
        POST api/v1/subscriptions/<uuid:id>/take-over/settle/
        POST api/v1/subscriptions/<uuid:id>/take-over/undo/
        PATCH api/v1/tenant/
        """,
    ),
    # The same, where it is a member of the organisation who orders, pays or decides.
    (
        GLOBAL | BILLING,
        """
        POST api/v1/invoices/<uuid:id>/pay/
        """,
    ),
    # See agreements, what follows a charge that failed, and what leavers left.
    (
        PRICED | DELEGATE,
        """
        GET api/v1/agreements/
        GET api/v1/agreements/<uuid:id>/
        GET api/v1/dunning-steps/
        GET api/v1/leavers/
        GET api/v1/leavers/<uuid:id>/
        """,
    ),
    # What became of a run that somebody else asked for.
    (
        PRICED | DELEGATE,
        """
        GET api/v1/runs/<uuid:id>/
        GET api/v1/runs/<uuid:id>/rows/
        """,
    ),
    # Read policy, explain.
    (
        READS_POLICY | DELEGATE,
        """
        GET api/v1/governance-policies/
        GET api/v1/governance-policies/<uuid:id>/
        GET api/v1/policies/approvers/
        GET api/v1/policies/new-products/
        GET api/v1/policies/products/
        GET api/v1/policies/products/<str:id>/
        GET api/v1/policies/settings/
        GET api/v1/policies/values/
        GET api/v1/policies/values/<uuid:id>/
        GET api/v1/spend-limits/
        GET api/v1/spend-limits/<uuid:id>/
        """,
    ),
    # What the seats bring, and what of it is in use.
    (
        READS_POLICY | DELEGATE,
        """
        GET api/v1/capacity/
        """,
    ),
    # See one self-service purchase: a user admin does not.
    (
        READS_POLICY | OWNER | DELEGATE,
        """
        GET api/v1/subscriptions/<uuid:id>/
        GET api/v1/subscriptions/<uuid:id>/seats/
        """,
    ),
    # What was charged for it.
    (
        PRICED | OWNER | DELEGATE,
        """
        GET api/v1/invoices/<uuid:id>/pdf/
        GET api/v1/orders/<uuid:id>/
        """,
    ),
    # End it.
    (
        GLOBAL | BILLING | OWNER | DELEGATE,
        """
        POST api/v1/subscriptions/<uuid:id>/auto-renew/
        POST api/v1/subscriptions/<uuid:id>/cancel/
        GET api/v1/subscriptions/<uuid:id>/transfer/
        """,
    ),
    # Decide licence requests.
    (
        GIVES | DELEGATE,
        """
        POST api/v1/license-requests/<uuid:id>/decide/
        POST api/v1/capacity/use/
        """,
    ),
    # Read the licence request that one asked.
    (
        GIVES | OWNER | DELEGATE,
        """
        GET api/v1/license-requests/<uuid:id>/
        """,
    ),
    # People.
    (
        PEOPLE | DELEGATE,
        """
        GET,POST api/v1/members/
        GET,PATCH api/v1/members/<uuid:id>/
        """,
    ),
    # Roles, delegations, sign-in, webhooks: never a partner's people.
    (
        GLOBAL,
        """
        GET,POST api/v1/webhook-endpoints/
        GET,PATCH,DELETE api/v1/webhook-endpoints/<uuid:id>/
        POST api/v1/webhook-endpoints/<uuid:id>/rotate-secret/
        GET api/v1/webhook-endpoints/<uuid:id>/deliveries/
        POST api/v1/webhook-endpoints/<uuid:id>/deliveries/<uuid:delivery>/redeliver/
        GET,POST api/v1/delegations/
        GET,PATCH,DELETE api/v1/delegations/<uuid:id>/
        PUT,DELETE api/v1/members/<uuid:id>/roles/<str:role>/
        GET,PUT api/v1/tenant/sign-in/
        """,
    ),
    # Whoever acts in the organisation: lists hold what each may see, rules decide what is bought.
    (
        OF_TENANT,
        """
        POST api/v1/checkouts/
        GET api/v1/entitlements/
        POST api/v1/entitlements/use/
        GET api/v1/events/
        GET api/v1/invoices/
        GET,POST api/v1/license-requests/
        GET api/v1/orders/
        GET,POST api/v1/payment-methods/
        GET api/v1/subscriptions/
        POST api/v1/support-cases/
        GET api/v1/tenant/
        GET api/v1/transfers/
        """,
    ),
    # Whoever is of the organisation, for themselves: a partner's people buy nothing and ask for nothing.
    (
        OF_TENANT - DELEGATE,
        """
        GET api/v1/products/<str:id>/eligibility/
        GET api/v1/support-cases/
        """,
    ),
    # Whoever is signed in.
    (
        SIGNED_IN,
        """
        GET api/v1/markets/
        """,
    ),
    # Anybody.
    (
        EVERYBODY,
        """
        GET api/v1/products/
        """,
    ),
    # Whoever sees the purchase may ask; to all but its payer the card that they name is one that never was.
    (
        READS_POLICY | OWNER | DELEGATE,
        """
        POST api/v1/subscriptions/<uuid:id>/payment-method/
        """,
    ),
    # Of somebody else, or the world has no such row of them: tests/outsiders acts on these as those whose they are.
    (
        NOBODY,
        """
        POST api/v1/delegations/<uuid:id>/accept/
        GET api/v1/subscriptions/<uuid:id>/take-over/
        POST api/v1/subscriptions/<uuid:id>/transfer/
        POST api/v1/subscriptions/<uuid:id>/transfer/withdraw/
        """,
    ),
]
