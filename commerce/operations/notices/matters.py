"""What of a tenant's journal admins are told of: the topics of events, and who may read them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from commerce.models import NoticeTopic, Order, OrderKind
from licensing.models import Channel, Subscription
from tenants.access import Right
from tenants.directory.models import Tenant
from tenants.journal.models import Event

GRANTED = ("order.paid", "order.invoiced")
# One of these alone is a purchase: whatever has an order is told of by that.
RECORDED = "subscription.started"
BOUGHT = (OrderKind.PURCHASE, OrderKind.SEATS, OrderKind.REACTIVATION)

GOVERNED = ("governance.set", "governance.changed", "governance.removed")
LIMITED = ("spend_limit.set", "spend_limit.changed", "spend_limit.removed")
POLICIES = ("policy.changed", "self_service.stopped", "self_service.resumed", *GOVERNED, *LIMITED)

TOPICS: Mapping[str, NoticeTopic] = {
    "trial.started": NoticeTopic.TRIAL,
    "renewal.announced": NoticeTopic.RENEWAL,
    "renewal.failed": NoticeTopic.FAILED_CHARGE,
    "license_request.asked": NoticeTopic.REQUEST,
    "approval.requested": NoticeTopic.REQUEST,
    **dict.fromkeys(POLICIES, NoticeTopic.POLICY_CHANGE),
}
RIGHTS: Mapping[str, Right] = {
    "license_request.asked": Right.DECIDE_REQUESTS,
    "approval.requested": Right.APPROVE_PURCHASES,
    **dict.fromkeys(POLICIES, Right.READ_POLICY),
}
TYPES = frozenset({*TOPICS, *GRANTED, RECORDED})

# Whoever has one of these may be told of the topic at all.
READABLE_BY: Mapping[NoticeTopic, Collection[Right]] = {
    NoticeTopic.PURCHASE: (Right.SEE_CENTRAL_PURCHASES,),
    NoticeTopic.TRIAL: (Right.SEE_PURCHASES,),
    NoticeTopic.FIRST_PURCHASE: (Right.SEE_CENTRAL_PURCHASES,),
    NoticeTopic.OVER_AMOUNT: (Right.SEE_ALL_PURCHASES,),
    NoticeTopic.RENEWAL: (Right.SEE_CENTRAL_PURCHASES,),
    NoticeTopic.FAILED_CHARGE: (Right.SEE_CENTRAL_PURCHASES,),
    NoticeTopic.REQUEST: (Right.DECIDE_REQUESTS, Right.APPROVE_PURCHASES),
    NoticeTopic.POLICY_CHANGE: (Right.READ_POLICY,),
}


@dataclass(frozen=True, kw_only=True)
class Matter:
    """An event that people may be told of. `total` is what was charged or billed, where that is what it is about."""

    event: Event
    topics: frozenset[NoticeTopic]
    right: Right
    total: Decimal | None = None
    currency: str = ""

    @property
    def by_user(self) -> UUID | None:
        return self.event.actor_id


def among(events: Iterable[Event], tenant: Tenant) -> list[Matter]:
    """Those that are any, in their order: in a fixed number of queries, and one for each that may be a first one."""
    known = [event for event in events if event.type in TYPES]
    rows = _Rows.behind(known, tenant)
    return [matter for event in known for matter in _matter(event, rows)]


@dataclass(frozen=True)
class _Rows:
    orders: Mapping[str, Order] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)

    @classmethod
    def behind(cls, events: Iterable[Event], tenant: Tenant) -> "_Rows":
        subjects: dict[bool, set[str]] = {True: set(), False: set()}
        for event in events:
            if event.type not in RIGHTS:
                subjects[event.type in GRANTED].add(event.subject)
        orders = Order.objects.filter(tenant=tenant, pk__in=subjects[True])
        found = Subscription.objects.of(tenant).filter(pk__in=subjects[False])
        return cls(
            orders={str(order.pk): order for order in orders.select_related("subscription__plan")},
            subscriptions={str(row.pk): row for row in found.select_related("plan")},
        )


def _matter(event: Event, rows: _Rows) -> Iterator[Matter]:
    if event.type in GRANTED:
        yield from _ordered(event, rows)
    elif event.type == RECORDED:
        yield from _recorded(event, rows)
    elif event.type in RIGHTS:
        yield Matter(event=event, topics=frozenset({TOPICS[event.type]}), right=RIGHTS[event.type])
    elif event.subject in rows.subscriptions:
        right = _seen_by(rows.subscriptions[event.subject])
        yield Matter(event=event, topics=frozenset({TOPICS[event.type]}), right=right)


def _ordered(event: Event, rows: _Rows) -> Iterator[Matter]:
    order = rows.orders.get(event.subject)
    # An invoice that is paid later was told of when it was granted.
    if order is None or order.subscription is None or order.granted_at != event.at:
        return
    topics = {NoticeTopic.OVER_AMOUNT}
    if order.kind in BOUGHT:
        topics.add(NoticeTopic.PURCHASE)
    if order.kind == OrderKind.PURCHASE and _is_first(order.subscription):
        topics.add(NoticeTopic.FIRST_PURCHASE)
    yield Matter(
        event=event,
        topics=frozenset(topics),
        right=_seen_by(order.subscription),
        total=order.total,
        currency=order.currency,
    )


def _recorded(event: Event, rows: _Rows) -> Iterator[Matter]:
    recorded = rows.subscriptions.get(event.subject)
    if recorded is None or recorded.channel != Channel.PARTNER:
        return
    topics = {NoticeTopic.PURCHASE, *([NoticeTopic.FIRST_PURCHASE] if _is_first(recorded) else [])}
    yield Matter(event=event, topics=frozenset(topics), right=_seen_by(recorded))


def _is_first(subscription: Subscription) -> bool:
    """Whether the organisation had bought nothing of the product before; a trial is no purchase."""
    rows = Subscription.objects.filter(tenant=subscription.tenant_id, plan__product=subscription.plan.product_id)
    before = rows.filter(created_at__lte=subscription.created_at).exclude(pk=subscription.pk)
    before = before.exclude(created_at=subscription.created_at, pk__gt=subscription.pk)
    bought = Order.objects.filter(tenant=subscription.tenant_id, subscription__in=before, granted_at__isnull=False)
    return not bought.exists() and not before.filter(channel=Channel.PARTNER).exists()


def _seen_by(subscription: Subscription) -> Right:
    return Right.SEE_CENTRAL_PURCHASES if subscription.channel == Channel.CENTRAL else Right.SEE_PURCHASES
