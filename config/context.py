"""What every page's header needs to know, asked only when a template asks."""

from collections.abc import Callable
from functools import cached_property, partial

from django.db.models import Exists
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import pgettext

from licensing.models import Subscription
from policies.models import Approver, LicenseRequest
from tenants import clock
from tenants.access import Actor, Right, acting_places
from tenants.dates import minute
from tenants.directory.delegations import Delegation
from tenants.directory.models import Membership, Tenant
from tenants.procurement import may_read_some
from tenants.signin.acting import actor_of_request, customers_of_request


class Acting:
    """The person, where they act now, and where else they may."""

    def __init__(self, actor: Actor | None, *, ended: bool = False, customers: Callable[[], list[Delegation]]) -> None:
        self.actor = actor
        self._find_customers = customers
        # Whether they have just lost the organisation for which they acted.
        self.ended = ended

    @property
    def membership(self) -> Membership | None:
        return self.actor.membership if self.actor else None

    @property
    def tenant(self) -> Tenant | None:
        return self.actor.tenant if self.actor else None

    @property
    def delegation(self) -> Delegation | None:
        """What lets a partner's person act here: every page says that they do."""
        return self.actor.delegation if self.actor else None

    @property
    def until(self) -> str:
        """When that ends, by the customer's own clock on the wall."""
        if self.delegation is None:
            return ""
        return minute(self.delegation.ends_at, self.delegation.tenant.zone)

    @property
    def person(self) -> str:
        if self.actor is None or self.actor.user is None:
            return ""
        return str(self.membership or self.actor.user.name or self.actor.user)

    @cached_property
    def choices(self) -> list[Tenant]:
        if self.actor is None or self.actor.user is None:
            return []
        return acting_places(self.actor.user, self.customers)

    @cached_property
    def customers(self) -> list[Delegation]:
        """Of the partner for whom they work."""
        return self._find_customers()

    @property
    def has_subscriptions(self) -> bool:
        return self._has[0]

    @property
    def has_requests(self) -> bool:
        """Whether they have asked for a licence."""
        return self._has[1]

    @property
    def approves_purchases(self) -> bool:
        """Whether they are named for a department; admins find what waits in the procurement view."""
        return self._has[2]

    @cached_property
    def _has(self) -> tuple[bool, ...]:
        """All in one query."""
        member = self.membership
        if member is None:
            return False, False, False
        return Membership.objects.filter(pk=member.pk).values_list(
            Exists(Subscription.objects.managed_by(member)),
            Exists(LicenseRequest.objects.by_requester(member)),
            Exists(Approver.objects.filter(member=member)),
        )[0]

    @property
    def moved_to(self) -> str:
        """The day there, if the clock of the organisation was moved."""
        tenant = self.tenant
        if tenant is None or not tenant.clock_ahead or not clock.is_simulated():
            return ""
        return date_format(clock.now(tenant).astimezone(tenant.zone), pgettext("day", "j F Y"))

    @property
    def may_administer(self) -> bool:
        # Who lacks a second factor is led to it from there; a partner's people find their customers.
        if self.actor is None:
            return False
        return may_read_some(self.actor) or self.actor.needs_second_factor or bool(self.customers)

    @property
    def may_buy_centrally(self) -> bool:
        return self.tenant is not None and self.actor is not None and self.actor.may(Right.BUY_CENTRALLY)


def acting(request: HttpRequest) -> dict[str, Acting]:
    """The template variable `acting`."""
    found = partial(customers_of_request, request)
    ended = getattr(request, "acts_elsewhere", False)
    return {"acting": Acting(actor_of_request(request), ended=ended, customers=found)}
