"""The tables of this app; each package keeps its own."""

from tenants.api.models import IdempotencyKey
from tenants.delivery.models import Job
from tenants.directory.models import Department, Domain, Membership, RoleGrant, Tenant, User
from tenants.journal.models import Event, EventPosition, UnsequencedEvent
from tenants.signin.models import TokenTenant

__all__ = [
    "Department",
    "Domain",
    "Event",
    "EventPosition",
    "IdempotencyKey",
    "Job",
    "Membership",
    "RoleGrant",
    "Tenant",
    "TokenTenant",
    "UnsequencedEvent",
    "User",
]
