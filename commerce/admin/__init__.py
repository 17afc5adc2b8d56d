"""What this app shows in the procurement view; a module for each subject."""

from commerce.admin.agreements import AgreementAdmin
from commerce.admin.approvals import ApprovalAdmin
from commerce.admin.differences import DifferenceAdmin
from commerce.admin.disputes import DisputeAdmin
from commerce.admin.incoming import IncomingEventAdmin
from commerce.admin.invoices import InvoiceAdmin
from commerce.admin.ledger import MovementAdmin
from commerce.admin.prices import PriceAdmin
from commerce.admin.purchases import PurchaseAdmin, paid, sees_prices, state_badge
from commerce.admin.sellers import SellerAdmin
from commerce.admin.support import SupportCaseAdmin
from commerce.admin.tax_rates import TaxRateAdmin

__all__ = [
    "AgreementAdmin",
    "ApprovalAdmin",
    "DifferenceAdmin",
    "DisputeAdmin",
    "IncomingEventAdmin",
    "InvoiceAdmin",
    "MovementAdmin",
    "PriceAdmin",
    "PurchaseAdmin",
    "SellerAdmin",
    "SupportCaseAdmin",
    "TaxRateAdmin",
    "paid",
    "sees_prices",
    "state_badge",
]
