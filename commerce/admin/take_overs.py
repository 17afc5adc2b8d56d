"""Purchases that the organisation takes over: those to be settled, with the two buttons, and those that were."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin import bulk_take_over
from commerce.admin.purchase_facts import said
from commerce.admin.take_over_shown import money_of, people_of
from commerce.models import TakeOver, TakeOverMode, TakeOverState
from commerce.operations.paying import charging
from commerce.operations.takeover import settling, showing, undoing
from commerce.views import wording
from licensing.models import Subscription
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.procurement import Row, Section, badge
from tenants.procurement_bulk import BulkActions
from tenants.procurement_filters import Filter
from tenants.refusal import Refused

_KINDS = {TakeOverState.OPEN: "amber", TakeOverState.SETTLED: "green"}


class StateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = TakeOverState


class ModeFilter(Filter):
    title, parameter_name, field = gettext_lazy("how"), "mode", "mode"
    choices_of = TakeOverMode


@admin.register(TakeOver)
class TakeOverAdmin(BulkActions):
    """Whoever may end others' purchases settles or undoes one, or several at once."""

    right = Right.SEE_ALL_PURCHASES
    bulk_actions = bulk_take_over.TAKE_OVERS
    list_title = gettext_lazy("Take-overs")
    list_intro = gettext_lazy(
        "What people bought and the organisation took over. Until one is settled it can be undone."
    )
    list_display = ["what", "who", "how", "in_state", "until", "since"]
    list_filter = [StateFilter, ModeFilter]
    search_fields = [
        "subscription__purchaser__name",
        "subscription__purchaser__user__email",
        "subscription__plan__product__name",
    ]
    search_help_text = gettext_lazy("Purchaser or product")
    ordering = ["-started_at", "-pk"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Take a purchase over on its page, or several that you tick in the list of purchases.")
    detail_template = "admin/take_over.html"

    def rows(self) -> QuerySet[TakeOver]:
        return TakeOver.objects.with_people()

    def named(self, row: TakeOver) -> str:
        return said(row.subscription)

    def get_urls(self) -> list[URLPattern]:
        guarded, name = self.admin_site.admin_view, "commerce_takeover"
        return [
            path("<path:object_id>/settle/", guarded(self.settle_view), name=f"{name}_settle"),
            path("<path:object_id>/undo/", guarded(self.undo_view), name=f"{name}_undo"),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("purchase"))
    def what(self, row: TakeOver) -> str:
        return str(row.subscription)

    @admin.display(description=gettext_lazy("purchaser"))
    def who(self, row: TakeOver) -> str:
        return str(row.subscription.purchaser)

    @admin.display(description=gettext_lazy("how"))
    def how(self, row: TakeOver) -> str:
        return row.get_mode_display()

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, row: TakeOver) -> str:
        return badge(row.get_state_display(), _KINDS.get(TakeOverState(row.state), ""))

    @admin.display(description=gettext_lazy("settled on"))
    def until(self, row: TakeOver) -> str:
        if row.state == TakeOverState.UNDONE:
            return ""
        return listed_day(row.settles_at if row.is_open else row.closed_at)

    @admin.display(description=gettext_lazy("taken over"))
    def since(self, row: TakeOver) -> str:
        return listed_minute(row.started_at)

    # --- One of them

    def page(self, request: HttpRequest, row: TakeOver, status: int = 200, **context: Any) -> Any:
        told = {"may": may_take_over(self.actor(request)) and row.is_open, "state": self.in_state(row)}
        return super().page(request, row, status, **{"title": str(row.subscription), **told, **context})

    def sections(self, request: HttpRequest, row: TakeOver) -> list[Section]:
        shown = showing.of_take_over(row)
        sections = [
            Section(title=_("What was taken over"), rows=self.facts(row)),
            Section(title=_("Money"), template="admin/_take_over_money.html", data=money_of(shown)),
            Section(title=_("People"), template="admin/_take_over_people.html", data=people_of(shown)),
        ]
        return [section for section in sections if section.rows or section.data]

    def facts(self, row: TakeOver) -> list[Row]:
        lines: list[tuple[str | Promise, Any]] = [
            (_("Purchase"), link_to(row.subscription)),
            (_("Purchaser"), f"{row.subscription.purchaser} ({row.subscription.purchaser.user.email})"),
            (_("How"), row.get_mode_display()),
            (_("Moved to"), link_to(row.target) if row.target else ""),
            (_("Paid by from then on"), row.agreement or row.payment_method or ""),
            (_("Taken over"), listed_minute(row.started_at)),
            (_("By"), row.started_by or ""),
            (_("Reason"), row.reason),
            (_("Settled by itself on"), listed_minute(row.settles_at) if row.is_open else ""),
            (row.get_state_display(), listed_minute(row.closed_at) if row.closed_at else ""),
        ]
        return [Row(label=label, value=value) for label, value in lines if value != ""]

    def settle_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.closed(request, object_id, settling.settle, _("Settled. What was not used goes back."))

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.closed(request, object_id, undoing.undo, _("Undone. It is as it was."))

    def closed(
        self, request: HttpRequest, object_id: str, operation: Callable[..., TakeOver], done: str
    ) -> HttpResponse:
        actor = self.actor(request)
        if not self.has_view_permission(request) or request.method != "POST" or not may_take_over(actor):
            raise PermissionDenied
        row = self.found(request, object_id)
        try:
            operation(take_over=row, by=actor, at=actor.now())
        except charging.CardDeclined as refused:
            messages.error(request, wording.decline(str(refused.extra.get("decline_code", ""))))
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, done)
        return redirect("admin:commerce_takeover_change", row.pk)


def may_take_over(by: Actor) -> bool:
    return by.tenant is not None and by.may(Right.END_PURCHASES_OF_OTHERS)


def link_to(row: Subscription) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:commerce_purchase_change", args=[row.pk]), row)
