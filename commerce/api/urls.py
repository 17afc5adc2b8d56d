from django.urls import path

from commerce.api.checkouts import CancelCheckout, Checkouts, ConfirmCheckout, OneCheckout, PayCheckout
from commerce.api.invoices import InvoicePdf, Invoices
from commerce.api.orders import Orders
from commerce.api.products import Products
from commerce.api.subscriptions import AutoRenew, Cancel, OneSubscription, Subscriptions

urlpatterns = [
    path("products/", Products.as_view(), name="api-products"),
    path("checkouts/", Checkouts.as_view(), name="api-checkouts"),
    path("checkouts/<uuid:id>/", OneCheckout.as_view(), name="api-checkout"),
    path("checkouts/<uuid:id>/pay/", PayCheckout.as_view(), name="api-checkout-pay"),
    path("checkouts/<uuid:id>/confirm/", ConfirmCheckout.as_view(), name="api-checkout-confirm"),
    path("checkouts/<uuid:id>/cancel/", CancelCheckout.as_view(), name="api-checkout-cancel"),
    path("subscriptions/", Subscriptions.as_view(), name="api-subscriptions"),
    path("subscriptions/<uuid:id>/", OneSubscription.as_view(), name="api-subscription"),
    path("subscriptions/<uuid:id>/auto-renew/", AutoRenew.as_view(), name="api-subscription-auto-renew"),
    path("subscriptions/<uuid:id>/cancel/", Cancel.as_view(), name="api-subscription-cancel"),
    path("orders/", Orders.as_view(), name="api-orders"),
    path("invoices/", Invoices.as_view(), name="api-invoices"),
    path("invoices/<uuid:id>/pdf/", InvoicePdf.as_view(), name="api-invoice-pdf"),
]
