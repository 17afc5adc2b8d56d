"""The buyer's pages."""

from django.urls import path

from commerce.views import buying, cancelling, catalogue, checkouts, invoices, sandbox, seats, stripe, subscriptions

urlpatterns = [
    path("", catalogue.catalogue, name="catalogue"),
    path("favicon.ico", catalogue.favicon),
    path("buy/<slug:plan_id>/", buying.buy, name="buy"),
    path("checkouts/<uuid:checkout_id>/", checkouts.checkout_page, name="checkout"),
    path("checkouts/<uuid:checkout_id>/pay/", checkouts.pay, name="checkout-pay"),
    path("checkouts/<uuid:checkout_id>/other-card/", checkouts.other_card, name="checkout-other-card"),
    path("checkouts/<uuid:checkout_id>/return/", checkouts.come_back, name="checkout-return"),
    path("sandbox/3ds/<uuid:key>/", sandbox.sandbox_step, name="sandbox-step"),
    path("payments/<uuid:key>/step/", stripe.stripe_step, name="stripe-step"),
    path("my/subscriptions/", subscriptions.my_subscriptions, name="my-subscriptions"),
    path("my/subscriptions/<uuid:subscription_id>/", subscriptions.my_subscription, name="my-subscription"),
    path("my/subscriptions/<uuid:subscription_id>/assign/", seats.assign, name="my-subscription-assign"),
    path("my/subscriptions/<uuid:subscription_id>/release/", seats.release, name="my-subscription-release"),
    path(
        "my/subscriptions/<uuid:subscription_id>/auto-renew/",
        subscriptions.auto_renew,
        name="my-subscription-auto-renew",
    ),
    path("my/subscriptions/<uuid:subscription_id>/cancel/", cancelling.cancel, name="my-subscription-cancel"),
    path("my/invoices/", invoices.my_invoices, name="my-invoices"),
    path("my/invoices/<uuid:invoice_id>/", invoices.my_invoice, name="my-invoice"),
    path("my/invoices/<uuid:invoice_id>/pdf/", invoices.my_invoice_pdf, name="my-invoice-pdf"),
]
