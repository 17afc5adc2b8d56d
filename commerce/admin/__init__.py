"""What this app shows in the procurement view; a module for each subject."""

from commerce.admin.prices import PriceAdmin
from commerce.admin.purchases import PurchaseAdmin, paid, state_badge
from commerce.admin.tax_rates import TaxRateAdmin

__all__ = ["PriceAdmin", "PurchaseAdmin", "TaxRateAdmin", "paid", "state_badge"]
