"""The tables of this app; each package keeps its own."""

from tenants.api.models import IdempotencyKey
from tenants.delivery.models import Job, SweepRun
from tenants.delivery.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenants.directory.delegations import Delegation
from tenants.directory.models import Department, Domain, Membership, RoleGrant, SandboxClock, SignInRules, Tenant, User
from tenants.directory.moves import ClockMove
from tenants.journal.models import Event, EventPosition, UnsequencedEvent
from tenants.runs.models import Run, RunRow
from tenants.signin.models import RecoveryCode, SecondFactor, TokenTenant

__all__ = [
    "ClockMove",
    "Delegation",
    "Department",
    "Domain",
    "Event",
    "EventPosition",
    "IdempotencyKey",
    "Job",
    "Membership",
    "RecoveryCode",
    "RoleGrant",
    "Run",
    "RunRow",
    "SandboxClock",
    "SecondFactor",
    "SignInRules",
    "SweepRun",
    "Tenant",
    "TokenTenant",
    "UnsequencedEvent",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
]
