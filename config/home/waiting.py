"""What waits for the reader's decision, or for somebody to look after it; each with the list that shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import ngettext_lazy

from commerce.models import LeaverTask, Renewal, TakeOver
from policies.models import Approval, LicenseRequest
from policies.operations import inbox
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.directory.models import Tenant
from tenants.procurement import BY_COMMAND


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`said` takes the number; `page` is the list, `query` its filter. `rows`: of the tenant that is asked about."""

    right: Right
    said: Any
    page: str
    query: str = ""

    def rows(self, actor: Actor) -> QuerySet[Any]:
        raise NotImplementedError


class Approvals(Kind):
    def rows(self, actor: Actor) -> QuerySet[Any]:
        asked = Approval.objects.filter(tenant=OuterRef("pk")).waiting()
        return asked.exclude(requester=actor.membership) if actor.membership else asked


class Requests(Kind):
    def rows(self, actor: Actor) -> QuerySet[Any]:
        return LicenseRequest.objects.filter(tenant=OuterRef("pk")).waiting()


class Leavers(Kind):
    def rows(self, actor: Actor) -> QuerySet[Any]:
        return LeaverTask.objects.filter(tenant=OuterRef("pk")).open()


class TakeOvers(Kind):
    def rows(self, actor: Actor) -> QuerySet[Any]:
        return TakeOver.objects.filter(tenant=OuterRef("pk")).open()


class FailedCharges(Kind):
    def rows(self, actor: Actor) -> QuerySet[Any]:
        return Renewal.objects.filter(tenant=OuterRef("pk")).dunned()


class NewProducts(Kind):
    def rows(self, actor: Actor) -> QuerySet[Any]:
        return inbox.new_products_of_each()


KINDS: tuple[Kind, ...] = (
    Approvals(
        right=Right.APPROVE_PURCHASES,
        said=ngettext_lazy(
            "%(count)s purchase waits for an approval", "%(count)s purchases wait for an approval", "count"
        ),
        page="policies_approval_changelist",
    ),
    Requests(
        right=Right.DECIDE_REQUESTS,
        said=ngettext_lazy(
            "%(count)s licence request waits for a decision",
            "%(count)s licence requests wait for a decision",
            "count",
        ),
        page="policies_licenserequest_changelist",
        query="?state=waiting",
    ),
    Leavers(
        right=Right.END_PURCHASES_OF_OTHERS,
        said=ngettext_lazy(
            "%(count)s purchase of somebody who left waits for a decision",
            "%(count)s purchases of people who left wait for a decision",
            "count",
        ),
        page="commerce_leavertask_changelist",
        query="?state=open",
    ),
    TakeOvers(
        right=Right.END_PURCHASES_OF_OTHERS,
        said=ngettext_lazy("%(count)s take-over is to be settled", "%(count)s take-overs are to be settled", "count"),
        page="commerce_takeover_changelist",
        query="?state=open",
    ),
    FailedCharges(
        right=Right.SEE_ALL_PURCHASES,
        said=ngettext_lazy(
            "%(count)s renewal could not be charged", "%(count)s renewals could not be charged", "count"
        ),
        page="commerce_purchase_changelist",
        query="?renewal=failed",
    ),
    NewProducts(
        right=Right.CHANGE_POLICY,
        said=ngettext_lazy(
            "%(count)s new product waits for a decision", "%(count)s new products wait for a decision", "count"
        ),
        page="policies_selfserviceproduct_new",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """`stopped`: who has stopped all self-service buying and when; none: nobody, or it is not the reader's to know."""

    lines: list[dict[str, Any]]
    stopped: dict[str, Any] | None


def waiting(actor: Actor) -> Waiting:
    """In the organisation where somebody acts; one query."""
    if actor.tenant is None:
        return Waiting(lines=[], stopped=None)
    kinds = [kind for kind in KINDS if actor.may(kind.right)]
    here = Tenant.objects.filter(pk=actor.tenant.pk)
    stop = [f"policy_settings__{name}" for name in ("self_service_enabled", "set_by__email", "set_at")]
    enabled, set_by, set_at, *found = here.values_list(*stop, *(_counted(kind.rows(actor)) for kind in kinds)).get()
    lines = [
        {"text": kind.said % {"count": count}, "url": reverse(f"admin:{kind.page}") + kind.query}
        for kind, count in zip(kinds, found, strict=True)
        if count
    ]
    stopped = enabled is False and actor.may(Right.READ_POLICY)
    return Waiting(lines=lines, stopped=_stop(actor, set_by, set_at) if stopped else None)


def _stop(actor: Actor, set_by: str | None, set_at: datetime) -> dict[str, Any]:
    may_resume = actor.may(Right.CHANGE_POLICY)
    return {
        "by": str(set_by or BY_COMMAND),
        "since": listed_minute(set_at),
        "url": reverse("admin:policies_selfserviceproduct_switch") if may_resume else "",
    }


def _counted(rows: QuerySet[Any]) -> Subquery:
    # Without a group, so that none is a number, too.
    counted = rows.order_by().annotate(number=Func(F("pk"), function="COUNT")).values("number")
    return Subquery(counted, output_field=IntegerField())
