"""Which value holds now for purchases that there are: for the person who bought, and the product."""

from collections.abc import Iterable
from datetime import datetime

from policies.models.policy import PolicyValue
from policies.operations import settings
from policies.operations.proposed import About, Change, Proposed
from tenants.directory.models import Tenant


def of_each(tenant: Tenant, asked: Iterable[About], *, at: datetime) -> dict[About, str]:
    """In three queries, however many are asked. While all self-service is stopped, nothing is enabled."""
    proposed = Proposed(tenant, Change(), at=at)
    stopped = settings.stop_of(tenant) is not None
    return {about: PolicyValue.DISABLED if stopped else proposed.answer(about).value for about in asked}
