"""A tenant's switches: read as they hold, and changed under the tenant's lock."""

from datetime import datetime

from django.db import transaction

from policies.models import TenantSettings
from tenants.access import Actor, Right
from tenants.directory.models import Tenant
from tenants.directory.operations import organisations
from tenants.journal import events


def members_claim_seats(tenant: Tenant) -> bool:
    """Whether members take free seats of the tenant's own themselves; not unless somebody said so."""
    return TenantSettings.objects.filter(tenant=tenant, members_claim_seats=True).exists()


@transaction.atomic
def let_members_claim_seats(*, tenant: Tenant, allowed: bool, by: Actor, at: datetime) -> TenantSettings:
    """
    Let members take free seats of what was bought centrally, or no longer. Seats that they have stay theirs. The same
    again changes nothing.

    :raises NotAllowed: neither an operator nor someone who may change this tenant's policies
    """
    by.require_in(tenant, Right.CHANGE_POLICY)
    organisations.lock(tenant)
    settings, _is_new = TenantSettings.objects.get_or_create(tenant=tenant, defaults={"set_by": by.user, "set_at": at})
    if settings.members_claim_seats != allowed:
        # `set_by` and `set_at` are of the stop: who changed this stands in the journal.
        settings.members_claim_seats = allowed
        settings.save(update_fields=["members_claim_seats"])
        events.record("settings.changed", tenant=tenant, by=by, at=at, subject=tenant.pk, members_claim_seats=allowed)
    return settings
