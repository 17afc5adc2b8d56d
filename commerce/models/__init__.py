from commerce.models.checkout import Checkout, CheckoutState
from commerce.models.invoice import Invoice, InvoiceCounter, InvoiceKind, InvoiceLine, Seller, SellerMarket
from commerce.models.order import BillingPeriod, Order, OrderLine, OrderState
from commerce.models.payment import Payment, PaymentState, Refund, RefundState
from commerce.models.price import Price
from commerce.models.purchase import Purchase
from commerce.models.sandbox import SandboxCharge, SandboxRefund
from commerce.models.stripe import StripeCustomer, StripeIntent, StripeRefund

__all__ = [
    "BillingPeriod",
    "Checkout",
    "CheckoutState",
    "Invoice",
    "InvoiceCounter",
    "InvoiceKind",
    "InvoiceLine",
    "Order",
    "OrderLine",
    "OrderState",
    "Payment",
    "PaymentState",
    "Price",
    "Purchase",
    "Refund",
    "RefundState",
    "SandboxCharge",
    "SandboxRefund",
    "Seller",
    "SellerMarket",
    "StripeCustomer",
    "StripeIntent",
    "StripeRefund",
]
