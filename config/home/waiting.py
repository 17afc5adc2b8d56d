"""What waits for a decision, or for somebody to look after it; each with the list that shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Expression, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from commerce.admin import CUSTOMERS_LISTS
from commerce.admin.customers_waiting import OfWaiting
from commerce.models import LeaverTask, Renewal, TakeOver
from commerce.operations.procurement import customers
from config.home.counting import Counted
from config.home.reach import UTC
from policies.models import Approval, LicenseRequest
from policies.operations import inbox
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.directory.models import Tenant, User
from tenants.procurement import BY_COMMAND
from tenants.procurement_pages import LAST_ROW

# What each line says, by the list that it leads to.
SAID: dict[str, Any] = {
    "approvals": ngettext_lazy(
        "%(count)s purchase waits for an approval", "%(count)s purchases wait for an approval", "count"
    ),
    "requests": ngettext_lazy(
        "%(count)s licence request waits for a decision", "%(count)s licence requests wait for a decision", "count"
    ),
    "leavers": ngettext_lazy(
        "%(count)s purchase of somebody who left waits for a decision",
        "%(count)s purchases of people who left wait for a decision",
        "count",
    ),
    "take_overs": ngettext_lazy(
        "%(count)s take-over is to be settled", "%(count)s take-overs are to be settled", "count"
    ),
    "failed": ngettext_lazy(
        "%(count)s renewal could not be charged", "%(count)s renewals could not be charged", "count"
    ),
    "new_products": ngettext_lazy(
        "%(count)s new product waits for a decision", "%(count)s new products wait for a decision", "count"
    ),
    # Of several organisations those are counted that have any.
    "undecided": ngettext_lazy(
        "%(count)s customer has new products to decide on",
        "%(count)s customers have new products to decide on",
        "count",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    `right`: who decides in one organisation. `page` is the list, there and for the operator, `query` its filter;
    `rows` are those of all organisations (none: an operator has no such list), or of the one that is asked about.
    `not_of`: the field that says whose a row is, where nobody decides on their own.
    """

    name: str
    right: Right
    page: str
    query: str = ""
    rows: Callable[[], QuerySet[Any]] | None = None
    not_of: str = ""

    def here(self, actor: Actor) -> QuerySet[Any]:
        """Of the tenant of an outer query."""
        if self.rows is None:
            return inbox.new_products_of_each()
        rows = self.rows().filter(tenant=OuterRef("pk"))
        return rows.exclude(**{self.not_of: actor.membership}) if self.not_of and actor.membership else rows


KINDS: tuple[Kind, ...] = (
    Kind(
        name="approvals",
        right=Right.APPROVE_PURCHASES,
        page="policies_approval_changelist",
        query="?state=waiting",
        rows=lambda: Approval.objects.waiting(),
        not_of="requester",
    ),
    Kind(
        name="requests",
        right=Right.DECIDE_REQUESTS,
        page="policies_licenserequest_changelist",
        query="?state=waiting",
        rows=lambda: LicenseRequest.objects.waiting(),
    ),
    Kind(
        name="leavers",
        right=Right.END_PURCHASES_OF_OTHERS,
        page="commerce_leavertask_changelist",
        query="?state=open",
        rows=lambda: LeaverTask.objects.open(),
    ),
    Kind(
        name="take_overs",
        right=Right.END_PURCHASES_OF_OTHERS,
        page="commerce_takeover_changelist",
        query="?state=open",
        rows=lambda: TakeOver.objects.open(),
    ),
    Kind(
        name="failed",
        right=Right.SEE_ALL_PURCHASES,
        page="commerce_purchase_changelist",
        query="?renewal=failed",
        rows=lambda: Renewal.objects.dunned(),
    ),
    Kind(name="new_products", right=Right.CHANGE_POLICY, page="policies_selfserviceproduct_new"),
)
# Over all customers, by the names of their lists.
AT_CUSTOMERS = {"approvals": "approvals", "requests": "requests", "leavers": "leavers", "new_products": "undecided"}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """
    `stopped`: who has stopped all self-service buying and when; none: nobody, or it is not the reader's to know.
    `beside`: what else was asked of the organisation.
    """

    lines: list[dict[str, Any]]
    stopped: dict[str, Any] | None = None
    beside: Sequence[Any] = ()


def waiting(actor: Actor, beside: Sequence[Expression | Subquery] = ()) -> Waiting:
    """In the organisation where somebody acts, or for an operator in all of them; one query, with what is `beside`."""
    if actor.is_operator:
        return Waiting(lines=_everywhere(actor))
    if actor.tenant is None:
        return Waiting(lines=[])
    kinds = [kind for kind in KINDS if actor.may(kind.right)]
    here = Tenant.objects.filter(pk=actor.tenant.pk)
    stop = [f"policy_settings__{name}" for name in ("self_service_enabled", "set_by__email", "set_at")]
    counts = [Counted(kind.here(actor)) for kind in kinds]
    enabled, set_by, set_at, *found = here.values_list(*stop, *counts, *beside).get()
    stopped = enabled is False and actor.may(Right.READ_POLICY)
    return Waiting(
        lines=_lines(kinds, found[: len(kinds)]),
        stopped=_stop(actor, set_by, set_at) if stopped else None,
        beside=found[len(kinds) :],
    )


def _everywhere(actor: Actor) -> list[dict[str, Any]]:
    kinds = [kind for kind in KINDS if kind.rows is not None]
    return _lines(kinds, _counts(actor, [kind.rows() for kind in kinds if kind.rows is not None]))


def _lines(kinds: Sequence[Kind], counts: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"text": _said(kind.name, count), "url": reverse(f"admin:{kind.page}") + kind.query}
        for kind, count in zip(kinds, counts, strict=True)
        if count
    ]


def at_customers(actor: Actor, acting: Sequence[Actor]) -> list[dict[str, Any]]:
    """Over all customers of a partner, as their lists show it to somebody; one query."""
    kinds = [kind for kind in CUSTOMERS_LISTS if issubclass(kind, OfWaiting) and kind.readable(acting)]
    lists = [(AT_CUSTOMERS[kind.name], reverse(kind.page()), kind.found(acting)) for kind in kinds]
    query = {"renewal": "failed"}
    failed, _wrong = customers.purchases(customers=acting, query=query, zone=UTC, at=actor.now())
    lists.append(("failed", reverse("admin:tenants_delegation_purchases") + "?renewal=failed", failed))
    counts = _counts(actor, [rows for _name, _url, rows in lists])
    return [
        {"text": _said(name, count), "url": url}
        for (name, url, _rows), count in zip(lists, counts, strict=True)
        if count
    ]


def _counts(actor: Actor, lists: Sequence[QuerySet[Any]]) -> Sequence[int]:
    """Of each list how many it has. The reader's own row is what stands beside them: there is always one."""
    if actor.user is None:
        return [0 for _list in lists]
    reader = User.objects.filter(pk=actor.user.pk)
    found: Sequence[int] = reader.values_list(*(Counted(rows) for rows in lists)).get()
    return found


def _said(name: str, count: int) -> str:
    said: str = SAID[name] % {"count": min(count, LAST_ROW)}
    return _("%(said)s, and more do") % {"said": said} if count > LAST_ROW else said


def _stop(actor: Actor, set_by: str | None, set_at: datetime) -> dict[str, Any]:
    may_resume = actor.may(Right.CHANGE_POLICY)
    return {
        "by": str(set_by or BY_COMMAND),
        "since": listed_minute(set_at),
        "url": reverse("admin:policies_selfserviceproduct_switch") if may_resume else "",
    }
