"""Contested charges, for procurement to read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.amounts import money
from commerce.models import Dispute, DisputeState
from tenants.access import Right
from tenants.dates import listed_day
from tenants.procurement import ProcurementAdmin, badge
from tenants.procurement_filters import Filter

_KINDS = {DisputeState.OPEN: "amber", DisputeState.WON: "green", DisputeState.LOST: "red"}


class DisputeStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = DisputeState


@admin.register(Dispute)
class DisputeAdmin(ProcurementAdmin):
    """What cardholders contested at their banks, and how that ended."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Disputes")
    list_intro = gettext_lazy(
        "A charge that its cardholder contests at the bank ends the subscription at once. Access comes back if the "
        "bank finds the charge right."
    )
    list_display = ["opened", "what", "contested", "in_state", "closed"]
    list_filter = [DisputeStateFilter]
    ordering = ["-opened_at", "-pk"]
    sortable_by = ["opened"]
    empty_title = gettext_lazy("No disputes")
    empty_text = gettext_lazy("Nobody has contested a charge.")
    detail_fields = ["what", "contested", "in_state", "opened", "closed", "gateway_ref"]

    def rows(self) -> QuerySet[Dispute]:
        return Dispute.objects.select_related("payment__order__subscription__plan__product")

    def page(self, request: HttpRequest, row: Dispute, status: int = 200, **context: Any) -> Any:
        title = _("Dispute of %(amount)s") % {"amount": self.contested(row)}
        return super().page(request, row, status, **{"title": title, **context})

    @admin.display(description=gettext_lazy("opened"), ordering="opened_at")
    def opened(self, dispute: Dispute) -> str:
        return listed_day(dispute.opened_at)

    @admin.display(description=gettext_lazy("closed"))
    def closed(self, dispute: Dispute) -> str:
        return listed_day(dispute.closed_at)

    @admin.display(description=gettext_lazy("purchase"))
    def what(self, dispute: Dispute) -> str:
        subscription = dispute.payment.order.subscription
        if subscription is None:
            return ""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:commerce_purchase_change", args=[subscription.pk]), subscription
        )

    @admin.display(description=gettext_lazy("amount"))
    def contested(self, dispute: Dispute) -> str:
        return money(dispute.amount, dispute.payment.currency)

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, dispute: Dispute) -> str:
        return badge(dispute.get_state_display(), _KINDS[DisputeState(dispute.state)])
