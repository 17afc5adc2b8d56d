"""What this app shows in the procurement view; a module for each subject."""

from commerce.admin.agreements import AgreementAdmin
from commerce.admin.approvals import ApprovalAdmin
from commerce.admin.centralisations import CentralisationAdmin
from commerce.admin.customers import CUSTOMERS_LISTS
from commerce.admin.delegations import DelegationAdmin
from commerce.admin.differences import DifferenceAdmin
from commerce.admin.disputes import DisputeAdmin
from commerce.admin.dunning import DunningStepAdmin, HardDeclineAdmin
from commerce.admin.incoming import IncomingEventAdmin
from commerce.admin.invoices import InvoiceAdmin
from commerce.admin.leavers import LeaverTaskAdmin
from commerce.admin.ledger import MovementAdmin
from commerce.admin.notices import NoticeAdmin
from commerce.admin.prices import PriceAdmin
from commerce.admin.purchase_facts import paid, sees_prices, state_badge
from commerce.admin.purchases import PurchaseAdmin
from commerce.admin.renewals import RenewalAdmin
from commerce.admin.sellers import SellerAdmin
from commerce.admin.solutions import SolutionAdmin
from commerce.admin.support import SupportCaseAdmin
from commerce.admin.take_overs import TakeOverAdmin
from commerce.admin.tax_rates import TaxRateAdmin
from commerce.admin.waste import WasteAdmin

__all__ = [
    "CUSTOMERS_LISTS",
    "AgreementAdmin",
    "ApprovalAdmin",
    "CentralisationAdmin",
    "DelegationAdmin",
    "DifferenceAdmin",
    "DisputeAdmin",
    "DunningStepAdmin",
    "HardDeclineAdmin",
    "IncomingEventAdmin",
    "InvoiceAdmin",
    "LeaverTaskAdmin",
    "MovementAdmin",
    "NoticeAdmin",
    "PriceAdmin",
    "PurchaseAdmin",
    "RenewalAdmin",
    "SellerAdmin",
    "SolutionAdmin",
    "SupportCaseAdmin",
    "TakeOverAdmin",
    "TaxRateAdmin",
    "WasteAdmin",
    "paid",
    "sees_prices",
    "state_badge",
]
