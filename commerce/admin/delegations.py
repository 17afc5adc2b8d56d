"""Partners: whom an organisation lets in, whose partner it is, and, for a partner's people, their customers."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.customers import CustomersPages
from tenants import clock
from tenants.access import Actor, Right
from tenants.dates import listed_minute, minute
from tenants.directory.delegations import Delegation, DelegationState
from tenants.directory.models import Role, Tenant
from tenants.directory.operations import delegations
from tenants.procurement import READS, Section, badge
from tenants.procurement_form import FormAdmin, blame
from tenants.refusal import Refused

_KIND = {
    DelegationState.OFFERED: "amber",
    DelegationState.ACTIVE: "green",
    DelegationState.ENDED: "",
    DelegationState.REVOKED: "",
}


# A day that has another one after it, wherever it is.
LATEST = date(2999, 12, 31)


class EndForm(forms.Form):
    """Until when a partner's people may act."""

    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("It ends by itself when this day is over. Two years ahead at most; it may be renewed."),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages=dict.fromkeys(("required", "invalid"), gettext_lazy("Choose a day.")),
    )

    def clean_last_day(self) -> date:
        day: date = self.cleaned_data["last_day"]
        if day > LATEST:
            raise forms.ValidationError(_("Two years ahead at most."))
        return day

    def ends_at(self, tenant: Tenant) -> datetime:
        """The end of that day on the customer's own clock."""
        day: date = self.cleaned_data["last_day"]
        return datetime.combine(day + timedelta(days=1), time(), tenant.zone)


class GrantForm(EndForm):
    """Whom to let in, and with what."""

    partner = forms.SlugField(
        label=gettext_lazy("Short name of the partner"),
        help_text=gettext_lazy("The partner tells you. It has to accept before its people may act here."),
        max_length=63,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages=dict.fromkeys(("required", "invalid"), gettext_lazy("Type the partner's short name.")),
    )
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "A partner's people never change roles, delegations, sign-in, domains, API clients or webhooks, "
            "and spend nothing of yours."
        ),
        error_messages={"required": gettext_lazy("Choose at least one role.")},
    )
    field_order = ["partner", "roles", "last_day"]


@admin.register(Delegation)
class DelegationAdmin(CustomersPages, FormAdmin):
    """What an organisation granted to partners, and what was granted to it. Its global admins decide over both."""

    right = Right.MANAGE_DELEGATIONS
    list_title = gettext_lazy("Partners")
    list_intro = gettext_lazy("Whom your organisation lets in to act here, and whose partner it is itself.")
    list_before_template = "admin/_delegations.html"
    list_display = ["partner", "customer", "shown_roles", "shown_state", "ends"]
    ordering = ["-granted_at", "-pk"]
    sortable_by = ()
    empty_text = gettext_lazy("Let a partner's people act here with some roles, until a day that you choose.")
    detail_fields = [
        "customer",
        "partner",
        "shown_roles",
        "shown_state",
        "granter",
        "granted_at",
        "accepted_at",
        "ends",
    ]
    form_title = gettext_lazy("Renew")
    save_label = gettext_lazy("Renew")

    def rows(self) -> QuerySet[Delegation]:
        return Delegation.objects.with_names()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delegation]:
        actor = self.actor(request)
        if actor.is_operator:
            return self.rows()
        return Delegation.objects.between(actor.organisation).with_names()

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return list(self.list_display)  # the customer is the organisation that an operator looks for

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("new/", guarded(self.new_view), name="tenants_delegation_new"),
            path("<uuid:object_id>/accept/", guarded(self.accept_view), name="tenants_delegation_accept"),
            path("<uuid:object_id>/revoke/", guarded(self.revoke_view), name="tenants_delegation_revoke"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    # --- What the organisation decides

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.MANAGE_DELEGATIONS)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):  # before the row is looked for
            raise PermissionDenied
        found = self.found(request, object_id)
        if found.tenant == self.actor(request).tenant and _is_open(found):
            return self.form_view(request, found)
        if request.method not in READS:
            raise PermissionDenied
        return self.page(request, found, form=None)

    def form_for(self, row: Delegation, data: Any = None) -> EndForm:
        last = row.ends_at.astimezone(row.tenant.zone) - timedelta(minutes=1)
        return EndForm(data, initial={"last_day": last.date()})

    def keep(self, row: Delegation, form: forms.Form, *, by: Actor, at: datetime) -> Delegation:
        assert isinstance(form, EndForm)  # noqa: S101 (made by `form_for`)
        return delegations.renew(delegation=row, ends_at=form.ends_at(row.tenant), by=by, at=at)

    def said(self, row: Delegation) -> str:
        return _("It ends on %(moment)s now.") % {"moment": minute(row.ends_at, row.tenant.zone)}

    def new_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.actor(request)
        if not self.may_change(actor):
            raise PermissionDenied
        told = {
            "title": _("Let a partner in"),
            "heading": _("Who, and with what"),
            "save_label": _("Offer the delegation"),
        }
        form = GrantForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                granted = self.grant(form, actor)
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("Offered. It holds once the partner has accepted."))
                return redirect(self.next_page(granted))
        return self.page(request, None, 400 if form.errors else 200, form=form, **told)

    def grant(self, form: GrantForm, actor: Actor) -> Delegation:
        return delegations.grant(
            tenant=actor.organisation,
            partner=delegations.partner_called(form.cleaned_data["partner"]),
            roles=form.cleaned_data["roles"],
            ends_at=form.ends_at(actor.organisation),
            by=actor,
            at=actor.now(),
        )

    # --- What both decide

    def accept_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return self.decide(request, object_id, delegations.accept, _("Accepted. Your people may act there now."))

    def revoke_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        return self.decide(request, object_id, delegations.revoke, _("It is over. Nobody acts by it any more."))

    def decide(self, request: HttpRequest, object_id: Any, operation: Any, said: str) -> HttpResponse:
        if request.method != "POST" or not self.may_change(self.actor(request)):
            raise PermissionDenied
        found = self.found(request, str(object_id))
        try:
            operation(delegation=found, by=self.actor(request), at=clock.now(found.tenant))
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, said)
        return redirect(self.next_page(found))

    def sections(self, request: HttpRequest, row: Delegation | None) -> list[Section]:
        if row is None:
            return []
        actor = self.actor(request)
        sections = [Section(rows=[self.line(name, row) for name in self.detail_fields])]
        if self.may_change(actor) and _is_open(row):
            data = {
                "row": row,
                "may_accept": row.partner == actor.tenant and row.accepted_at is None,
                "is_partner": row.partner == actor.tenant,
            }
            sections.append(Section(title=_("Decide"), template="admin/_delegation.html", data=data))
        return sections

    # --- Columns

    @admin.display(description=gettext_lazy("partner"))
    def partner(self, row: Delegation) -> str:
        return row.partner_name

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, row: Delegation) -> str:
        return row.tenant.name

    @admin.display(description=gettext_lazy("roles"))
    def shown_roles(self, row: Delegation) -> str:
        return ", ".join(row.role_names)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, row: Delegation) -> str:
        state = _state(row)
        return badge(state.label, _KIND[state])

    @admin.display(description=gettext_lazy("ends"))
    def ends(self, row: Delegation) -> str:
        return listed_minute(row.revoked_at or row.ends_at)

    @admin.display(description=gettext_lazy("granted by"))
    def granter(self, row: Delegation) -> str:
        return str(row.granted_by)

    def page(self, request: HttpRequest, row: Delegation | None, status: int = 200, **context: Any) -> Any:
        told = {"title": self.partner(row)} if row is not None else {}
        return super().page(request, row, status, **{**told, **context})


def _state(row: Delegation) -> DelegationState:
    return row.state_at(clock.now(row.tenant))


def _is_open(row: Delegation) -> bool:
    return _state(row) in (DelegationState.OFFERED, DelegationState.ACTIVE)
