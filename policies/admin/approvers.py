"""Who approves the purchases of a department; named and removed here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.admin.shown import tenant_of
from policies.models import Approver
from policies.operations import approvers
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.directory.models import Department, Membership, Tenant
from tenants.procurement_form import FormAdmin, blame
from tenants.refusal import Refused


class NameApproverForm(forms.Form):
    """A member and the department that they approve for."""

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = Membership.objects.of(tenant).members()
        self.fields["department"] = forms.ModelChoiceField(
            Department.objects.filter(tenant=tenant).order_by("name"),
            label=gettext_lazy("Department"),
            help_text=gettext_lazy("And those below it."),
            error_messages={
                "required": gettext_lazy("Choose a department."),
                "invalid_choice": gettext_lazy("Choose a department."),
            },
        )

    member = forms.EmailField(
        label=gettext_lazy("Work e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={
            "required": gettext_lazy("Type a colleague's work e-mail."),
            "invalid": gettext_lazy("Type a whole address."),
        },
    )

    def clean_member(self) -> Membership:
        found = self.people.by_email([self.cleaned_data["member"]]).with_people().first()
        if found is None:
            raise forms.ValidationError(gettext_lazy("There is no such member in your organisation."))
        return found


@admin.register(Approver)
class ApproverAdmin(FormAdmin):
    """Members who are named to approve the purchases of a department, besides the admins who may approve all."""

    right = Right.READ_POLICY
    list_title = gettext_lazy("Approvers")
    list_intro = gettext_lazy(
        "Global and billing admins approve every purchase. Name members here for a department and those below it."
    )
    list_before_template = "admin/_approvers.html"
    list_display = ["who", "department", "since"]
    ordering = ["department__name", "member__user__email"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Nobody is named yet: global and billing admins approve.")
    detail_fields = ["who", "department", "since"]
    save_label = gettext_lazy("Remove approver")
    form_title = gettext_lazy("What was decided stands")

    def get_urls(self) -> list[URLPattern]:
        new = self.admin_site.admin_view(self.new_view)
        return [path("new/", new, name="policies_approver_new"), *super().get_urls()]

    def rows(self) -> QuerySet[Approver]:
        return Approver.objects.with_people()

    def new_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.actor(request)
        if not self.may_change(actor):
            raise PermissionDenied
        form = NameApproverForm(tenant_of(actor), request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                named = approvers.name(
                    tenant=tenant_of(actor),
                    department=form.cleaned_data["department"],
                    member=form.cleaned_data["member"],
                    by=actor,
                    at=actor.now(),
                )
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("%(approver)s approves from now on.") % {"approver": named})
                return redirect(self.next_page(named))
        status = 400 if form.errors else 200
        told = {"title": _("Name an approver"), "save_label": _("Name approver"), "heading": _("Who approves for whom")}
        return self.page(request, None, status, form=form, **told)

    @admin.display(description=gettext_lazy("member"))
    def who(self, approver: Approver) -> str:
        return f"{approver.member} ({approver.member.user.email})"

    @admin.display(description=gettext_lazy("named"))
    def since(self, approver: Approver) -> str:
        return listed_day(approver.created_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.CHANGE_POLICY)

    def form_for(self, row: Approver, data: Any = None) -> forms.Form:
        """Nothing is typed: the button removes."""
        return forms.Form(data)

    def keep(self, row: Approver, form: forms.Form, *, by: Actor, at: datetime) -> Approver:
        approvers.remove(approver=row, by=by, at=at)
        return row

    def said(self, row: Approver) -> str:
        return _("%(approver)s approves no longer.") % {"approver": row}

    def next_page(self, row: Approver) -> str:
        return reverse("admin:policies_approver_changelist")
