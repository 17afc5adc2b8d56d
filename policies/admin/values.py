"""Every value that an organisation has set, at any level: its admins say and end them, the operator reads all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.admin.shown import applies_to, changes_of, tenant_of, value_badge
from policies.admin.tried import PREVIEW, tried
from policies.forms import ScopedValueForm
from policies.models import Policy
from policies.operations import endings, scopes, values
from policies.operations.dry_runs import Touched
from policies.operations.endings import LEAVE
from policies.operations.scopes import Scope, Time
from tenants import clock
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.journal.models import Event
from tenants.procurement import BY_COMMAND, Section, badge
from tenants.procurement_form import FormAdmin, ReasonForm, blame
from tenants.refusal import Refused

NAMED = ("member", "department", "product", "family")


@admin.register(Policy)
class PolicyAdmin(FormAdmin):
    """What was said for a tenant, family, product, department or person, for good or for a time."""

    right = Right.READ_POLICY
    list_title = gettext_lazy("Policies set")
    list_before_template = "admin/_policy_values.html"
    list_display = ["applies_to", "shown_value", "holds", "begins", "ends", "author", "set", "reason"]
    ordering = ["-set_at"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Nobody has set a policy: the system's default holds, enabled.")
    detail_fields = ["applies_to", "shown_value", "holds", "begins", "ends", "author", "set", "reason"]
    detail_template = "admin/policy_form.html"
    form_title = gettext_lazy("End it")
    save_label = gettext_lazy("End this value")
    read_only_note = gettext_lazy("Global and billing admins of the organisation may end it.")

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_view)
        return [path("new/", new, name="policies_policy_new"), *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=_("New value"), save_label=_("Save"), form_title="")

    def form_view(self, request: HttpRequest, row: Policy | None, **context: Any) -> HttpResponse:
        form = ScopedValueForm(request.POST) if row is None and PREVIEW in request.POST else None
        actor = self.actor(request)
        if form is None or not self.may_change(actor) or not form.is_valid():
            return super().form_view(request, row, **context)
        touched = self.tried(actor, form)
        return self.page(request, None, 200 if touched else 400, form=form, touched=touched, **context)

    def tried(self, actor: Actor, form: ScopedValueForm) -> Touched | None:
        time = Time(valid_from=form.cleaned_data["valid_from"], valid_to=form.cleaned_data["valid_to"])
        try:
            scope = scopes.named(tenant_of(actor), **_named(form))
        except Refused as refused:
            blame(form, refused)
            return None
        return tried(actor, form, [scope], time)

    def page(self, request: HttpRequest, row: Policy | None, status: int = 200, **context: Any) -> TemplateResponse:
        ends = row is not None
        said = {"form_title": self.form_title, "save_label": self.save_label, "danger": ends, "can_be_tried": not ends}
        return super().page(request, row, status, **{**said, **context})

    def rows(self) -> QuerySet[Policy]:
        return Policy.objects.select_related("tenant", "set_by", "product", "family", "department", "member__user")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**may, **(extra_context or {})})

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.CHANGE_POLICY)

    def form_for(self, row: Policy | None, data: Any = None) -> forms.Form:
        return ScopedValueForm(data) if row is None else ReasonForm(data)

    def keep(self, row: Policy | None, form: forms.Form, *, by: Actor, at: datetime) -> Policy:
        said = form.cleaned_data
        if row is not None:
            values.remove(policy=row, reason=said["reason"], by=by, at=at)
            return row
        return values.put(
            tenant=tenant_of(by),
            scope=scopes.named(tenant_of(by), **_named(form)),
            value=said["value"],
            reason=said["reason"],
            time=Time(valid_from=said["valid_from"], valid_to=said["valid_to"]),
            existing=form.said_of_existing if isinstance(form, ScopedValueForm) else LEAVE,
            by=by,
            at=at,
        )

    def said(self, row: Policy) -> str:
        return " ".join([_("Done. The next purchase follows it."), *endings.reach_told([row.reach])])

    def next_page(self, row: Policy) -> str:
        return reverse("admin:policies_policy_changelist")

    def sections(self, request: HttpRequest, row: Policy | None) -> list[Section]:
        if row is None:
            return []
        history = Section(title=_("Changes"), template="admin/_policy_changes.html", data=self.changes(row))
        return [*super().sections(request, row), history]

    def changes(self, row: Policy) -> list[dict[str, str]]:
        """What was said for the very same scope."""
        ids = {name: str(named) for name, named in Scope.of(row).ids.items()}
        about = Event.objects.of(row.tenant).about(next(iter(ids.values()), row.tenant_id))
        same = {f"data__{name}": ids[name] for name in ids}
        others = {f"data__{name}__isnull": True for name in NAMED if name not in ids}
        return changes_of(about.filter(**same, **others))

    @admin.display(description=gettext_lazy("applies to"))
    def applies_to(self, policy: Policy) -> str:
        return applies_to(policy)

    @admin.display(description=gettext_lazy("value"))
    def shown_value(self, policy: Policy) -> str:
        return value_badge(policy.value)

    @admin.display(description=gettext_lazy("state"))
    def holds(self, policy: Policy) -> str:
        now = clock.now(policy.tenant)
        if policy.valid_to is not None and policy.valid_to <= now:
            return badge(_("Ended"))
        return badge(_("Not yet")) if policy.valid_from and policy.valid_from > now else badge(_("Holds"), "green")

    @admin.display(description=gettext_lazy("valid from"))
    def begins(self, policy: Policy) -> str:
        return listed_minute(policy.valid_from) if policy.valid_from else ""

    @admin.display(description=gettext_lazy("valid to"))
    def ends(self, policy: Policy) -> str:
        return listed_minute(policy.valid_to) if policy.valid_to else ""

    @admin.display(description=gettext_lazy("set by"))
    def author(self, policy: Policy) -> str:
        return str(policy.set_by or BY_COMMAND)

    @admin.display(description=gettext_lazy("set"))
    def set(self, policy: Policy) -> str:
        return listed_minute(policy.set_at)


def _named(form: forms.Form) -> dict[str, str]:
    """Whom and what the form names, as `scopes.named` reads it."""
    said = form.cleaned_data
    return {name: getattr(said[name], "pk", said[name]) or "" for name in NAMED}
