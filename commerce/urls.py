"""The buyer's pages, and where the payment provider sends its events."""

from django.urls import path

from commerce.views import (
    buying,
    cancelling,
    catalogue,
    changing,
    checkouts,
    hooks,
    invoices,
    payment_methods,
    sandbox,
    seats,
    stripe,
    subscriptions,
    support,
)

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
    path("hooks/payments/<slug:gateway>/", hooks.payment_events, name="payment-events"),
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
    path("my/subscriptions/<uuid:subscription_id>/return/", changing.come_back, name="my-subscription-return"),
    path(
        "my/subscriptions/<uuid:subscription_id>/card/", payment_methods.choose, name="my-subscription-payment-method"
    ),
    path("my/payment-methods/", payment_methods.my_payment_methods, name="payment-methods"),
    path("my/payment-methods/add/", payment_methods.add, name="payment-method-add"),
    path("my/payment-methods/setups/<uuid:setup_id>/return/", payment_methods.come_back, name="payment-method-return"),
    path("my/payment-methods/setups/<uuid:setup_id>/give-up/", payment_methods.give_up, name="payment-method-give-up"),
    path("my/payment-methods/<uuid:card_id>/default/", payment_methods.make_default, name="payment-method-default"),
    path("my/payment-methods/<uuid:card_id>/remove/", payment_methods.remove, name="payment-method-remove"),
    path("my/payment-methods/<uuid:card_id>/replace/", payment_methods.replace, name="payment-method-replace"),
    path("my/support/", support.my_cases, name="my-support"),
    path("my/support/new/", support.new_case, name="my-support-new"),
    path("my/support/<uuid:case_id>/", support.my_case, name="my-support-case"),
    path("my/support/<uuid:case_id>/reply/", support.reply, name="my-support-reply"),
    path("my/support/<uuid:case_id>/close/", support.close, name="my-support-close"),
    path("my/invoices/", invoices.my_invoices, name="my-invoices"),
    path("my/invoices/<uuid:invoice_id>/", invoices.my_invoice, name="my-invoice"),
    path("my/invoices/<uuid:invoice_id>/pdf/", invoices.my_invoice_pdf, name="my-invoice-pdf"),
]
