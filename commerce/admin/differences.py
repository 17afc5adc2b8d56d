"""What stands otherwise at the payment provider than here, for the operator, with the one repair for each."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.amounts import money
from commerce.models import (
    Difference,
    DifferenceKind,
    DisputeState,
    PaymentState,
    RefundState,
    Resolution,
)
from commerce.operations.accounts import repairs
from commerce.operations.accounts.repairs import REPAIRS
from tenants.dates import listed_minute
from tenants.procurement import READS, ProcurementAdmin, Section, badge
from tenants.procurement_filters import Filter
from tenants.refusal import Refused

# How each side's codes read. Those of the provider are words of the protocol.
_WORDS: dict[str, str | Promise] = {
    **dict(PaymentState.choices),
    **dict(RefundState.choices),
    **dict(DisputeState.choices),
    PaymentState.SURPLUS: gettext_lazy("Not needed"),
    RefundState.SUCCEEDED: gettext_lazy("Succeeded"),
    "captured": gettext_lazy("Captured"),
    "declined": gettext_lazy("Declined"),
}


class KindFilter(Filter):
    title, parameter_name, field = gettext_lazy("kind"), "kind", "kind"
    choices_of = DifferenceKind


class OpenFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "resolution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open")), *Resolution.choices]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(resolved_at=None) if value == "open" else super().narrowed(queryset, value)


@admin.register(Difference)
class DifferenceAdmin(ProcurementAdmin):
    """Found by comparing books; each button is the one operation that mends it."""

    list_title = gettext_lazy("Differences")
    list_intro = gettext_lazy(
        "What the payment provider's books say otherwise than ours. They are compared every hour, and by the command "
        "reconcile_payments."
    )
    list_display = ["what", "gateway", "reference", "side_here", "side_there", "since", "mended"]
    list_filter = [OpenFilter, KindFilter]
    search_fields = ["reference"]
    search_help_text = gettext_lazy("Provider's id")
    ordering = [F("resolved_at").desc(nulls_first=True), "-found_at", "-pk"]
    sortable_by = ["since"]
    empty_title = gettext_lazy("No differences")
    empty_text = gettext_lazy("The provider's books and ours say the same.")
    detail_template = "admin/difference.html"
    detail_fields = [
        "what",
        "gateway",
        "reference",
        "side_here",
        "side_there",
        "purchase",
        "since",
        "last_seen",
        "said",
        "how",
        "resolved",
        "resolver",
    ]

    def rows(self) -> QuerySet[Difference]:
        return Difference.objects.select_related("payment__order__subscription__plan__product", "resolved_by")

    @admin.display(description=gettext_lazy("kind"))
    def what(self, difference: Difference) -> str:
        return difference.get_kind_display()

    @admin.display(description=gettext_lazy("here"))
    def side_here(self, difference: Difference) -> str:
        return _side(difference.here, difference.here_amount, difference.currency)

    @admin.display(description=gettext_lazy("at the provider"))
    def side_there(self, difference: Difference) -> str:
        return _side(difference.there, difference.there_amount, difference.currency)

    @admin.display(description=gettext_lazy("purchase"))
    def purchase(self, difference: Difference) -> str:
        subscription = difference.payment.order.subscription if difference.payment else None
        if subscription is None:
            return ""
        address = reverse("admin:commerce_purchase_change", args=[subscription.pk])
        return format_html('<a href="{}">{}</a>', address, subscription)

    @admin.display(description=gettext_lazy("since"), ordering="found_at")
    def since(self, difference: Difference) -> str:
        return listed_minute(difference.found_at)

    @admin.display(description=gettext_lazy("last seen"))
    def last_seen(self, difference: Difference) -> str:
        return listed_minute(difference.seen_at)

    @admin.display(description=gettext_lazy("note"))
    def said(self, difference: Difference) -> str:
        # Kept as it is written in the code, said in the reader's language.
        return _(difference.note) if difference.note else ""

    @admin.display(description=gettext_lazy("repair"))
    def mended(self, difference: Difference) -> str:
        if difference.resolved_at is not None:
            return self.how(difference)
        address = reverse("admin:commerce_difference_change", args=[difference.pk])
        return format_html('<a class="sw-button" href="{}">{}</a>', address, _repair(difference).name)

    @admin.display(description=gettext_lazy("how"))
    def how(self, difference: Difference) -> str:
        if difference.resolved_at is None:
            return badge(_("Open"), "amber")
        is_repaired = difference.resolution == Resolution.REPAIRED
        return badge(difference.get_resolution_display(), "green" if is_repaired else "")

    @admin.display(description=gettext_lazy("resolved"))
    def resolved(self, difference: Difference) -> str:
        return listed_minute(difference.resolved_at)

    @admin.display(description=gettext_lazy("by"))
    def resolver(self, difference: Difference) -> str:
        return str(difference.resolved_by or "")

    def sections(self, request: HttpRequest, row: Difference) -> list[Section]:
        names = [*self.detail_fields[:1], "organisation", *self.detail_fields[1:]]
        shown = [self.line(name, row) for name in names]
        return [Section(rows=[line for line in shown if line.value != ""])]

    def page(self, request: HttpRequest, row: Difference, status: int = 200, **context: Any) -> Any:
        repair = _repair(row) if row.resolved_at is None else None
        return super().page(request, row, status, title=row.get_kind_display(), repair=repair, **context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method in READS:
            return super().change_view(request, object_id)
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        difference = self.found(request, object_id)
        try:
            difference = repairs.repair(difference=difference, by=self.actor(request), at=self.actor(request).now())
        except Refused as refused:
            messages.error(request, str(refused))
            return self.page(request, self.found(request, object_id), refused.http_status)
        if difference.resolved_at is None:
            messages.warning(request, self.said(difference))
            return redirect("admin:commerce_difference_change", object_id)
        messages.success(request, _("%(what)s: repaired.") % {"what": self.what(difference)})
        return redirect("admin:commerce_difference_changelist")


def _repair(difference: Difference) -> repairs.Repair:
    return REPAIRS[DifferenceKind(difference.kind)]


def _side(state: str, amount: Decimal | None, currency: str) -> str:
    """A state as a word, and the money below it; nothing where it is not there at all."""
    word = _WORDS.get(state, state) if state else _("Not there")
    if amount is None or not currency:
        return str(word)
    return format_html('{}<span class="beside">{}</span>', word, money(amount, currency))
