"""What is being brought onto central seats, whom that asks to cancel, and what people take on first use."""

from dataclasses import dataclass
from datetime import datetime

from commerce.models import CancellationRequest, Centralisation
from commerce.operations.centralising import purchasers, steps
from policies.models import AutoClaim
from policies.operations import auto_claims
from tenants.directory.models import Membership
from tests import factories


@dataclass
class Centralised:
    row: Centralisation
    request: CancellationRequest
    auto_claim: AutoClaim


def build(*, owner: Membership, admin: Membership, word: str, at: datetime) -> Centralised:
    """Of a product of its own, which nobody else in the world holds a seat of."""
    plan, by = factories.plan_on_sale(), factories.acting(admin)
    bought = factories.buy(owner, plan, 1, at)
    factories.buy_centrally(admin, plan, 1, at)
    row = steps.start(tenant=owner.tenant, product=plan.product, by=by, at=at)
    row = steps.choose(centralisation=row, members=[owner], by=by, at=at)
    row = steps.accept_cost(centralisation=row, by=by, at=at)
    row = steps.assign(centralisation=row, by=by, at=at)
    row = purchasers.ask(centralisation=row, subscriptions=[bought], message=f"{word} please", by=by, at=at)
    rule = {"product": factories.ProductFactory(), "ceiling": 2, "reason": f"{word} reason"}
    return Centralised(
        row=row,
        request=CancellationRequest.objects.get(subscription=bought),
        auto_claim=auto_claims.allow(tenant=owner.tenant, **rule, by=by, at=at),
    )
