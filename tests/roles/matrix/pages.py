"""Whom pages outside the admin let in."""

from tests.roles.audiences import BILLING, DELEGATE, GLOBAL, NOBODY, OF_TENANT, OWNER, SIGNED_IN

TABLE = [
    # One's own: what was bought, ordered, asked for and kept.
    (
        OWNER,
        """
        GET checkouts/<uuid:checkout_id>/
        POST checkouts/<uuid:checkout_id>/other-card/
        POST checkouts/<uuid:checkout_id>/pay/
        POST checkouts/<uuid:checkout_id>/use-free-seat/
        POST checkouts/<uuid:checkout_id>/withdraw/
        GET my/cancellation-requests/<uuid:request_id>/
        POST my/cancellation-requests/<uuid:request_id>/keep/
        POST my/cancellation-requests/<uuid:request_id>/promise/
        GET my/invoices/<uuid:invoice_id>/
        GET my/invoices/<uuid:invoice_id>/pdf/
        POST my/payment-methods/<uuid:card_id>/default/
        POST my/payment-methods/<uuid:card_id>/remove/
        GET,POST my/payment-methods/<uuid:card_id>/replace/
        POST my/payment-methods/setups/<uuid:setup_id>/give-up/
        POST my/requests/<uuid:request_id>/withdraw/
        GET my/seats/<uuid:seat_id>/
        GET my/subscriptions/<uuid:subscription_id>/
        GET,POST my/subscriptions/<uuid:subscription_id>/add-seats/
        GET,POST my/subscriptions/<uuid:subscription_id>/align/
        POST my/subscriptions/<uuid:subscription_id>/assign/
        POST my/subscriptions/<uuid:subscription_id>/auto-renew/
        GET,POST my/subscriptions/<uuid:subscription_id>/cancel/
        GET,POST my/subscriptions/<uuid:subscription_id>/card/
        POST my/subscriptions/<uuid:subscription_id>/give-up/
        POST my/subscriptions/<uuid:subscription_id>/keep-seats/
        GET,POST my/subscriptions/<uuid:subscription_id>/reactivate/
        POST my/subscriptions/<uuid:subscription_id>/release/
        GET,POST my/subscriptions/<uuid:subscription_id>/remove-seats/
        GET my/subscriptions/<uuid:subscription_id>/renewal/
        GET,POST my/subscriptions/<uuid:subscription_id>/transfer/
        GET my/support/<uuid:case_id>/
        POST my/support/<uuid:case_id>/close/
        POST my/support/<uuid:case_id>/reply/
        GET my/transfers/<uuid:offer_id>/
        POST my/transfers/<uuid:offer_id>/accept/
        POST my/transfers/<uuid:offer_id>/decline/
        GET,POST sandbox/3ds/<uuid:key>/
        """,
    ),
    # Approve and pay for the organisation, whose member one is.
    (
        GLOBAL | BILLING,
        """
        GET my/approvals/
        GET my/approvals/<uuid:approval_id>/
        POST my/approvals/<uuid:approval_id>/decide/
        GET my/invoices/<uuid:invoice_id>/pay/
        POST my/invoices/<uuid:invoice_id>/pay/now/
        POST my/invoices/<uuid:invoice_id>/pay/other-card/
        """,
    ),
    # Whoever is of the organisation, for themselves: a partner's people buy nothing and ask for nothing.
    (
        OF_TENANT - DELEGATE,
        """
        POST buy/<slug:plan_id>/trial-with-card/
        POST buy/<slug:plan_id>/use-free-seat/
        GET my/invoices/
        GET my/payment-methods/
        POST my/payment-methods/add/
        GET my/requests/
        GET,POST my/requests/new/<str:product_id>/
        GET my/subscriptions/
        GET my/support/
        GET,POST my/support/new/
        """,
    ),
    # Whoever is signed in.
    (
        SIGNED_IN,
        """
        GET my/security/
        POST my/security/recovery-codes/
        GET,POST my/security/set-up/
        POST my/security/turn-off/
        """,
    ),
    # Of somebody else, or the world has no such row of them: tests/outsiders acts on these as those whose they are.
    (
        NOBODY,
        """
        GET buy/<slug:plan_id>/trial/
        GET checkouts/<uuid:checkout_id>/return/
        GET my/invoices/<uuid:invoice_id>/pay/return/
        GET my/payment-methods/setups/<uuid:setup_id>/return/
        GET my/subscriptions/<uuid:subscription_id>/return/
        GET my/subscriptions/<uuid:subscription_id>/transfer/withdraw/
        GET my/transfers/<uuid:offer_id>/return/
        GET payments/<uuid:key>/step/
        """,
    ),
]
