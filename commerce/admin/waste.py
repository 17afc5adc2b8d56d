"""Seats that are paid for and bring nobody anything: which, what they cost, and what to do about each."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.waste_actions import ACTIONS, named
from commerce.amounts import money
from commerce.operations.procurement import wasted
from licensing.models import Waste, WastedSeat
from licensing.models.waste import WastedSeatQuerySet
from licensing.operations import waste
from licensing.operations.waste import DAYS, USUAL_DAYS, Remedy
from tenants.access import Right
from tenants.bulk_actions import BulkAction
from tenants.dates import listed_day
from tenants.procurement import badge
from tenants.procurement_bulk import BulkActions
from tenants.procurement_filters import Filter
from tenants.signin.acting import actor_of_request

# What a button in a row sends: what to do, and with which seat.
ONE = "one"
LABELS = {
    Remedy.RELEASE: gettext_lazy("Release seat"),
    Remedy.ASK: gettext_lazy("Ask to cancel"),
    Remedy.GIVE: gettext_lazy("Give central seat"),
    Remedy.TAKE_OVER: gettext_lazy("Take over"),
}
WHY = {
    Waste.TWICE: gettext_lazy(
        "These people hold two seats of one product. The one to keep is not listed: the organisation's own, unless it "
        "ends."
    ),
    Waste.BESIDE_CENTRAL: gettext_lazy(
        "People bought these seats while central ones lie idle. The sum counts no more of them than lie idle."
    ),
    Waste.LEAVER: gettext_lazy("Whoever holds these seats cannot sign in any more."),
    Waste.UNUSED: gettext_lazy(
        "Nobody has reported a use of these seats for so long. Only products whose use is reported are looked at."
    ),
}


class KindFilter(Filter):
    """Which kind of waste; every list is of one."""

    title, parameter_name, choices_of = gettext_lazy("kind"), "waste", Waste

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset


class DaysFilter(Filter):
    """Since when a seat is unused."""

    title, parameter_name = gettext_lazy("not used for"), "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(days), _("%(days)s days") % {"days": days}) for days in DAYS]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset


@admin.register(WastedSeat)
class WasteAdmin(BulkActions):
    """One kind of waste at a time, for the people of the organisation alone; without money for who is not told it."""

    right = Right.SEE_WASTE
    bulk_actions: ClassVar[Sequence[BulkAction]] = tuple(ACTIONS.values())
    list_title = gettext_lazy("Waste")
    list_before_template = "admin/_waste.html"
    change_list_template = "admin/waste.html"
    list_display = ["person", "purchase", "bought_by", "assigned", "last_used", "costs", "remedy"]
    list_filter = [KindFilter, DaysFilter]
    search_fields = ["member__name", "member__user__email"]
    search_help_text = gettext_lazy("Name or e-mail")
    sortable_by: ClassVar[Sequence[str]] = ()
    # As the index of a tenant's seats has them: a page is read without a look at the others.
    ordering = ["pk"]
    empty_title = gettext_lazy("No waste of this kind")
    empty_text = gettext_lazy(
        "Each kind has a list of its own, see above. Nobody is listed who is on leave or joined less than 30 days ago."
    )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        actor = actor_of_request(request)
        return actor is not None and actor.tenant is not None and actor.may(Right.SEE_WASTE)

    def get_urls(self) -> list[URLPattern]:
        """A seat has no page of its own."""
        return [each for each in super().get_urls() if each.name != "licensing_wastedseat_change"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        actor, kind, days = self.actor(request), kind_of(request), days_of(request)
        if actor.tenant is None or kind is None or days is None:
            return WastedSeat.objects.none()
        found = waste.found(actor.tenant, kind, days=days, at=actor.now())
        return found.with_use() if kind == Waste.UNUSED else found

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        found.has_active_filters = False  # every list is of one kind: where it is empty, nothing was filtered away
        return found

    def get_list_display(self, request: HttpRequest) -> list[str]:
        actor, kind = self.actor(request), kind_of(request)
        hidden = set() if actor.may(Right.SEE_ALL_PURCHASES) else {"costs"}
        hidden |= {"last_used"} if kind != Waste.UNUSED else {"assigned"}
        return [column for column in super().get_list_display(request) if column not in hidden]

    def get_list_display_links(self, request: HttpRequest, list_display: Sequence[str]) -> Any:
        return None

    def offered(self, request: HttpRequest) -> list[BulkAction]:
        """What helps against this kind."""
        gives = kind_of(request) == Waste.BESIDE_CENTRAL
        helping = [ACTIONS[Remedy.GIVE]] if gives else [ACTIONS[Remedy.RELEASE], ACTIONS[Remedy.ASK]]
        return [action for action in super().offered(request) if action in helping]

    def named(self, row: WastedSeat) -> str:
        return named(row)

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        deed, _space, seat = request.POST.get(ONE, "").partition(" ")
        if seat:
            sent = request.POST.copy()
            sent["deed"], sent["which"] = deed, "ticked"
            sent.setlist("row", [seat])
            request.POST = sent  # type: ignore[assignment]  # read once, as what was sent
        return super().bulk_view(request)

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        kind, by = kind_of(request), self.actor(request)
        deeds = {action.deed for action in self.offered(request)}
        asked = wasted.asked({row.subscription_id for row in rows})
        prices = wasted.prices({row.subscription_id for row in rows}, by=by)
        for row in rows:
            row.price = prices.get(row.subscription_id)
            row.helps = waste.remedy(row, kind) if kind else None
            action = ACTIONS.get(row.helps) if row.helps else None
            row.asked = row.subscription_id in asked
            row.deed = action.deed if action and action.deed in deeds else ""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        kind, days = kind_of(request), days_of(request)
        address = reverse("admin:licensing_wastedseat_changelist")
        kept = {"days": days} if days not in (None, USUAL_DAYS) else {}
        context = {
            "kinds": [
                {
                    "label": each.label,
                    "url": f"{address}?{urlencode({'waste': each.value, **kept})}",
                    "here": each == kind,
                }
                for each in Waste
            ],
            "kind": kind.value if kind else "",
            "why": WHY[kind] if kind else "",
            "days": [(str(each), each == days) for each in DAYS] if kind == Waste.UNUSED else [],
            "total": self._total(request, kind),
            "leavers": kind == Waste.LEAVER and self.actor(request).may(Right.SEE_ALL_PURCHASES),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def _total(self, request: HttpRequest, kind: Waste | None) -> dict[str, Any] | None:
        """Of the whole kind, whatever is searched for."""
        actor = self.actor(request)
        if kind is None or actor.tenant is None:
            return None
        total = wasted.summed(
            cast(WastedSeatQuerySet, self.get_queryset(request)), kind, tenant=actor.tenant, by=actor, at=actor.now()
        )
        costs = [money(amount, currency) for currency, amount in total.costs.items()]
        return {"seats": total.seats, "or_more": total.or_more, "costs": costs}

    @admin.display(description=gettext_lazy("person"))
    def person(self, row: Any) -> str:
        beside = row.member.user.email if row.member.name else ""
        return format_html('{}<span class="beside">{}</span>', str(row.member), beside)

    @admin.display(description=gettext_lazy("seat of"))
    def purchase(self, row: Any) -> str:
        link = reverse("admin:commerce_purchase_change", args=[row.subscription_id])
        channel = row.subscription.get_channel_display()
        return format_html(
            '<a href="{}">{}</a><span class="beside">{}</span>', link, str(row.subscription.plan), channel
        )

    @admin.display(description=gettext_lazy("managed by"))
    def bought_by(self, row: Any) -> str:
        return str(row.subscription.owner or _("The organisation"))

    @admin.display(description=gettext_lazy("since"))
    def assigned(self, row: Any) -> str:
        return listed_day(row.assigned_at)

    @admin.display(description=gettext_lazy("last used"))
    def last_used(self, row: Any) -> str:
        return listed_day(row.last_used_at) if row.last_used_at else _("Never reported")

    @admin.display(description=gettext_lazy("a month"))
    def costs(self, row: Any) -> str:
        return money(row.price.amount, row.price.currency) if row.price else ""

    @admin.display(description=gettext_lazy("what helps"))
    def remedy(self, row: Any) -> str:
        label = LABELS[row.helps] if row.helps else ""
        if row.helps == Remedy.ASK and row.asked:
            return badge(_("Asked to cancel"), "amber")
        if row.helps == Remedy.TAKE_OVER:
            link = reverse("admin:commerce_purchase_change", args=[row.subscription_id])
            return format_html('<a href="{}">{}</a>', link, label)
        if not row.deed:
            return str(label)
        button = '<button class="sw-button" type="submit" form="bulk" name="{}" value="{} {}">{}</button>'
        return format_html(button, ONE, row.deed, row.pk, label)


def kind_of(request: HttpRequest) -> Waste | None:
    """None: what is asked for is none of them."""
    asked = request.GET.get("waste") or Waste.TWICE
    return Waste(asked) if asked in Waste.values else None


def days_of(request: HttpRequest) -> int | None:
    asked = request.GET.get("days") or str(USUAL_DAYS)
    return next((days for days in DAYS if str(days) == asked), None)
