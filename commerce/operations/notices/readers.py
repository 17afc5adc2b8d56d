"""Who may be told in a tenant, and how each of them wishes to be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commerce.models import NoticePace, NoticeTopic, NoticeWish
from commerce.operations.notices.matters import READABLE_BY, Matter
from tenants.access import Actor, Right, is_welcome
from tenants.directory.delegations import Delegation
from tenants.directory.models import Membership, Tenant, User


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How somebody wishes to be told of a topic."""

    mail: NoticePace = NoticePace.OFF
    in_app: bool = False
    amount: Decimal | None = None
    currency: str = ""

    @property
    def is_any(self) -> bool:
        return self.in_app or self.mail != NoticePace.OFF


NOT_AT_ALL = Wish()
# For those who answer for the organisation's spending, until they choose. Requests, and in part renewals and failed
# charges, have letters of their own: see docs/notices.md.
OF_BUYERS: Mapping[NoticeTopic, Wish] = {
    NoticeTopic.PURCHASE: Wish(mail=NoticePace.DAILY, in_app=True),
    NoticeTopic.TRIAL: Wish(mail=NoticePace.DAILY, in_app=True),
    NoticeTopic.FIRST_PURCHASE: Wish(mail=NoticePace.AT_ONCE, in_app=True),
    NoticeTopic.RENEWAL: Wish(in_app=True),
    NoticeTopic.FAILED_CHARGE: Wish(mail=NoticePace.DAILY, in_app=True),
    NoticeTopic.REQUEST: Wish(in_app=True),
    NoticeTopic.POLICY_CHANGE: Wish(in_app=True),
}
# For those who decide requests.
OF_OTHERS: Mapping[NoticeTopic, Wish] = {NoticeTopic.REQUEST: Wish(in_app=True)}


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody with their roles of now, and what they have chosen."""

    actor: Actor
    chosen: Mapping[str, Wish]

    @property
    def user_id(self) -> UUID:
        assert self.actor.user is not None  # noqa: S101 (readers are people)
        return self.actor.user.pk

    def wish(self, topic: NoticeTopic) -> Wish:
        """What they have chosen, else what their roles bring. A partner's people are told of nothing unasked."""
        if topic in self.chosen:
            return self.chosen[topic]
        if self.actor.is_delegate:
            return NOT_AT_ALL
        return (OF_BUYERS if self.actor.may(Right.BUY_CENTRALLY) else OF_OTHERS).get(topic, NOT_AT_ALL)

    def may_choose(self, topic: NoticeTopic) -> bool:
        return any(self.actor.may(right) for right in READABLE_BY[topic])

    def wishes_of(self, matter: Matter) -> Iterator[tuple[NoticeTopic, Wish]]:
        """Those by which they are told of a matter: nobody of what they did themselves, or may not read."""
        if matter.by_user == self.user_id or not self.actor.may(matter.right):
            return
        for topic in NoticeTopic:
            if topic in matter.topics and self.may_choose(topic):
                wish = self.wish(topic)
                if wish.is_any and (topic != NoticeTopic.OVER_AMOUNT or _is_over(matter, wish)):
                    yield topic, wish


def _is_over(matter: Matter, wish: Wish) -> bool:
    """What cannot be compared is told rather than not."""
    if matter.total is None or wish.amount is None:
        return False
    return matter.currency != wish.currency or matter.total > wish.amount


def of_tenant(tenant: Tenant, *, at: datetime) -> list[Reader]:
    """Everybody with a role, and of partners those who have chosen something: in a fixed number of queries."""
    chosen = _chosen(tenant)
    people = Membership.objects.of(tenant).active().filter(role_grants__isnull=False).distinct().order_by("pk")
    found: dict[UUID, Actor] = {}
    for member in people.select_related("user", "tenant").prefetch_related("role_grants"):
        roles = frozenset(grant.role for grant in member.role_grants.all())
        found[member.user_id] = Actor(user=member.user, membership=member, roles=roles)
    for delegation in Delegation.objects.of(tenant).in_force(at).select_related("tenant", "partner"):
        for user in _people_of(delegation, wanted=chosen.keys() - found.keys()):
            found[user.pk] = Actor(user=user, delegation=delegation, roles=frozenset(delegation.roles))
    return [
        Reader(actor=actor, chosen=chosen.get(user_id, {}))
        for user_id, actor in found.items()
        if actor.user is not None and is_welcome(actor.user)
    ]


def _people_of(delegation: Delegation, *, wanted: set[UUID]) -> Iterator[User]:
    rows = Membership.objects.of(delegation.partner).active().filter(user__in=wanted).select_related("user")
    return (member.user for member in rows.order_by("pk") if not member.is_guest)


def _chosen(tenant: Tenant, user: User | None = None) -> dict[UUID, dict[str, Wish]]:
    rows = NoticeWish.objects.filter(tenant=tenant)
    found: dict[UUID, dict[str, Wish]] = {}
    for row in rows.filter(user=user) if user else rows:
        wish = Wish(mail=NoticePace(row.mail), in_app=row.in_app, amount=row.amount, currency=row.currency)
        found.setdefault(row.user_id, {})[row.topic] = wish
    return found


def reader(by: Actor) -> Reader:
    """Whoever acts, with what they have chosen where they act."""
    chosen = _chosen(by.organisation, by.user) if by.user else {}
    return Reader(actor=by, chosen=chosen.get(by.user.pk, {}) if by.user else {})


def may_read_any(by: Actor) -> bool:
    return by.tenant is not None and by.may(Right.SEE_CENTRAL_PURCHASES)
