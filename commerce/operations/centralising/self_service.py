"""What people bought themselves and who uses it: what a centralisation starts from."""

from django.db.models import Q

from licensing.models import Channel, Product, Seat, Subscription, SubscriptionState
from licensing.models.seat import SeatQuerySet
from licensing.models.subscription import SubscriptionQuerySet
from tenants.directory.models import Membership, Tenant


def all_purchases_of(tenant: Tenant) -> SubscriptionQuerySet:
    """What people manage and pay themselves, and use: no trial that ends by itself."""
    paid = Q(state__in=(SubscriptionState.ACTIVE, SubscriptionState.EXPIRED))
    paid |= Q(state=SubscriptionState.TRIAL, converts=True)
    return Subscription.objects.of(tenant).filter(paid, channel=Channel.SELF_SERVICE).exclude(owner=None)


def purchases_of(tenant: Tenant, product: Product) -> SubscriptionQuerySet:
    """Those of a product."""
    return all_purchases_of(tenant).filter(plan__product=product)


def seats_of(tenant: Tenant, product: Product) -> SeatQuerySet:
    """The seats of active members that somebody bought for them."""
    held = Seat.objects.open().filter(subscription__in=purchases_of(tenant, product))
    return held.filter(member__in=Membership.objects.of(tenant).active())
