"""What a tenant says of what it takes over."""

from policies.models import TenantSettings
from tenants.directory.models import Tenant


def refunds(tenant: Tenant) -> bool:
    """Whether the unused part of a term that is taken over goes back to who paid it; yes, unless somebody said no."""
    return TenantSettings.said_by(tenant).take_over_refunds
