"""Guided centralisation: a page for each step, with one thing to do; whoever comes back goes on where it stands."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.centralisation_forms import AskPurchasersForm, CentraliseForm, ChoosePeopleForm
from commerce.admin.centralisation_shown import STEPS, asked_of, buys_centrally, cost_shown, people_of
from commerce.models import Centralisation
from commerce.models import CentralisationStep as Step
from commerce.models.centralisation import BEFORE_SEATS
from commerce.operations.centralising import costs, purchasers, steps
from licensing.models import Subscription
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.procurement import READS, ProcurementAdmin, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import blame
from tenants.refusal import NotAllowed, Refused

ASKS = (*READS, "POST")
_KINDS = {Step.DONE: "green", Step.DROPPED: "", Step.WAITING: "amber"}
# Which page a step is done on.
PAGE_OF = {
    Step.PEOPLE: "people",
    Step.COST: "cost",
    Step.SEATS: "seats",
    Step.ASKING: "purchasers",
    Step.WAITING: "purchasers",
    Step.DONE: "purchasers",
    Step.DROPPED: "people",
}


class StepFilter(Filter):
    title, parameter_name, field = gettext_lazy("step"), "step", "step"
    choices_of = Step


@admin.register(Centralisation)
class CentralisationAdmin(ProcurementAdmin):
    """Those that were begun, and the pages that lead through each."""

    right = Right.SEE_PURCHASES
    list_title = gettext_lazy("Centralise")
    list_intro = gettext_lazy("Give central seats to people on self-service seats, then ask purchasers to cancel.")
    list_before_template = "admin/_centralisations.html"
    list_display = ["what", "in_step", "who", "since"]
    list_filter = [StepFilter]
    ordering = ["-started_at"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Nothing was begun yet.")

    def rows(self) -> QuerySet[Centralisation]:
        return Centralisation.objects.with_people()

    def get_urls(self) -> list[URLPattern]:
        guarded, name = self.admin_site.admin_view, "commerce_centralisation"
        views: dict[str, Callable[..., HttpResponse]] = {
            "people": self.people_view,
            "cost": self.cost_view,
            "seats": self.seats_view,
            "purchasers": self.purchasers_view,
            "let-be": self.let_be_view,
            "drop": self.drop_view,
        }
        return [
            path("new/", guarded(self.new_view), name=f"{name}_new"),
            *(
                path(f"<uuid:object_id>/{page}/", guarded(view), name=f"{name}_{page.replace('-', '_')}")
                for page, view in views.items()
            ),
            *super().get_urls(),
        ]

    # --- The list

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = self.has_view_permission(request) and _may_go_on(self.actor(request))
        return super().changelist_view(request, {"may_change": may, **(extra_context or {})})

    @admin.display(description=gettext_lazy("product"))
    def what(self, row: Centralisation) -> str:
        return row.product.name

    @admin.display(description=gettext_lazy("step"))
    def in_step(self, row: Centralisation) -> str:
        return badge(row.get_step_display(), _KINDS.get(Step(row.step), ""))

    @admin.display(description=gettext_lazy("begun by"))
    def who(self, row: Centralisation) -> str:
        return str(row.started_by or "")

    @admin.display(description=gettext_lazy("begun"))
    def since(self, row: Centralisation) -> str:
        return listed_minute(row.started_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where it stands."""
        if not self.has_view_permission(request) or request.method not in READS:
            raise PermissionDenied
        row = self.found(request, object_id)
        pages: dict[str, Callable[..., HttpResponse]] = {
            "people": self.people_view,
            "cost": self.cost_view,
            "seats": self.seats_view,
            "purchasers": self.purchasers_view,
        }
        return pages[PAGE_OF[Step(row.step)]](request, row.pk)

    # --- The steps

    def new_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.going_on(request)
        tenant = actor.tenant
        if tenant is None:  # an operator: refused above
            raise PermissionDenied
        form = CentraliseForm(tenant, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                begun = steps.start(tenant=tenant, product=form.cleaned_data["product"], by=actor, at=actor.now())
            except Refused as refused:
                blame(form, refused)
            else:
                return self.on(begun)
        return self.step_page(request, None, "new", {"form": form}, 400 if form.errors else 200)

    def people_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        row, actor = self.reached(request, object_id)
        may = _may_go_on(actor) and row.step in BEFORE_SEATS
        form = ChoosePeopleForm(row, request.POST if request.method == "POST" else None) if may else None
        if request.method == "POST":
            if form is None:
                return self.refused(request, row, steps.WrongStep())
            if form.is_valid():
                try:
                    steps.choose(centralisation=row, members=form.chosen, by=actor, at=actor.now())
                except steps.WrongStep as refused:
                    return self.refused(request, row, refused)
                except Refused as refused:
                    blame(form, refused)
                else:
                    return redirect("admin:commerce_centralisation_cost", row.pk)
        bad = form is not None and form.errors
        return self.step_page(request, row, "people", {"form": form, "people": people_of(row)}, 400 if bad else 200)

    def cost_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        row, actor = self.reached(request, object_id)
        if row.step == Step.PEOPLE:
            return self.on(row)
        if request.method == "POST":
            return self.done(request, row, lambda: steps.accept_cost(centralisation=row, by=actor, at=actor.now()))
        shown = cost_shown(row, actor)
        may = _may_go_on(actor) and row.step in (Step.COST, Step.SEATS)
        return self.step_page(request, row, "cost", {**shown, "may_go_on": may})

    def seats_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        row, actor = self.reached(request, object_id)
        if row.step in (Step.PEOPLE, Step.COST):
            return self.on(row)
        if request.method == "POST":
            return self.done(request, row, lambda: steps.assign(centralisation=row, by=actor, at=actor.now()))
        shown = {
            "people": people_of(row),
            "may_assign": actor.may(Right.ASSIGN_CENTRAL_SEATS),
            "may_buy": buys_centrally(actor),
        }
        if row.step == Step.SEATS:
            shown |= cost_shown(row, actor)
        return self.step_page(request, row, "seats", shown)

    def purchasers_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        row, actor = self.reached(request, object_id)
        if row.step in BEFORE_SEATS:
            return self.on(row)
        may = actor.may(Right.END_PURCHASES_OF_OTHERS) and not row.is_over
        paid = costs.to_ask(row) if may else []
        form = AskPurchasersForm(row, paid, request.POST if request.method == "POST" else None) if may else None
        if request.method == "POST":
            if form is None:
                raise PermissionDenied
            if form.is_valid():
                return self.done(
                    request,
                    row,
                    lambda: purchasers.ask(
                        centralisation=row,
                        subscriptions=form.chosen,
                        message=form.cleaned_data["message"],
                        by=actor,
                        at=actor.now(),
                    ),
                )
        shown = {"form": form, "asked": asked_of(row), "may_end": may, "people": people_of(row)}
        return self.step_page(request, row, "purchasers", shown, 400 if form is not None and form.errors else 200)

    def let_be_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """A purchaser keeps what they were asked to cancel."""
        row, actor = self.reached(request, object_id, "POST")
        try:
            key = UUID(request.POST.get("subscription", ""))
        except ValueError:
            return self.on(row)
        kept = Subscription.objects.of(row.tenant).filter(pk=key).first()
        if kept is None:
            return self.on(row)
        return self.done(
            request, row, lambda: purchasers.let_be(centralisation=row, subscription=kept, by=actor, at=actor.now())
        )

    def drop_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What was begun is not finished."""
        row, actor = self.reached(request, object_id, "POST")
        return self.done(request, row, lambda: steps.drop(centralisation=row, by=actor, at=actor.now()))

    # --- What they share

    def going_on(self, request: HttpRequest) -> Actor:
        """:raises PermissionDenied: an operator, or somebody who neither gives seats nor ends purchases"""
        actor = self.actor(request)
        if not self.has_view_permission(request) or request.method not in ASKS or not _may_go_on(actor):
            raise PermissionDenied
        return actor

    def reached(self, request: HttpRequest, object_id: UUID, *methods: str) -> tuple[Centralisation, Actor]:
        """:raises PermissionDenied: somebody who does not see it, or whose roles do not go on with it"""
        if not self.has_view_permission(request) or request.method not in (methods or ASKS):
            raise PermissionDenied
        actor = self.actor(request)
        if request.method == "POST" and not _may_go_on(actor):
            raise PermissionDenied
        return self.found(request, str(object_id)), actor

    def done(self, request: HttpRequest, row: Centralisation, step: Callable[[], Centralisation]) -> HttpResponse:
        try:
            row = step()
        except NotAllowed as refused:
            raise PermissionDenied(str(refused)) from None
        except Refused as refused:
            return self.refused(request, row, refused)
        if row.step == Step.DONE:
            messages.success(request, _("Done: nobody pays for it themselves any more who was to be centralised."))
        return self.on(row)

    def refused(self, request: HttpRequest, row: Centralisation, refused: Refused) -> HttpResponse:
        messages.error(request, str(refused))
        return self.on(Centralisation.objects.get(pk=row.pk))

    def on(self, row: Centralisation) -> HttpResponse:
        return redirect(f"admin:commerce_centralisation_{PAGE_OF[Step(row.step)]}", row.pk)

    def step_page(
        self, request: HttpRequest, row: Centralisation | None, page: str, shown: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        request.current_app = self.admin_site.name
        product = row.product.name if row else ""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "row": row,
            "title": _("Centralise %(product)s") % {"product": product} if row else _("Centralise a product"),
            "parent_title": self.list_title,
            "parent_url": reverse("admin:commerce_centralisation_changelist"),
            "page": page,
            "steps": STEPS,
            "may_drop": row is not None and not row.is_over and _may_go_on(self.actor(request)),
            **shown,
        }
        return TemplateResponse(request, f"admin/centralise_{page}.html", context, status=status)


def under_way_of(purchase: Subscription, by: Actor) -> dict[str, Any] | None:
    """That a product is being centralised, for whoever bought seats for that and goes on."""
    if by.tenant is None or not _may_go_on(by):
        return None
    row = Centralisation.objects.of(purchase.tenant).under_way().filter(product=purchase.plan.product_id).first()
    return {"row": row, "begun": listed_day(row.started_at)} if row else None


def _may_go_on(by: Actor) -> bool:
    if by.tenant is None:
        return False
    try:
        steps.require_may_see(by.tenant, by)
    except NotAllowed:
        return False
    return True
