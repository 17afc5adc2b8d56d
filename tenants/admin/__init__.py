"""What this app shows in the procurement view; a module for each package."""

from tenants.admin.directory import DomainAdmin, MembershipAdmin
from tenants.admin.journal import EventAdmin
from tenants.admin.organisations import TenantAdmin

__all__ = ["DomainAdmin", "EventAdmin", "MembershipAdmin", "TenantAdmin"]
