from commerce.models.agreement import Agreement, AgreementPrice
from commerce.models.cancellation_request import CancellationRequest, RequestedCancellationState
from commerce.models.centralisation import Centralisation, CentralisationPurchase, CentralisationStep, CentralisedPerson
from commerce.models.change import ChangeState, ScheduledChange
from commerce.models.checkout import Checkout, CheckoutState
from commerce.models.difference import BooksCompared, Difference, DifferenceKind, Resolution
from commerce.models.export_schedule import Every, ExportSchedule, FileFormat
from commerce.models.incoming import IncomingEvent, IncomingState
from commerce.models.invoice import Invoice, InvoiceCounter, InvoiceKind, InvoiceLine, Seller, SellerMarket
from commerce.models.leaver import LeaverChoice, LeaverTask, LeaverTaskState, Leaving
from commerce.models.ledger import Account, LedgerChecked, Movement, MovementKind, Posting
from commerce.models.notice import Notice, NoticeLetter, NoticePace, NoticesWritten, NoticeTopic, NoticeWish
from commerce.models.order import BillingPeriod, Order, OrderKind, OrderLine, OrderState
from commerce.models.payment import Dispute, DisputeState, Payment, PaymentState, Refund, RefundReason, RefundState
from commerce.models.payment_method import CardSetup, CardSetupState, PaymentMethod, PaymentSource
from commerce.models.price import Price
from commerce.models.price_notice import PriceNotice
from commerce.models.purchase import Purchase
from commerce.models.renewal import DunningStep, HardDecline, NoticeKind, Renewal, RenewalNotice, RenewalState
from commerce.models.sandbox import (
    SandboxCard,
    SandboxCharge,
    SandboxDispute,
    SandboxEvent,
    SandboxRefund,
    SandboxSetup,
)
from commerce.models.saved_filter import SavedFilter
from commerce.models.spend import MonthlySpend
from commerce.models.stripe import StripeCustomer, StripeIntent, StripeRefund
from commerce.models.support import SupportCase, SupportMessage
from commerce.models.takeover import MovedSeat, TakeOver, TakeOverMode, TakeOverState
from commerce.models.tax import TaxRate
from commerce.models.transfer import TransferOffer, TransferState

__all__ = [
    "Account",
    "Agreement",
    "AgreementPrice",
    "BillingPeriod",
    "BooksCompared",
    "CancellationRequest",
    "CardSetup",
    "CardSetupState",
    "Centralisation",
    "CentralisationPurchase",
    "CentralisationStep",
    "CentralisedPerson",
    "ChangeState",
    "Checkout",
    "CheckoutState",
    "Difference",
    "DifferenceKind",
    "Dispute",
    "DisputeState",
    "DunningStep",
    "Every",
    "ExportSchedule",
    "FileFormat",
    "HardDecline",
    "IncomingEvent",
    "IncomingState",
    "Invoice",
    "InvoiceCounter",
    "InvoiceKind",
    "InvoiceLine",
    "LeaverChoice",
    "LeaverTask",
    "LeaverTaskState",
    "Leaving",
    "LedgerChecked",
    "MonthlySpend",
    "MovedSeat",
    "Movement",
    "MovementKind",
    "Notice",
    "NoticeKind",
    "NoticeLetter",
    "NoticePace",
    "NoticeTopic",
    "NoticeWish",
    "NoticesWritten",
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
    "Renewal",
    "RenewalNotice",
    "RenewalState",
    "RequestedCancellationState",
    "Resolution",
    "SandboxCard",
    "SandboxCharge",
    "SandboxDispute",
    "SandboxEvent",
    "SandboxRefund",
    "SandboxSetup",
    "SavedFilter",
    "ScheduledChange",
    "Seller",
    "SellerMarket",
    "StripeCustomer",
    "StripeIntent",
    "StripeRefund",
    "SupportCase",
    "SupportMessage",
    "TakeOver",
    "TakeOverMode",
    "TakeOverState",
    "TaxRate",
    "TransferOffer",
    "TransferState",
]
