"""How an organisation's people sign in: for its global admins."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.access import Actor, Right
from tenants.directory.models import SignInRules
from tenants.directory.operations import organisations
from tenants.procurement import badge
from tenants.procurement_form import FormAdmin


class SignInForm(forms.Form):
    requires_second_factor = forms.BooleanField(
        label=gettext_lazy("Ask everybody with a role for a second factor"),
        help_text=gettext_lazy(
            "Whoever has none is led to set one up before anything else, and their API tokens have no rights of a "
            "role until then. Partners' people are asked, too."
        ),
        required=False,
    )


@admin.register(SignInRules)
class SignInRulesAdmin(FormAdmin):
    right = Right.MANAGE_SIGN_IN
    list_title = gettext_lazy("Sign-in")
    list_intro = gettext_lazy("What an organisation asks of its people when they sign in.")
    list_display = ["name", "second_factor"]
    search_fields = ["name", "slug"]
    search_help_text = gettext_lazy("Name or short name")
    ordering = ["name"]
    detail_fields = ["name", "second_factor"]
    form_title = gettext_lazy("Change")
    read_only_note = gettext_lazy("Global admins of the organisation change this.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignInRules]:
        actor, rows = self.actor(request), SignInRules.objects.all()
        if actor.is_operator:
            return rows
        return rows.filter(pk=actor.tenant.pk) if actor.tenant else rows.none()

    @admin.display(description=gettext_lazy("second factor"), ordering="requires_second_factor")
    def second_factor(self, row: SignInRules) -> str:
        asked = row.requires_second_factor
        return badge(_("For every role"), "green") if asked else badge(_("As each person likes"))

    def may_change(self, actor: Actor) -> bool:
        return actor.may(Right.MANAGE_SIGN_IN)

    def form_for(self, row: SignInRules, data: Any = None) -> SignInForm:
        return SignInForm(data, initial={"requires_second_factor": row.requires_second_factor})

    def keep(self, row: SignInRules, form: forms.Form, *, by: Actor, at: datetime) -> SignInRules:
        organisations.require_second_factor(
            tenant=row, required=form.cleaned_data["requires_second_factor"], by=by, at=at
        )
        return row

    def said(self, row: SignInRules) -> str:
        return _("This holds from everybody's next click or call on.")
