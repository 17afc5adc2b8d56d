"""Whom the admin's pages of purchases and money let in."""

from tests.roles.audiences import (
    BILLING,
    DELEGATE,
    GIVES,
    GLOBAL,
    LICENSE,
    NOBODY,
    OPERATOR,
    PRICED,
    READS_POLICY,
    ROLES,
)

TABLE = [
    # The service's own: prices, taxes, sellers, what banks say, and what went wrong.
    (
        OPERATOR,
        """
        POST admin/commerce/agreement/<path:object_id>/change/
        GET,POST admin/commerce/agreement/new/
        GET admin/commerce/difference/
        GET,POST admin/commerce/difference/<path:object_id>/change/
        GET admin/commerce/harddecline/
        GET,POST admin/commerce/harddecline/<path:object_id>/change/
        GET,POST admin/commerce/harddecline/new/
        GET admin/commerce/incomingevent/
        GET,POST admin/commerce/incomingevent/<path:object_id>/change/
        GET admin/commerce/movement/
        GET admin/commerce/movement/<path:object_id>/change/
        GET admin/commerce/price/
        GET admin/commerce/price/<path:object_id>/change/
        GET admin/commerce/renewal/
        GET,POST admin/commerce/renewal/<path:object_id>/change/
        GET admin/commerce/seller/
        GET,POST admin/commerce/seller/<path:object_id>/change/
        GET,POST admin/commerce/seller/new/
        GET admin/commerce/supportcase/
        GET,POST admin/commerce/supportcase/<path:object_id>/change/
        GET admin/commerce/taxrate/
        GET admin/commerce/taxrate/<path:object_id>/change/
        """,
    ),
    # Cancel others' purchases, decide about what leavers left, order centrally.
    (
        GLOBAL | BILLING | DELEGATE,
        """
        POST admin/commerce/centralisation/<uuid:object_id>/drop/
        POST admin/commerce/centralisation/<uuid:object_id>/purchasers/
        POST admin/commerce/dunningstep/restore/
        POST admin/commerce/leavertask/<path:object_id>/change/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/take-over/
        POST admin/commerce/purchase/bulk/
        GET,POST admin/commerce/purchase/order/
        POST admin/commerce/takeover/<path:object_id>/settle/
        POST admin/commerce/takeover/<path:object_id>/undo/
        POST admin/commerce/takeover/bulk/
        """,
    ),
    # The same, where it is a member of the organisation who orders, pays or decides.
    (
        GLOBAL | BILLING,
        """
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/add-seats/
        POST admin/commerce/purchase/<uuid:subscription_id>/align/
        POST admin/commerce/purchase/<uuid:subscription_id>/allow-renewal/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/cancel/
        POST admin/commerce/purchase/<uuid:subscription_id>/end-trial/
        POST admin/commerce/purchase/<uuid:subscription_id>/extend-trial/
        POST admin/commerce/purchase/<uuid:subscription_id>/give-up/
        POST admin/commerce/purchase/<uuid:subscription_id>/keep-seats/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/merge/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/payment/
        POST admin/commerce/purchase/<uuid:subscription_id>/reactivate/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/remove-seats/
        POST admin/commerce/purchase/<uuid:subscription_id>/renewal/
        """,
    ),
    # Change what follows a charge that failed, and the service's own default of it.
    (
        GLOBAL | BILLING | DELEGATE | OPERATOR,
        """
        GET admin/commerce/dunningstep/
        GET,POST admin/commerce/dunningstep/edit/
        """,
    ),
    # See purchases with their prices.
    (
        PRICED | DELEGATE | OPERATOR,
        """
        GET admin/commerce/agreement/
        GET admin/commerce/agreement/<path:object_id>/change/
        GET admin/commerce/dispute/
        GET admin/commerce/dispute/<path:object_id>/change/
        GET admin/commerce/invoice/
        GET admin/commerce/invoice/<path:object_id>/change/
        GET admin/commerce/invoice/<path:object_id>/pdf/
        GET admin/commerce/leavertask/
        GET admin/commerce/leavertask/<path:object_id>/change/
        GET admin/commerce/takeover/
        GET admin/commerce/takeover/<path:object_id>/change/
        """,
    ),
    # See purchases of every channel, with prices or without.
    (
        READS_POLICY | DELEGATE | OPERATOR,
        """
        GET admin/commerce/centralisation/
        GET admin/commerce/centralisation/<path:object_id>/change/
        GET admin/commerce/centralisation/<uuid:object_id>/cost/
        GET admin/commerce/centralisation/<uuid:object_id>/people/
        GET admin/commerce/centralisation/<uuid:object_id>/purchasers/
        GET admin/commerce/centralisation/<uuid:object_id>/seats/
        GET admin/commerce/purchase/<path:object_id>/change/
        GET admin/commerce/purchase/export/
        """,
    ),
    # See purchases: at least the central ones.
    (
        ROLES | DELEGATE | OPERATOR,
        """
        GET admin/commerce/purchase/
        """,
    ),
    # Be sent them as a file again and again.
    (
        READS_POLICY | DELEGATE,
        """
        GET,POST admin/commerce/purchase/send-regularly/
        GET admin/commerce/purchase/sent-regularly/
        """,
    ),
    # Keep filters of one's own over them, and be told of what happens.
    (
        ROLES | DELEGATE,
        """
        GET admin/commerce/notice/
        POST admin/commerce/notice/all-read/
        GET,POST admin/commerce/notice/settings/
        GET,POST admin/commerce/purchase/keep-filter/
        GET admin/commerce/purchase/kept-filters/
        POST admin/commerce/purchase/kept-filters/<uuid:filter_id>/remove/
        """,
    ),
    # Assign central seats.
    (
        GIVES | DELEGATE,
        """
        POST admin/commerce/purchase/<path:object_id>/assign/
        POST admin/commerce/purchase/<path:object_id>/release/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/former-people/
        GET,POST admin/commerce/purchase/<uuid:subscription_id>/give-seats/
        """,
    ),
    # Give central seats to people on self-service seats, of which a user admin sees nothing.
    (
        GLOBAL | LICENSE | DELEGATE,
        """
        POST admin/commerce/centralisation/<uuid:object_id>/seats/
        """,
    ),
    # Lead through centralising a product; each step asks for its own right besides.
    (
        GLOBAL | BILLING | LICENSE | DELEGATE,
        """
        POST admin/commerce/centralisation/<uuid:object_id>/cost/
        POST admin/commerce/centralisation/<uuid:object_id>/let-be/
        POST admin/commerce/centralisation/<uuid:object_id>/people/
        GET,POST admin/commerce/centralisation/new/
        """,
    ),
    # Of somebody else, or the world has no such row of them: tests/outsiders acts on these as those whose they are.
    (
        NOBODY,
        """
        POST admin/commerce/notice/<uuid:notice_id>/read/
        POST admin/commerce/notice/<uuid:notice_id>/unread/
        POST admin/commerce/purchase/sent-regularly/<uuid:schedule_id>/remove/
        GET admin/commerce/purchase/order/<uuid:order_id>/
        """,
    ),
]
