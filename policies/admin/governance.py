"""Data and access policies: what holds, the forms that say, change and remove it, and who would lose access by that."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from policies.admin.governance_forms import GovernanceForm, RemoveForm
from policies.admin.shown import tenant_of
from policies.models import GovernancePolicy
from policies.operations import access, governance
from policies.operations.access import Effect, People
from policies.operations.governance import Terms
from tenants.access import Actor, Right
from tenants.dates import listed_minute
from tenants.directory.models import Tenant
from tenants.procurement import BY_COMMAND, READS, as_lines, badge
from tenants.procurement_form import FormAdmin, blame
from tenants.refusal import Refused

LIST = "admin:policies_governancepolicy_changelist"


@dataclass(frozen=True, kw_only=True)
class Told:
    """A line of what would follow, with whom it is about."""

    text: str
    people: People
    is_bad: bool = False


@admin.register(GovernancePolicy)
class GovernancePolicyAdmin(FormAdmin):
    """What the organisation says about the data of products, and who may use them, however they were bought."""

    right = Right.READ_POLICY
    list_title = gettext_lazy("Data and access policies")
    list_before_template = "admin/_governance_policies.html"
    list_display = ["name", "shown_kind", "holds_for", "keeps_access", "read_first", "author", "set"]
    ordering = ["name"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Nothing is said: everybody who holds a seat may use it.")
    detail_fields = [*list_display, "shown_settings", "reason"]
    detail_template = "admin/governance.html"
    form_title = gettext_lazy("Change it")
    read_only_note = gettext_lazy("Global and billing admins of the organisation may change it.")

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        name = "policies_governancepolicy"
        return [
            path("new/", guarded(self.new_view), name=f"{name}_new"),
            path("<path:object_id>/remove/", guarded(self.remove_view), name=f"{name}_remove"),
            *super().get_urls(),
        ]

    def rows(self) -> QuerySet[GovernancePolicy]:
        return GovernancePolicy.objects.with_scopes()

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.CHANGE_POLICY)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return self.form_view(request, None, title=_("New data or access policy"), heading=_("What it says"))

    def form_view(self, request: HttpRequest, row: GovernancePolicy | None, **context: Any) -> HttpResponse:
        """The page of a policy, or of one to be. Who would lose access is shown once before it is saved."""
        actor = self.actor(request)
        may = self.may_change(actor)
        if not may and (row is None or request.method not in READS):
            raise PermissionDenied
        if request.method in READS:
            form = GovernanceForm(tenant_of(actor), row) if may else None
            return self.page(request, row, form=form, **context)
        if request.method != "POST":
            raise PermissionDenied
        data = request.POST.copy()
        form = GovernanceForm(tenant_of(actor), row, data)
        if form.is_valid():
            with _blaming(form):
                found = self.effect_of(tenant_of(actor), row, form.terms)
                if found is not None and form.cleaned_data["seen"] != _mark(form.terms, found):
                    data["seen"] = _mark(form.terms, found)
                    shown: dict[str, Any] = {"effect": _told(found), "save_label": _("Save it")}
                    return self.page(request, row, form=form, **shown, **context)
                self.save(row, form, by=actor, at=actor.now())
                messages.success(request, _("It holds from now on, for what was bought, too."))
                return redirect(LIST)
        return self.page(request, row, 400, form=form, **context)

    def effect_of(self, tenant: Tenant, row: GovernancePolicy | None, terms: Terms) -> Effect | None:
        """None: it is not about access."""
        terms = governance.checked(tenant, terms)
        if not terms.is_access and (row is None or not row.is_access):
            return None
        return access.effect(tenant=tenant, policy=row, terms=terms)

    def save(self, row: GovernancePolicy | None, form: GovernanceForm, *, by: Actor, at: datetime) -> None:
        reason = form.cleaned_data["reason"]
        if row is None:
            governance.add(tenant=tenant_of(by), terms=form.terms, reason=reason, by=by, at=at)
        else:
            governance.change(policy=row, reason=reason, by=by, at=at, **vars(form.terms))

    def remove_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Says first who has access again."""
        actor = self.actor(request)
        if not self.may_change(actor):
            raise PermissionDenied
        row = self.found(request, object_id)
        if request.method not in (*READS, "POST"):
            raise PermissionDenied
        form = RemoveForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            governance.remove(policy=row, reason=form.cleaned_data["reason"], by=actor, at=actor.now())
            messages.success(request, _("It is removed."))
            return redirect(LIST)
        found = _told(access.effect(tenant=row.tenant, policy=row)) if row.is_access else []
        told = {"title": _("Remove “%(name)s”") % {"name": row}, "heading": _("It holds no longer")}
        status = 400 if form.errors else 200
        return self.page(
            request, row, status, form=form, effect=found, save_label=_("Remove it"), danger=True, removing=True, **told
        )

    @admin.display(description=gettext_lazy("kind"))
    def shown_kind(self, policy: GovernancePolicy) -> str:
        return policy.get_kind_display()

    @admin.display(description=gettext_lazy("holds for"))
    def holds_for(self, policy: GovernancePolicy) -> str:
        named = [str(scope) for scope in policy.scopes.all() if not scope.department_id]
        return ", ".join(sorted(named)) or _("All products")

    @admin.display(description=gettext_lazy("keeps access"))
    def keeps_access(self, policy: GovernancePolicy) -> str:
        if not policy.is_access:
            return ""
        return ", ".join(department.name for department in policy.departments) or badge(_("Nobody"), "red")

    @admin.display(description=gettext_lazy("read before paying"))
    def read_first(self, policy: GovernancePolicy) -> str:
        return _("Yes") if policy.acknowledge else ""

    @admin.display(description=gettext_lazy("settings"))
    def shown_settings(self, policy: GovernancePolicy) -> str:
        return as_lines(*(f"{name}: {text}" for name, text in policy.settings.items()))

    @admin.display(description=gettext_lazy("set by"))
    def author(self, policy: GovernancePolicy) -> str:
        return str(policy.set_by or BY_COMMAND)

    @admin.display(description=gettext_lazy("set"))
    def set(self, policy: GovernancePolicy) -> str:
        return listed_minute(policy.set_at)


def _mark(terms: Terms, found: Effect) -> str:
    """Of what was looked at: another one is looked at again."""
    seen = [terms.told, found.loses.count, found.regains.count, found.loses.emails, found.regains.emails]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _told(found: Effect) -> list[Told]:
    losing, regaining = found.loses, found.regains
    loses = ngettext(
        "%(count)s person who holds a seat loses access.", "%(count)s people who hold a seat lose access.", losing.count
    )
    regains = ngettext("%(count)s person has access again.", "%(count)s people have access again.", regaining.count)
    text = loses % {"count": losing.count} if losing.count else _("Nobody who holds a seat loses access.")
    lines = [Told(text=text, people=losing, is_bad=bool(losing.count))]
    if regaining.count:
        lines.append(Told(text=regains % {"count": regaining.count}, people=regaining))
    return lines


@contextmanager
def _blaming(form: GovernanceForm) -> Iterator[None]:
    """What the operation refuses stands at its field."""
    try:
        yield
    except Refused as refused:
        blame(form, refused)
