from policies.models.approval import Approval, ApprovalState
from policies.models.approver import Approver
from policies.models.auto_claim import AutoClaim
from policies.models.commitment import Commitment, Counted
from policies.models.decision import Decision
from policies.models.ending import Ending, ExistingRule, Reach
from policies.models.exclusion import Exclusion
from policies.models.governance import Acknowledgement, GovernanceKind, GovernancePolicy, GovernanceScope
from policies.models.limit import LimitLevel, LimitMode, LimitNotice, Period, SpendLimit
from policies.models.market import Market
from policies.models.policy import MOST_LEAVER_GRACE, LeaverDefault, Policy, PolicyValue, TenantSettings
from policies.models.product import SelfServiceProduct
from policies.models.request import How, LicenseRequest, LicenseRequestPerson, PersonState, RequestState

__all__ = [
    "MOST_LEAVER_GRACE",
    "Acknowledgement",
    "Approval",
    "ApprovalState",
    "Approver",
    "AutoClaim",
    "Commitment",
    "Counted",
    "Decision",
    "Ending",
    "Exclusion",
    "ExistingRule",
    "GovernanceKind",
    "GovernancePolicy",
    "GovernanceScope",
    "How",
    "LeaverDefault",
    "LicenseRequest",
    "LicenseRequestPerson",
    "LimitLevel",
    "LimitMode",
    "LimitNotice",
    "Market",
    "Period",
    "PersonState",
    "Policy",
    "PolicyValue",
    "Reach",
    "RequestState",
    "SelfServiceProduct",
    "SpendLimit",
    "TenantSettings",
]
