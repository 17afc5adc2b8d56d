"""What every page's header needs to know, asked only when a template asks."""

from functools import cached_property

from django.http import HttpRequest

from licensing.models import Subscription
from policies.models import Approver
from tenants.access import Actor, Right, acting_memberships
from tenants.directory.models import Membership
from tenants.procurement import may_read_some
from tenants.signin.acting import actor_of_request


class Acting:
    """The person, where they act now, and where else they may."""

    def __init__(self, actor: Actor | None) -> None:
        self.actor = actor

    @property
    def membership(self) -> Membership | None:
        return self.actor.membership if self.actor else None

    @property
    def person(self) -> str:
        if self.actor is None or self.actor.user is None:
            return ""
        return str(self.membership or self.actor.user.name or self.actor.user)

    @cached_property
    def choices(self) -> list[Membership]:
        if self.actor is None or self.actor.user is None:
            return []
        return acting_memberships(self.actor.user)

    @cached_property
    def has_subscriptions(self) -> bool:
        return self.membership is not None and Subscription.objects.managed_by(self.membership).exists()

    @cached_property
    def approves_purchases(self) -> bool:
        """Whether they are named for a department; admins find what waits in the procurement view."""
        return self.membership is not None and Approver.objects.filter(member=self.membership).exists()

    @property
    def may_administer(self) -> bool:
        return self.actor is not None and may_read_some(self.actor)

    @property
    def may_buy_centrally(self) -> bool:
        return self.membership is not None and self.actor is not None and self.actor.may(Right.BUY_CENTRALLY)


def acting(request: HttpRequest) -> dict[str, Acting]:
    """The template variable `acting`."""
    return {"acting": Acting(actor_of_request(request))}
