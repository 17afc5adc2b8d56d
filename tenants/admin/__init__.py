"""What this app shows in the procurement view; a module for each package."""

from tenants.admin.clocks import SandboxClockAdmin
from tenants.admin.directory import DomainAdmin
from tenants.admin.jobs import JobAdmin
from tenants.admin.journal import EventAdmin
from tenants.admin.organisations import TenantAdmin
from tenants.admin.people import MembershipAdmin
from tenants.admin.runs import RunAdmin
from tenants.admin.sign_in import SignInRulesAdmin

__all__ = [
    "DomainAdmin",
    "EventAdmin",
    "JobAdmin",
    "MembershipAdmin",
    "RunAdmin",
    "SandboxClockAdmin",
    "SignInRulesAdmin",
    "TenantAdmin",
]
