"""What this app shows in the procurement view; a module for each subject."""

from policies.admin.approvers import ApproverAdmin
from policies.admin.auto_claims import AutoClaimAdmin
from policies.admin.exclusions import ExclusionAdmin
from policies.admin.governance import GovernancePolicyAdmin
from policies.admin.markets import MarketAdmin
from policies.admin.products import ProductPolicyAdmin
from policies.admin.requests import LicenseRequestAdmin
from policies.admin.shown import value_badge
from policies.admin.spend_limits import SpendLimitAdmin
from policies.admin.values import PolicyAdmin

__all__ = [
    "ApproverAdmin",
    "AutoClaimAdmin",
    "ExclusionAdmin",
    "GovernancePolicyAdmin",
    "LicenseRequestAdmin",
    "MarketAdmin",
    "PolicyAdmin",
    "ProductPolicyAdmin",
    "SpendLimitAdmin",
    "value_badge",
]
