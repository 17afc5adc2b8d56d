"""What waits for a decision at all customers of a partner, what is due first first."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy

from commerce.admin.approvals import ApprovalAdmin
from commerce.admin.customers_list import CUSTOMER, CustomersList
from commerce.admin.leavers import LeaverTaskAdmin
from commerce.models import LeaverTask
from commerce.operations.procurement import customers
from policies.admin import LicenseRequestAdmin
from policies.models import Approval, LicenseRequest
from policies.operations import inbox
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.directory.models import Tenant
from tenants.refusal import BadInput


class OfWaiting(CustomersList):
    """Narrowed to one customer or to none."""

    @classmethod
    @abstractmethod
    def found(cls, acting: Sequence[Actor]) -> QuerySet[Any]:
        """All that these customers show, what is due first first."""

    def look(self) -> tuple[QuerySet[Any], list[BadInput]]:
        try:
            return self.found(customers.called(self.acting, self.query.get(CUSTOMER, ""))), []
        except BadInput as bad:
            return self.found([]), [bad]


class CustomersApprovals(OfWaiting):
    """The soonest to lapse first."""

    name = "approvals"
    model = Approval
    right = ApprovalAdmin.right
    title = gettext_lazy("Approvals of your customers")
    short = gettext_lazy("Approvals")
    lead = gettext_lazy("Purchases that wait for somebody who may approve them, the soonest to lapse first.")
    empty_title = gettext_lazy("Nothing waits for an approval")
    empty_text = gettext_lazy("What people of your customers ask to have approved appears here at once.")
    columns = ("what", "who", "cost", "asked", "until")
    figures = frozenset({"cost", "asked", "until"})

    @classmethod
    def found(cls, acting: Sequence[Actor]) -> QuerySet[Any]:
        return Approval.objects.filter(tenant__in=_ids(cls, acting)).waiting().order_by("lapses_at", "pk")

    def whole(self, ids: Sequence[Any]) -> QuerySet[Any]:
        return Approval.objects.filter(pk__in=ids).with_people()


class CustomersRequests(OfWaiting):
    """Who waits longest first: their requests run out first, too."""

    name = "requests"
    model = LicenseRequest
    right = LicenseRequestAdmin.right
    title = gettext_lazy("Licence requests of your customers")
    short = gettext_lazy("Licence requests")
    lead = gettext_lazy("What people who may not buy something themselves asked for, the longest waiting first.")
    empty_title = gettext_lazy("Nobody waits for a licence")
    empty_text = gettext_lazy("What people of your customers ask for appears here at once.")
    columns = ("what", "who", "how_many", "asked")
    figures = frozenset({"how_many", "asked"})

    @classmethod
    def found(cls, acting: Sequence[Actor]) -> QuerySet[Any]:
        return LicenseRequest.objects.filter(tenant__in=_ids(cls, acting)).waiting().order_by("created_at", "pk")

    def whole(self, ids: Sequence[Any]) -> QuerySet[Any]:
        return LicenseRequest.objects.filter(pk__in=ids).with_people()


class CustomersLeavers(OfWaiting):
    """The next to be charged first, then those that no charge waits for."""

    name = "leavers"
    model = LeaverTask
    right = LeaverTaskAdmin.right
    title = gettext_lazy("Purchases of your customers’ leavers")
    short = gettext_lazy("Purchases of leavers")
    lead = gettext_lazy("Purchases of people who left, to be decided before the next charge, the soonest first.")
    empty_title = gettext_lazy("Nothing waits")
    empty_text = gettext_lazy("Nobody who left a customer owns a subscription that is still to be decided.")
    columns = ("what", "who", "in_use", "next_on", "since")
    figures = frozenset({"in_use", "next_on", "since"})

    @classmethod
    def found(cls, acting: Sequence[Actor]) -> QuerySet[Any]:
        return LeaverTask.objects.filter(tenant__in=_ids(cls, acting)).open().next_charged_first()

    def whole(self, ids: Sequence[Any]) -> QuerySet[Any]:
        return LeaverTask.objects.filter(pk__in=ids).with_people()


class CustomersNewProducts(OfWaiting):
    """A row for each customer that has any, the one whose oldest waits longest first."""

    name = "new_products"
    model = Tenant
    # Those who may decide are those who find the page where it is done.
    right = Right.CHANGE_POLICY
    title = gettext_lazy("New products of your customers")
    short = gettext_lazy("New products")
    lead = gettext_lazy("Customers that have not said yet who may buy products that came after them.")
    empty_title = gettext_lazy("Everything is decided")
    empty_text = gettext_lazy("A customer appears here when a product comes that it has no value for.")
    columns = ("which", "since")
    figures = frozenset({"since"})

    @classmethod
    def found(cls, acting: Sequence[Actor]) -> QuerySet[Any]:
        new = inbox.new_products_of_each()
        oldest = Subquery(new.order_by("created_at").values("created_at")[:1])
        return Tenant.objects.filter(Exists(new), pk__in=_ids(cls, acting)).order_by(oldest, "pk")

    def whole(self, ids: Sequence[Any]) -> QuerySet[Any]:
        new = inbox.new_products_of_each().order_by("created_at", "pk")
        return Tenant.objects.filter(pk__in=ids).annotate(
            new_products=ArraySubquery(new.values("name")), waits_since=Subquery(new.values("created_at")[:1])
        )

    def customer_of(self, row: Any) -> Any:
        return row.pk

    def url(self, row: Any) -> str:
        return reverse("admin:policies_selfserviceproduct_new")

    @admin.display(description=gettext_lazy("new products"))
    def which(self, row: Any) -> str:
        return ", ".join(row.new_products)

    @admin.display(description=gettext_lazy("since"))
    def since(self, row: Any) -> str:
        return listed_day(row.waits_since)


def _ids(kind: type[CustomersList], acting: Sequence[Actor]) -> list[Any]:
    return [there.organisation.pk for there in kind.readable(acting)]
