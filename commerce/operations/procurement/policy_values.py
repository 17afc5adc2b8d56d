"""Which policy holds by now for what people bought themselves."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from commerce.models import Purchase
from licensing.models import Channel
from policies.operations import held_values
from policies.operations.proposed import About


def of_each(purchases: Sequence[Purchase], *, at: datetime) -> dict[UUID, str]:
    """
    By the purchases' ids; none is asked for what the organisation buys. They have their tenant, plan and purchaser
    with them. In a fixed number of queries for each organisation.
    """
    values: dict[UUID, str] = {}
    bought = [row for row in purchases if row.channel == Channel.SELF_SERVICE]
    for tenant in {row.tenant_id: row.tenant for row in bought}.values():
        asked = {row.pk: _about(row) for row in bought if row.tenant_id == tenant.pk}
        held = held_values.of_each(tenant, set(asked.values()), at=at)
        values |= {pk: held[about] for pk, about in asked.items()}
    return values


def _about(row: Purchase) -> About:
    return About(row.purchaser_id, row.purchaser.department_id, row.plan.product_id, row.plan.product.family_id)
