"""What the victim's organisation is just taking over."""

from django.utils import timezone

from commerce.models import TakeOver
from commerce.operations.takeover import starting
from commerce.operations.takeover.previewing import Wish
from tests import factories
from tests.outsiders.world import World


def taken_over(world: World) -> TakeOver:
    """One of the victim's that is open, made when it is first asked for."""
    found = TakeOver.objects.open().of(world.tenant).first()
    if found is not None:
        return found
    plan = world.central.subscription.plan
    bought = factories.buy(world.colleague, plan, 1, at=timezone.now())
    admin = factories.admin_of(world.tenant)
    return starting.start(subscription=bought, wish=Wish(mode="cancel"), by=admin, at=timezone.now())
