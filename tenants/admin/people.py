"""The people of an organisation: added, changed and given roles by those who may."""

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

from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.directory.models import Department, MemberKind, Membership, MemberSource, MemberState, Role, Tenant
from tenants.directory.operations import people, roles
from tenants.procurement import READS, Section, badge
from tenants.procurement_filters import Filter
from tenants.procurement_form import FormAdmin, ReasonForm, blame
from tenants.refusal import Refused
from tenants.signin import second_factor

_STATE_KIND = {MemberState.ACTIVE: "green", MemberState.DISABLED: "amber", MemberState.LEFT: ""}


class KindFilter(Filter):
    title, parameter_name, field = gettext_lazy("kind"), "kind", "kind"
    choices_of = MemberKind


class StateFilter(Filter):
    title, parameter_name, field = gettext_lazy("state"), "state", "state"
    choices_of = MemberState


class RoleFilter(Filter):
    title, parameter_name, field = gettext_lazy("role"), "role", "role_grants__role"
    choices_of = Role


class PersonForm(forms.Form):
    """What the organisation says of a person; of a guest only where they belong and whether they may come in."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False)
    department = forms.ModelChoiceField(
        Department.objects.none(),
        label=gettext_lazy("Department"),
        required=False,
        empty_label=gettext_lazy("None"),
        error_messages={"invalid_choice": gettext_lazy("Choose a department of your organisation.")},
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        choices=MemberState.choices,
        help_text=gettext_lazy("Whoever is disabled or has left is signed out at once."),
        initial=MemberState.ACTIVE,
    )
    source = forms.ChoiceField(label=gettext_lazy("Source"), choices=MemberSource.choices, initial=MemberSource.CLOUD)
    away_until = forms.DateField(
        label=gettext_lazy("On leave until"),
        help_text=gettext_lazy(
            "The last day. Until then no list of waste names this person. Leave it empty otherwise."
        ),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        departments = Department.objects.filter(tenant=tenant).order_by("name")
        self.fields["department"].queryset = departments  # type: ignore[attr-defined]  # a choice of rows has one


class GuestForm(PersonForm):
    name = None  # type: ignore[assignment]  # the home's to say
    source = None  # type: ignore[assignment]
    away_until = None  # type: ignore[assignment]


class NewPersonForm(PersonForm):
    email = forms.EmailField(
        label=gettext_lazy("Work e-mail"),
        max_length=254,
        help_text=gettext_lazy("A member has an address of a verified domain of yours; anybody else is a guest."),
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={
            "required": gettext_lazy("Type a work e-mail."),
            "invalid": gettext_lazy("Type a whole address."),
        },
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=MemberKind.choices, initial=MemberKind.MEMBER)
    field_order = ["email", "kind", "name", "department", "state", "source", "away_until"]


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("They act at the person's next click or call."),
    )


@admin.register(Membership)
class MembershipAdmin(FormAdmin):
    """The people of an organisation. Of a guest it sees the address and the name it typed, nothing else."""

    right = Right.MANAGE_PEOPLE
    list_title = gettext_lazy("People")
    list_before_template = "admin/_people.html"
    list_display = ["person", "email", "roles", "department", "kind", "source", "shown_state"]
    list_select_related = ["user", "department"]
    list_filter = [KindFilter, StateFilter, RoleFilter]
    search_fields = ["name", "user__email"]
    search_help_text = gettext_lazy("Name or e-mail")
    ordering = ["name"]
    empty_text = gettext_lazy("People who are added to the organisation appear here.")
    detail_fields = [
        "person",
        "email",
        "roles",
        "department",
        "kind",
        "source",
        "shown_state",
        "second_factor",
        "away_until",
        "since",
    ]
    form_title = gettext_lazy("Change")
    read_only_note = gettext_lazy("This person has a role that you do not have: only a global admin may change them.")

    def rows(self) -> QuerySet[Membership]:
        return Membership.objects.select_related("user", "department", "tenant").prefetch_related("role_grants")

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("new/", guarded(self.new_view), name="tenants_membership_new"),
            path("<path:object_id>/second-factor/", guarded(self.reset_view), name="tenants_membership_reset"),
            path("<path:object_id>/roles/", guarded(self.roles_view), name="tenants_membership_roles"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    # --- One person

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):  # before the row is looked for
            raise PermissionDenied
        member, actor = self.found(request, object_id), self.actor(request)
        if roles.may_manage(member, actor):
            return self.form_view(request, member)
        if request.method not in READS:
            raise PermissionDenied
        return self.page(request, member, form=None)

    def new_view(self, request: HttpRequest) -> HttpResponse:
        actor = self.actor(request)
        if actor.tenant is None or not self.may_change(actor):
            raise PermissionDenied
        told = {"title": _("Add a person"), "heading": _("Who"), "save_label": _("Add person")}
        form = NewPersonForm(actor.tenant, request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                added = people.add_member(tenant=actor.tenant, by=actor, at=actor.now(), **form.cleaned_data)
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("%(person)s is in the organisation now.") % {"person": added})
                return redirect(self.next_page(added))
        return self.page(request, None, 400 if form.errors else 200, form=form, **told)

    def roles_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        actor = self.actor(request)
        if not may_give_roles(actor) or request.method not in (*READS, "POST"):
            raise PermissionDenied
        member = self.found(request, object_id)
        form = RolesForm(_sent(request), initial={"roles": [grant.role for grant in member.role_grants.all()]})
        if request.method == "POST" and form.is_valid():
            try:
                roles.put(membership=member, roles=form.cleaned_data["roles"], by=actor, at=actor.now())
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("The roles of %(person)s are changed.") % {"person": member})
                return redirect(self.next_page(member))
        told = {"heading": _("What this person may do"), "save_label": _("Save roles")}
        shown = super().sections(request, member)
        return self.page(request, member, 400 if form.errors else 200, form=form, sections=shown, **told)

    def reset_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Of somebody who lost their telephone and their recovery codes: the operator takes the factor away."""
        actor = self.actor(request)
        if not actor.is_operator or request.method not in (*READS, "POST"):
            raise PermissionDenied
        member = self.found(request, object_id)
        form = ReasonForm(_sent(request))
        if request.method == "POST" and form.is_valid():
            try:
                second_factor.reset(user=member.user, by=actor, at=actor.now(), **form.cleaned_data)
            except Refused as refused:
                blame(form, refused)
            else:
                messages.success(request, _("Signing in asks %(person)s for no code any more.") % {"person": member})
                return redirect(self.next_page(member))
        told = {"heading": _("Reset the second factor"), "save_label": _("Reset second factor")}
        shown = super().sections(request, member)
        return self.page(request, member, 400 if form.errors else 200, form=form, sections=shown, **told)

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.MANAGE_PEOPLE)

    def form_for(self, row: Membership, data: Any = None) -> PersonForm:
        form = GuestForm if row.is_guest else PersonForm
        stands = {
            "name": row.name,
            "department": row.department_id,
            "state": row.state,
            "source": row.source,
            "away_until": row.away_until,
        }
        return form(row.tenant, data, initial=stands)

    def keep(self, row: Membership, form: forms.Form, *, by: Actor, at: datetime) -> Membership:
        return people.change_member(membership=row, by=by, at=at, **form.cleaned_data)

    def said(self, row: Membership) -> str:
        return _("%(person)s is changed.") % {"person": row}

    def sections(self, request: HttpRequest, row: Membership | None) -> list[Section]:
        sections = super().sections(request, row)
        if row is not None and may_give_roles(self.actor(request)):
            link = reverse("admin:tenants_membership_roles", args=[row.pk])
            sections.append(Section(title=_("Roles"), template="admin/_person_roles.html", data={"link": link}))
        if row is not None and self.actor(request).is_operator and row.user.second_factor_since:
            link = reverse("admin:tenants_membership_reset", args=[row.pk])
            sections.append(Section(title=_("Lost"), template="admin/_person_lost.html", data={"link": link}))
        return sections

    @admin.display(description=gettext_lazy("name"), ordering="name")
    def person(self, member: Membership) -> str:
        return str(member)

    @admin.display(description=gettext_lazy("e-mail"), ordering="user__email")
    def email(self, member: Membership) -> str:
        return member.user.email

    @admin.display(description=gettext_lazy("roles"))
    def roles(self, member: Membership) -> str:
        return ", ".join(sorted(str(grant) for grant in member.role_grants.all()))

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def shown_state(self, member: Membership) -> str:
        return badge(member.get_state_display(), _STATE_KIND[MemberState(member.state)])

    @admin.display(description=gettext_lazy("second factor"))
    def second_factor(self, member: Membership) -> str:
        if member.is_guest:  # what the home knows, others do not
            return ""
        return badge(_("On"), "green") if member.user.second_factor_since else badge(_("Off"))

    @admin.display(description=gettext_lazy("since"))
    def since(self, member: Membership) -> str:
        return listed_day(member.created_at)


def may_give_roles(actor: Actor) -> bool:
    """An operator, too: an organisation's first global admin comes from somewhere."""
    return actor.is_operator or actor.may(Right.MANAGE_ROLES)


def _sent(request: HttpRequest) -> Any:
    """No role at all is an answer, too."""
    return request.POST if request.method == "POST" else None
