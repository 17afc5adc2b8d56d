"""The ledger, for the operator: each movement with its postings, and what they add up to."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy

from commerce.amounts import money
from commerce.models import Account, Movement, MovementKind
from tenants.dates import listed_minute
from tenants.directory.models import Tenant
from tenants.procurement import ProcurementAdmin, Section
from tenants.procurement_filters import Filter


class MovementKindFilter(Filter):
    title, parameter_name, field = gettext_lazy("kind"), "kind", "kind"
    choices_of = MovementKind


@admin.register(Movement)
class MovementAdmin(ProcurementAdmin):
    """Facts about money in double entry. Written with the fact, and never changed."""

    list_title = gettext_lazy("Ledger")
    list_intro = gettext_lazy(
        "Each fact about money in double entry: what comes into an account is positive, what goes out of it negative, "
        "and each movement sums to zero."
    )
    list_display = ["what", "when", "order_of", "posted"]
    list_filter = [MovementKindFilter]
    search_fields = ["tenant__slug"]
    search_help_text = gettext_lazy("Organisation's slug, or the id of an order, payment, refund or dispute")
    ordering = ["-at", "-pk"]
    sortable_by = ["when"]
    empty_text = gettext_lazy("What is billed, paid, given back and contested appears here.")
    list_before_template = "admin/_balances.html"
    detail_fields = ["what", "when", "order_of", "source", "posted"]

    def rows(self) -> QuerySet[Movement]:
        return Movement.objects.with_postings().select_related("order__subscription__plan__product")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # Exactly, by an index: nobody leafs through a ledger by parts of names.
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            key = UUID(term)
        except ValueError:
            tenant = Tenant.objects.filter(slug=term.replace("\0", "")).values_list("pk", flat=True).first()
            return (queryset.filter(tenant=tenant) if tenant else queryset.none()), False
        return queryset.filter(Q(source=key) | Q(order=key) | Q(payment=key)), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        # Adding up everything takes a second for each half a million movements: once, on the first page.
        is_first = request.GET.get("p", "1") == "1"
        if is_first and isinstance(response, TemplateResponse) and response.context_data:
            movements = response.context_data["cl"].queryset
            response.context_data["balances"] = [
                {"account": Account(row["account"]).label, "balance": row["balance"], "currency": row["currency"]}
                for row in movements.balances()
            ]
        return response

    @admin.display(description=gettext_lazy("what happened"), ordering="kind")
    def what(self, movement: Movement) -> str:
        return movement.get_kind_display()

    @admin.display(description=gettext_lazy("when"), ordering="at")
    def when(self, movement: Movement) -> str:
        return listed_minute(movement.at)

    @admin.display(description=gettext_lazy("purchase"))
    def order_of(self, movement: Movement) -> str:
        subscription = movement.order.subscription
        if subscription is None:
            return ""
        address = reverse("admin:commerce_purchase_change", args=[subscription.pk])
        return format_html('<a href="{}">{}</a>', address, subscription)

    @admin.display(description=gettext_lazy("postings"))
    def posted(self, movement: Movement) -> str:
        lines = [
            (posting.get_account_display(), money(posting.amount, movement.currency))
            for posting in movement.postings.all()
        ]
        return format_html_join("", '<span class="sw-posting"><span>{}</span> <span>{}</span></span>', lines)

    def page(self, request: HttpRequest, row: Movement, status: int = 200, **context: Any) -> Any:
        return super().page(request, row, status, title=row.get_kind_display(), **context)

    def sections(self, request: HttpRequest, row: Movement) -> list[Section]:
        names = ["organisation", *self.detail_fields]
        shown = [self.line(name, row) for name in names]
        return [Section(rows=[line for line in shown if line.value != ""])]
