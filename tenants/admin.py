"""What this app shows in the procurement view; each package keeps its own."""

from tenants.directory.admin import DomainAdmin, MembershipAdmin, TenantAdmin
from tenants.journal.admin import EventAdmin

__all__ = ["DomainAdmin", "EventAdmin", "MembershipAdmin", "TenantAdmin"]
