"""What people asked to have approved, and the decision."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce import amounts
from commerce.models import Checkout
from commerce.views.approving import DecideForm, decided
from policies.models import Approval, ApprovalState
from policies.operations import approval_grounds
from tenants import clock
from tenants.access import Actor, Right
from tenants.dates import listed_day, listed_minute
from tenants.procurement import READS, ProcurementAdmin, Row, Section, badge
from tenants.procurement_filters import Filter

_KINDS = {ApprovalState.WAITING: "amber", ApprovalState.APPROVED: "green", ApprovalState.DECLINED: "red"}


class ApprovalStateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = ApprovalState


@admin.register(Approval)
class ApprovalAdmin(ProcurementAdmin):
    """Purchases that wait for somebody who may approve them, and what was decided."""

    right = Right.SEE_ALL_PURCHASES
    list_title = gettext_lazy("Approvals")
    list_intro = gettext_lazy("Nothing is charged before somebody approves it. Nobody approves what they asked for.")
    list_display = ["what", "who", "cost", "in_state", "asked", "until"]
    list_filter = [ApprovalStateFilter]
    search_fields = ["requester__user__email", "plan__product__name"]
    search_help_text = gettext_lazy("E-mail or product")
    ordering = ["-created_at"]
    sortable_by = ["asked"]
    empty_text = gettext_lazy("Nobody has asked for an approval yet.")
    detail_fields = [
        *("what", "who", "department", "unit_price", "cost", "ends"),
        *("in_state", "asked", "until", "approved", "decided", "message"),
    ]
    detail_template = "admin/approval.html"

    def rows(self) -> QuerySet[Approval]:
        return Approval.objects.with_people()

    @admin.display(description=gettext_lazy("what"))
    def what(self, approval: Approval) -> str:
        return str(approval)

    @admin.display(description=gettext_lazy("asked by"))
    def who(self, approval: Approval) -> str:
        return f"{approval.requester} ({approval.requester.user.email})"

    @admin.display(description=gettext_lazy("department"))
    def department(self, approval: Approval) -> str:
        return str(approval.requester.department or "")

    @admin.display(description=gettext_lazy("price of a seat"))
    def unit_price(self, approval: Approval) -> str:
        quoted = Checkout.objects.filter(pk=approval.subject).first()
        return amounts.money(quoted.unit_price, quoted.currency) if quoted else ""

    @admin.display(description=gettext_lazy("next charge"))
    def ends(self, approval: Approval) -> str:
        quoted = Checkout.objects.with_plan().filter(pk=approval.subject).first() if approval.is_waiting else None
        if quoted is None:
            return ""
        until = {"day": listed_day(quoted.would_end_at(clock.now(quoted.tenant)))}
        return _("None. Paid today, it ends %(day)s.") % until

    @admin.display(description=gettext_lazy("total"))
    def cost(self, approval: Approval) -> str:
        total = amounts.money(approval.total, approval.currency)
        if not approval.is_cut:
            return total
        told = {"total": total, "given": approval.approved_quantity, "asked": approval.quantity}
        return _("%(total)s for %(given)s of %(asked)s seats") % told

    @admin.display(description=gettext_lazy("state"))
    def in_state(self, approval: Approval) -> str:
        return badge(approval.get_state_display(), _KINDS.get(ApprovalState(approval.state), ""))

    @admin.display(description=gettext_lazy("asked"), ordering="created_at")
    def asked(self, approval: Approval) -> str:
        return listed_minute(approval.created_at)

    @admin.display(description=gettext_lazy("lapses"))
    def until(self, approval: Approval) -> str:
        return listed_minute(approval.lapses_at) if approval.is_waiting else ""

    @admin.display(description=gettext_lazy("seats approved"))
    def approved(self, approval: Approval) -> str:
        return str(approval.approved_quantity or "")

    @admin.display(description=gettext_lazy("decided"))
    def decided(self, approval: Approval) -> str:
        if approval.decided_at is None:
            return ""
        when = listed_minute(approval.decided_at)
        return f"{approval.decided_by}, {when}" if approval.decided_by else when

    def sections(self, request: HttpRequest, row: Approval) -> list[Section]:
        lines = [self.line(name, row) for name in self.detail_fields]
        told = [Section(rows=[line for line in lines if line.value])]
        why = [Row(label=ground.title, value=ground.detail) for ground in approval_grounds.read(row)]
        return [*told, Section(title=_("Why it needs an approval"), rows=why)] if why else told

    def page(self, request: HttpRequest, row: Approval, status: int = 200, **context: Any) -> Any:
        actor = self.actor(request)
        may = row.waits_at(actor.now()) and actor.may(Right.APPROVE_PURCHASES)
        is_own = actor.is_member(row.requester_id)
        told = {"form": DecideForm(row) if may and not is_own else None, "is_own": may and is_own}
        return super().page(request, row, status, **{**told, **context})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.method in READS:
            return super().change_view(request, object_id)
        actor: Actor = self.actor(request)
        if request.method != "POST" or not actor.may(Right.APPROVE_PURCHASES):
            raise PermissionDenied
        approval = self.found(request, object_id)
        form = DecideForm(approval, request.POST)
        done, status = decided(form, approval, approve="approve" in request.POST, by=actor)
        if not done:
            return self.page(request, approval, status, form=form)
        messages.success(request, done)
        return redirect("admin:policies_approval_changelist")
