"""That somebody used a product: kept, and answered as at the product's door."""

from datetime import datetime, timedelta

from licensing.models import Product
from licensing.operations import usage
from licensing.operations.entitlements import Entitlement
from policies.operations import access, auto_claims
from tenants.access import Actor
from tenants.directory.models import Membership

# A use that is told later than this gives nobody a seat: they may have gone on without one.
TOLD_AT_ONCE = timedelta(days=1)


def report(*, member: Membership, product: Product, used_at: datetime, by: Actor, at: datetime) -> Entitlement:
    """
    Keep that somebody used a product. Who has no seat takes a free central one, where the tenant lets people claim on
    first use and the use is not older than a day; then whether they may use it. Safe to repeat.

    :raises NotAllowed: neither the person nor somebody who assigns the tenant's seats
    :raises BadInput: a use that is yet to come
    """
    kept = usage.report(member=member, product=product, used_at=used_at, by=by, at=at)
    if at - kept > TOLD_AT_ONCE:
        return access.entitlement(member=member, product=product)
    return auto_claims.use(member=member, product=product, by=by, at=at)
