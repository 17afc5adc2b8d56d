"""Notices in words, made of the journal when they are read: names as they are now, money only for whoever sees it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.amounts import money
from commerce.models import Notice, NoticeTopic, Order, OrderKind, OrderLine
from commerce.operations.notices import matters
from commerce.operations.notices.readers import Reader
from licensing.models import Subscription
from policies.models import Approval, LicenseRequest, PolicyValue
from tenants.access import Actor, Right
from tenants.dates import day
from tenants.directory.models import Tenant
from tenants.journal import naming
from tenants.journal.models import Event


@dataclass(frozen=True, kw_only=True)
class Told:
    """A notice as its reader finds it; `path` leads to what it is about."""

    notice: Notice
    text: str
    path: str
    topics: Sequence[str]


def readable(notices: Iterable[Notice], by: Actor) -> list[Notice]:
    """Those that their reader may read with the roles of now."""
    return [notice for notice in notices if by.may(Right(notice.right))]


def tell(notices: Sequence[Notice], *, by: Actor) -> list[Told]:
    """In their order, in a fixed number of queries. Only what the person may read stays."""
    seen = readable(notices, by)
    rows = _Rows.behind([notice.event for notice in seen], by)
    reader = Reader(actor=by, chosen={})
    return [
        Told(
            notice=notice,
            text=_WORDS[notice.event.type](notice.event, rows),
            path=_path(notice.event, rows),
            topics=[str(NoticeTopic(topic).label) for topic in notice.topics if reader.may_choose(NoticeTopic(topic))],
        )
        for notice in seen
    ]


@dataclass(frozen=True)
class _Rows:
    """What events are about, each kind fetched once."""

    tenant: Tenant
    prices: bool
    events: Sequence[Event]
    orders: Mapping[str, Order] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    requests: Mapping[str, LicenseRequest] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)

    @classmethod
    def behind(cls, events: Sequence[Event], by: Actor) -> "_Rows":
        tenant = by.organisation

        def found(rows: Any, *types: str) -> dict[str, Any]:
            ids = {event.subject for event in events if event.type in types}
            return {str(row.pk): row for row in rows.filter(tenant=tenant, pk__in=ids)} if ids else {}

        of_subscription = ("trial.started", "renewal.announced", "renewal.failed", matters.RECORDED)
        lines = Prefetch("lines", OrderLine.objects.order_by("pk").select_related("plan__product"))
        whose = Subscription.objects.select_related("plan__product", "purchaser__user", "tenant")
        return cls(
            tenant=tenant,
            prices=by.may(Right.SEE_ALL_PURCHASES),
            events=events,
            orders=found(Order.objects.select_related("buyer__user").prefetch_related(lines), *matters.GRANTED),
            subscriptions=found(whose, *of_subscription),
            requests=found(LicenseRequest.objects.with_people(), "license_request.asked"),
            approvals=found(Approval.objects.with_people(), "approval.requested"),
        )

    @cached_property
    def names(self) -> Mapping[str, naming.Named]:
        """Of policies alone: everything else is fetched with its row."""
        return naming.names_in([event for event in self.events if event.type in matters.POLICIES], self.tenant)

    def price(self, amount: Any, currency: str) -> str:
        return money(amount, currency) if self.prices else ""


def _order(event: Event, rows: _Rows) -> str:
    order = rows.orders[event.subject]
    # Seats that are paid for a second term as well stand on two lines.
    line = order.lines.all()[0]
    quantity = line.quantity
    told = {
        "who": order.buyer,
        "plan": line.plan,
        "seats": ngettext("%(count)d seat", "%(count)d seats", quantity) % {"count": quantity},
    }
    text = _of_kind(OrderKind(order.kind)) % told
    price = rows.price(order.total, order.currency)
    return _("%(text)s: %(price)s") % {"text": text, "price": price} if price else text


def _of_kind(kind: OrderKind) -> str:
    return {
        OrderKind.PURCHASE: _("%(who)s bought %(seats)s of %(plan)s"),
        OrderKind.SEATS: _("%(who)s added %(seats)s of %(plan)s"),
        OrderKind.REACTIVATION: _("%(who)s reactivated %(plan)s with %(seats)s"),
        OrderKind.RENEWAL: _("%(plan)s renewed with %(seats)s"),
        OrderKind.ALIGNMENT: _("%(who)s aligned the end of the term of %(plan)s"),
        OrderKind.REIMBURSEMENT: _("The rest of a term of %(plan)s was taken over"),
    }[kind]


def _recorded(event: Event, rows: _Rows) -> str:
    recorded = rows.subscriptions[event.subject]
    seats = ngettext("%(count)d seat", "%(count)d seats", event.data["quantity"]) % {"count": event.data["quantity"]}
    return _("A partner recorded %(seats)s of %(plan)s") % {"seats": seats, "plan": recorded.plan}


def _trial(event: Event, rows: _Rows) -> str:
    trial = rows.subscriptions[event.subject]
    return _("%(who)s started a trial of %(plan)s") % {"who": trial.purchaser, "plan": trial.plan}


def _coming(event: Event, rows: _Rows) -> str:
    subscription = rows.subscriptions[event.subject]
    ends_at = parse_datetime(event.data["term_end"]) or subscription.term_end
    told = {"plan": subscription.plan, "day": day(ends_at, subscription.zone) if ends_at else ""}
    if event.data["kind"] == "renews":
        return _("%(plan)s renews on %(day)s") % told
    if event.data["kind"] == "ends":
        return _("%(plan)s ends on %(day)s") % told
    return _("%(plan)s will not renew on %(day)s") % told


def _failed(event: Event, rows: _Rows) -> str:
    return _("The renewal of %(plan)s could not be charged") % {"plan": rows.subscriptions[event.subject].plan}


def _asked(event: Event, rows: _Rows) -> str:
    request = rows.requests.get(event.subject)
    if request is None:  # kept for a time only
        return _("Somebody asked for a licence")
    return _("%(who)s asks for %(product)s") % {"who": request.requester, "product": request.product}


def _to_approve(event: Event, rows: _Rows) -> str:
    approval = rows.approvals.get(event.subject)
    if approval is None:
        return _("Somebody asked for an approval")
    seats = ngettext("%(count)d seat", "%(count)d seats", approval.quantity) % {"count": approval.quantity}
    return _("%(who)s asks to approve %(seats)s of %(plan)s: %(price)s") % {
        "who": approval.requester,
        "seats": seats,
        "plan": approval.plan,
        "price": rows.price(approval.amount, approval.currency),
    }


SCOPES = ("member", "department", "product", "family")


def _scope(event: Event, rows: _Rows) -> str:
    ids = [str(event.data[scope]) for scope in SCOPES if event.data.get(scope)]
    return ", ".join(rows.names[key].text for key in ids if key in rows.names)


def _policy(event: Event, rows: _Rows) -> str:
    return _("The policy for %(scope)s was changed: %(old)s → %(new)s") % {
        "scope": _scope(event, rows) or _("everything else"),
        "old": _value(event.data.get("old")),
        "new": _value(event.data.get("new")),
    }


def _value(value: str | None) -> str:
    return str(PolicyValue(value).label) if value in PolicyValue.values else _("nothing said")


def _governed(event: Event, rows: _Rows) -> str:
    text = {
        "governance.set": _("The policy “%(name)s” was added"),
        "governance.changed": _("The policy “%(name)s” was changed"),
        "governance.removed": _("The policy “%(name)s” was removed"),
    }[event.type]
    return text % {"name": (event.data["new"] or event.data["old"])["name"]}


def _limited(event: Event, rows: _Rows) -> str:
    text = {
        "spend_limit.set": _("A spend limit was set for %(scope)s"),
        "spend_limit.changed": _("The spend limit for %(scope)s was changed"),
        "spend_limit.removed": _("The spend limit for %(scope)s was ended"),
    }[event.type]
    return text % {"scope": _scope(event, rows) or _("the whole organisation")}


def _path(event: Event, rows: _Rows) -> str:
    """The page of the procurement view where it is dealt with."""
    if event.type in matters.GRANTED:
        return reverse("admin:commerce_purchase_change", args=[rows.orders[event.subject].subscription_id])
    if event.subject in rows.subscriptions:
        return reverse("admin:commerce_purchase_change", args=[event.subject])
    if event.subject in rows.requests:
        return reverse("admin:policies_licenserequest_change", args=[event.subject])
    if event.subject in rows.approvals:
        return reverse("admin:policies_approval_change", args=[event.subject])
    if event.type in matters.GOVERNED:
        return reverse("admin:policies_governancepolicy_changelist")
    if event.type in matters.LIMITED:
        return reverse("admin:policies_spendlimit_changelist")
    return reverse("admin:policies_selfserviceproduct_changelist")


_WORDS: Mapping[str, Callable[[Event, _Rows], str]] = {
    **dict.fromkeys(matters.GRANTED, _order),
    matters.RECORDED: _recorded,
    "trial.started": _trial,
    "renewal.announced": _coming,
    "renewal.failed": _failed,
    "license_request.asked": _asked,
    "approval.requested": _to_approve,
    "policy.changed": _policy,
    **dict.fromkeys(matters.GOVERNED, _governed),
    **dict.fromkeys(matters.LIMITED, _limited),
    "self_service.stopped": lambda event, rows: _("All self-service buying was stopped"),
    "self_service.resumed": lambda event, rows: _("Self-service buying goes on"),
}
