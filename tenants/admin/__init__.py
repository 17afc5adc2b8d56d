"""What this app shows in the procurement view; a module for each package."""

from tenants.admin.directory import DomainAdmin, MembershipAdmin, TenantAdmin
from tenants.admin.journal import EventAdmin

__all__ = ["DomainAdmin", "EventAdmin", "MembershipAdmin", "TenantAdmin"]
