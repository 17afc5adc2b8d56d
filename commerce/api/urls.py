from django.urls import path

from commerce.api.agreements import Agreements, OneAgreement
from commerce.api.aligning import Align
from commerce.api.approvals import Approvals, DecideApproval, OneApproval
from commerce.api.cancellation_requests import RequestCancellation
from commerce.api.central import AllSubscriptions
from commerce.api.changes import Cancel, ChangeQuantity, Reactivate
from commerce.api.checkouts import CancelCheckout, Checkouts, ConfirmCheckout, OneCheckout, PayCheckout
from commerce.api.dunning import DunningSteps
from commerce.api.free_seats import UseFreeSeat
from commerce.api.invoice_payments import PayInvoice
from commerce.api.invoices import InvoicePdf, Invoices
from commerce.api.leavers import DecideLeaver, Leavers, OneLeaver
from commerce.api.merging import MergePurchases
from commerce.api.orders import CancelOrder, ConfirmOrder, OneOrder, Orders
from commerce.api.payment_methods import (
    CancelCardSetup,
    ConfirmCardSetup,
    DefaultPaymentMethod,
    OneCardSetup,
    OnePaymentMethod,
    PaymentMethods,
    ReplacePaymentMethod,
    SubscriptionPaymentMethod,
)
from commerce.api.products import Products
from commerce.api.subscriptions import AutoRenew, ExtendTrial, OneSubscription
from commerce.api.support_cases import CloseSupportCase, OneSupportCase, SupportCaseMessages, SupportCases
from commerce.api.take_overs import SettleTakeOver, TakeOverPurchase, UndoTakeOver
from commerce.api.transfers import AcceptTransfer, DeclineTransfer, Transfer, Transfers, WithdrawTransfer

urlpatterns = [
    path("dunning-steps/", DunningSteps.as_view(), name="api-dunning-steps"),
    path("products/", Products.as_view(), name="api-products"),
    path("checkouts/", Checkouts.as_view(), name="api-checkouts"),
    path("checkouts/<uuid:id>/", OneCheckout.as_view(), name="api-checkout"),
    path("checkouts/<uuid:id>/pay/", PayCheckout.as_view(), name="api-checkout-pay"),
    path("checkouts/<uuid:id>/confirm/", ConfirmCheckout.as_view(), name="api-checkout-confirm"),
    path("checkouts/<uuid:id>/cancel/", CancelCheckout.as_view(), name="api-checkout-cancel"),
    path("checkouts/<uuid:id>/use-free-seat/", UseFreeSeat.as_view(), name="api-checkout-use-free-seat"),
    path("approvals/", Approvals.as_view(), name="api-approvals"),
    path("approvals/<uuid:id>/", OneApproval.as_view(), name="api-approval"),
    path("approvals/<uuid:id>/decide/", DecideApproval.as_view(), name="api-approval-decide"),
    path("agreements/", Agreements.as_view(), name="api-agreements"),
    path("agreements/<uuid:id>/", OneAgreement.as_view(), name="api-agreement"),
    path("subscriptions/", AllSubscriptions.as_view(), name="api-subscriptions"),
    path("subscriptions/<uuid:id>/", OneSubscription.as_view(), name="api-subscription"),
    path("subscriptions/<uuid:id>/merge/", MergePurchases.as_view(), name="api-subscription-merge"),
    path("subscriptions/<uuid:id>/align/", Align.as_view(), name="api-subscription-align"),
    path("subscriptions/<uuid:id>/auto-renew/", AutoRenew.as_view(), name="api-subscription-auto-renew"),
    path("subscriptions/<uuid:id>/extend-trial/", ExtendTrial.as_view(), name="api-subscription-extend-trial"),
    path("subscriptions/<uuid:id>/cancel/", Cancel.as_view(), name="api-subscription-cancel"),
    path("subscriptions/<uuid:id>/quantity/", ChangeQuantity.as_view(), name="api-subscription-quantity"),
    path("subscriptions/<uuid:id>/reactivate/", Reactivate.as_view(), name="api-subscription-reactivate"),
    path(
        "subscriptions/<uuid:id>/payment-method/",
        SubscriptionPaymentMethod.as_view(),
        name="api-subscription-payment-method",
    ),
    path("subscriptions/<uuid:id>/take-over/", TakeOverPurchase.as_view(), name="api-take-over"),
    path("subscriptions/<uuid:id>/take-over/undo/", UndoTakeOver.as_view(), name="api-take-over-undo"),
    path("subscriptions/<uuid:id>/take-over/settle/", SettleTakeOver.as_view(), name="api-take-over-settle"),
    path(
        "subscriptions/<uuid:id>/request-cancellation/", RequestCancellation.as_view(), name="api-request-cancellation"
    ),
    path("subscriptions/<uuid:id>/transfer/", Transfer.as_view(), name="api-transfer"),
    path("subscriptions/<uuid:id>/transfer/accept/", AcceptTransfer.as_view(), name="api-transfer-accept"),
    path("subscriptions/<uuid:id>/transfer/decline/", DeclineTransfer.as_view(), name="api-transfer-decline"),
    path("subscriptions/<uuid:id>/transfer/withdraw/", WithdrawTransfer.as_view(), name="api-transfer-withdraw"),
    path("transfers/", Transfers.as_view(), name="api-transfers"),
    path("leavers/", Leavers.as_view(), name="api-leavers"),
    path("leavers/<uuid:id>/", OneLeaver.as_view(), name="api-leaver"),
    path("leavers/<uuid:id>/decide/", DecideLeaver.as_view(), name="api-leaver-decide"),
    path("payment-methods/", PaymentMethods.as_view(), name="api-payment-methods"),
    path("payment-methods/<uuid:id>/", OnePaymentMethod.as_view(), name="api-payment-method"),
    path("payment-methods/<uuid:id>/default/", DefaultPaymentMethod.as_view(), name="api-payment-method-default"),
    path("payment-methods/<uuid:id>/replace/", ReplacePaymentMethod.as_view(), name="api-payment-method-replace"),
    path("payment-methods/setups/<uuid:id>/", OneCardSetup.as_view(), name="api-card-setup"),
    path("payment-methods/setups/<uuid:id>/confirm/", ConfirmCardSetup.as_view(), name="api-card-setup-confirm"),
    path("payment-methods/setups/<uuid:id>/cancel/", CancelCardSetup.as_view(), name="api-card-setup-cancel"),
    path("support-cases/", SupportCases.as_view(), name="api-support-cases"),
    path("support-cases/<uuid:id>/", OneSupportCase.as_view(), name="api-support-case"),
    path("support-cases/<uuid:id>/messages/", SupportCaseMessages.as_view(), name="api-support-case-messages"),
    path("support-cases/<uuid:id>/close/", CloseSupportCase.as_view(), name="api-support-case-close"),
    path("orders/", Orders.as_view(), name="api-orders"),
    path("orders/<uuid:id>/", OneOrder.as_view(), name="api-order"),
    path("orders/<uuid:id>/confirm/", ConfirmOrder.as_view(), name="api-order-confirm"),
    path("orders/<uuid:id>/cancel/", CancelOrder.as_view(), name="api-order-cancel"),
    path("invoices/", Invoices.as_view(), name="api-invoices"),
    path("invoices/<uuid:id>/pay/", PayInvoice.as_view(), name="api-invoice-pay"),
    path("invoices/<uuid:id>/pdf/", InvoicePdf.as_view(), name="api-invoice-pdf"),
]
