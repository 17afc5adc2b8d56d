"""What a partner has sold to a customer: recorded under the delegation, so that its seats can be given. Nobody pays."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from commerce.operations.paying import orders
from licensing.models import Channel, Plan, Subscription
from licensing.operations import subscriptions
from tenants.access import Actor, Right
from tenants.directory.delegations import Delegation
from tenants.ids import new_id
from tenants.refusal import NotAllowed


@transaction.atomic
def record(*, plan: Plan, quantity: int, record_id: UUID | None = None, by: Actor, at: datetime) -> Subscription:
    """
    A subscription of the customer's own, by the channel `partner`: without order, invoice or charge here. On whose word
    the partner acts is its purchaser: whoever granted the delegation. `record_id` makes a repeated call find the first
    one's.

    :raises NotAllowed: not by a delegation that is in force and allows buying
    :raises BadInput: a quantity that the plan is not sold in
    """
    by.require(Right.BUY_CENTRALLY)
    if by.delegation is None:
        raise NotAllowed(_("Only a partner records what it has sold; you buy centrally instead."))
    orders.require_bounds(plan, quantity)
    # Row lock: one that is taken back meanwhile lets nothing in any more, and a repeated call waits for the first.
    rows = Delegation.objects.select_for_update(of=("self",), no_key=True).in_force(at)
    delegation = rows.select_related("granted_by__tenant", "granted_by__user").filter(pk=by.delegation.pk).first()
    if delegation is None:
        raise NotAllowed(_("Your delegation is over."))
    reference = str(record_id or new_id())
    found = Subscription.objects.of(delegation.granted_by.tenant).filter(order_ref=reference).first()
    if found is not None:
        return found
    return subscriptions.grant(
        plan=plan,
        quantity=quantity,
        channel=Channel.PARTNER,
        purchaser=delegation.granted_by,
        order_ref=reference,
        by=by,
        at=at,
    )
