from commerce.models.agreement import Agreement, AgreementPrice
from commerce.models.change import ChangeState, ScheduledChange
from commerce.models.checkout import Checkout, CheckoutState
from commerce.models.difference import BooksCompared, Difference, DifferenceKind, Resolution
from commerce.models.incoming import IncomingEvent, IncomingState
from commerce.models.invoice import Invoice, InvoiceCounter, InvoiceKind, InvoiceLine, Seller, SellerMarket
from commerce.models.ledger import Account, LedgerChecked, Movement, MovementKind, Posting
from commerce.models.order import BillingPeriod, Order, OrderKind, OrderLine, OrderState
from commerce.models.payment import Dispute, DisputeState, Payment, PaymentState, Refund, RefundReason, RefundState
from commerce.models.payment_method import CardSetup, CardSetupState, PaymentMethod, PaymentSource
from commerce.models.price import Price
from commerce.models.price_notice import PriceNotice
from commerce.models.purchase import Purchase
from commerce.models.sandbox import (
    SandboxCard,
    SandboxCharge,
    SandboxDispute,
    SandboxEvent,
    SandboxRefund,
    SandboxSetup,
)
from commerce.models.stripe import StripeCustomer, StripeIntent, StripeRefund
from commerce.models.support import SupportCase, SupportMessage
from commerce.models.tax import TaxRate

__all__ = [
    "Account",
    "Agreement",
    "AgreementPrice",
    "BillingPeriod",
    "BooksCompared",
    "CardSetup",
    "CardSetupState",
    "ChangeState",
    "Checkout",
    "CheckoutState",
    "Difference",
    "DifferenceKind",
    "Dispute",
    "DisputeState",
    "IncomingEvent",
    "IncomingState",
    "Invoice",
    "InvoiceCounter",
    "InvoiceKind",
    "InvoiceLine",
    "LedgerChecked",
    "Movement",
    "MovementKind",
    "Order",
    "OrderKind",
    "OrderLine",
    "OrderState",
    "Payment",
    "PaymentMethod",
    "PaymentSource",
    "PaymentState",
    "Posting",
    "Price",
    "PriceNotice",
    "Purchase",
    "Refund",
    "RefundReason",
    "RefundState",
    "Resolution",
    "SandboxCard",
    "SandboxCharge",
    "SandboxDispute",
    "SandboxEvent",
    "SandboxRefund",
    "SandboxSetup",
    "ScheduledChange",
    "Seller",
    "SellerMarket",
    "StripeCustomer",
    "StripeIntent",
    "StripeRefund",
    "SupportCase",
    "SupportMessage",
    "TaxRate",
]
