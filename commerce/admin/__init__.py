"""What this app shows in the procurement view; a module for each subject."""

from commerce.admin.invoices import InvoiceAdmin
from commerce.admin.prices import PriceAdmin
from commerce.admin.purchases import PurchaseAdmin, paid, state_badge
from commerce.admin.sellers import SellerAdmin
from commerce.admin.support import SupportCaseAdmin
from commerce.admin.tax_rates import TaxRateAdmin

__all__ = [
    "InvoiceAdmin",
    "PriceAdmin",
    "PurchaseAdmin",
    "SellerAdmin",
    "SupportCaseAdmin",
    "TaxRateAdmin",
    "paid",
    "state_badge",
]
