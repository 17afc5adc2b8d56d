"""Exclusions, for the operator: said, changed and taken back, never without having seen what that does."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_countries import countries

from licensing.models import Family, Product
from policies.models import Exclusion
from policies.operations import exclusions
from policies.operations.exclusions import Effects, Terms
from tenants.access import Actor
from tenants.dates import listed_day, listed_minute
from tenants.directory.models import Sector
from tenants.procurement import BY_COMMAND
from tenants.procurement_form import ReasonForm, TakenBackAdmin, blame
from tenants.refusal import Refused

CHOOSE = {"invalid_choice": gettext_lazy("Choose one of these.")}


def _countries() -> Iterator[tuple[str, str | Promise]]:
    yield "", gettext_lazy("Every country")
    yield from countries


class ExclusionForm(ReasonForm):
    """Whom and what, and when. `seen` is what the page told the effects of: anything else is told first."""

    sector = forms.ChoiceField(
        label=gettext_lazy("Sector"),
        help_text=gettext_lazy("An organisation is hit that fits all that you choose here."),
        choices=[("", gettext_lazy("Every sector")), *Sector.choices],
        required=False,
        error_messages=CHOOSE,
    )
    country = forms.ChoiceField(
        label=gettext_lazy("Country"), choices=_countries, required=False, error_messages=CHOOSE
    )
    family = forms.ModelChoiceField(
        Family.objects.order_by("name"),
        label=gettext_lazy("Family"),
        empty_label=gettext_lazy("All families"),
        required=False,
        error_messages=CHOOSE,
    )
    product = forms.ModelChoiceField(
        Product.objects.order_by("name"),
        label=gettext_lazy("Product"),
        empty_label=gettext_lazy("All products"),
        required=False,
        error_messages=CHOOSE,
    )
    valid_from = forms.DateField(
        label=gettext_lazy("Valid from"), help_text=gettext_lazy("Such as 2026-01-31; empty: at once."), required=False
    )
    valid_to = forms.DateField(
        label=gettext_lazy("Valid to"),
        help_text=gettext_lazy("The first day on which it is over; empty: it has no end."),
        required=False,
    )
    ends_renewals = forms.BooleanField(
        label=gettext_lazy("Ends renewals"),
        help_text=gettext_lazy("What people bought themselves runs to the end of its term and does not renew."),
        required=False,
    )
    seen = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)
    field_order = ["sector", "country", "family", "product", "valid_from", "valid_to", "ends_renewals", "reason"]

    @property
    def terms(self) -> Terms:
        return Terms(**{name: self.cleaned_data[name] for name in Terms.__dataclass_fields__})

    @property
    def key(self) -> str:
        return "|".join(str(value or "") for value in self.terms.said.values())

    @property
    def was_seen(self) -> bool:
        return bool(self.cleaned_data["seen"] == self.key)

    def show(self) -> None:
        """What was typed stands on the page again, next to what it would do."""
        self.data = {**{name: self.data.get(name, "") for name in self.fields}, "seen": self.key}


@admin.register(Exclusion)
class ExclusionAdmin(TakenBackAdmin):
    """Where the operator refuses self-service."""

    list_title = gettext_lazy("Exclusions")
    list_before_template = "admin/_exclusions.html"
    list_display = ["excludes", "begins", "ends", "ends_renewals", "reason", "author", "since"]
    ordering = ["-created_at"]
    sortable_by: Sequence[str] = ()
    empty_text = gettext_lazy("Nothing is excluded.")
    detail_fields = ["excludes", "begins", "ends", "ends_renewals", "reason", "author", "since"]
    detail_template = "admin/exclusion.html"
    form_title = gettext_lazy("Change it")
    new_title, new_heading = gettext_lazy("New exclusion"), gettext_lazy("Whom and what it excludes")
    take_back_heading = take_back_label = gettext_lazy("Take it back")
    taken_back = gettext_lazy("Taken back. It holds from the next question on.")

    def rows(self) -> QuerySet[Exclusion]:
        return Exclusion.objects.select_related("family", "product", "set_by")

    def form_view(self, request: HttpRequest, row: Exclusion | None, **context: Any) -> HttpResponse:
        """Tells what it would do first, and keeps it when that was seen."""
        if request.method == "POST" and self.may_change(self.actor(request)):
            form = ExclusionForm(request.POST)
            if form.is_valid() and not form.was_seen:
                return self.preview(request, row, form, **context)
        return super().form_view(request, row, **context)

    def preview(
        self, request: HttpRequest, row: Exclusion | None, form: ExclusionForm, **context: Any
    ) -> TemplateResponse:
        try:
            effects = exclusions.effects(form.terms)
        except Refused as refused:
            blame(form, refused)
            return self.page(request, row, 400, form=form, **context)
        form.show()
        return self.page(request, row, form=form, effects=told(effects), save_label=_("Save"), **context)

    def page(self, request: HttpRequest, row: Exclusion | None, status: int = 200, **context: Any) -> TemplateResponse:
        label = {"save_label": _("Show what it does")}
        return super().page(request, row, status, **{**label, **context})

    def form_for(self, row: Exclusion | None, data: Any = None) -> ExclusionForm:
        if row is None:
            return ExclusionForm(data)
        stands = {name: getattr(row, name) for name in Terms.__dataclass_fields__}
        return ExclusionForm(data, initial={**stands, "reason": row.reason})

    def keep(self, row: Exclusion | None, form: Any, *, by: Actor, at: datetime) -> Exclusion:
        terms, reason = form.terms, form.cleaned_data["reason"]
        if row is None:
            return exclusions.add(terms=terms, reason=reason, by=by, at=at)
        return exclusions.change(exclusion=row, terms=terms, reason=reason, by=by, at=at)

    def take_back(self, row: Exclusion, *, reason: str, by: Actor, at: datetime) -> None:
        exclusions.remove(exclusion=row, reason=reason, by=by, at=at)

    def what_goes(self, row: Exclusion) -> dict[str, Any]:
        return {**super().what_goes(row), "effects": told(exclusions.effects(Terms.of(row)))}

    def said(self, row: Exclusion) -> str:
        return _("Done. It holds from the next question on.")

    @admin.display(description=gettext_lazy("excludes"))
    def excludes(self, exclusion: Exclusion) -> str:
        return exclusion.called

    @admin.display(description=gettext_lazy("from"))
    def begins(self, exclusion: Exclusion) -> str:
        return listed_day(exclusion.valid_from)

    @admin.display(description=gettext_lazy("until"))
    def ends(self, exclusion: Exclusion) -> str:
        return listed_day(exclusion.valid_to)

    @admin.display(description=gettext_lazy("set by"))
    def author(self, exclusion: Exclusion) -> str:
        return author_of(exclusion)

    @admin.display(description=gettext_lazy("set"))
    def since(self, exclusion: Exclusion) -> str:
        return listed_minute(exclusion.said_at)


def author_of(exclusion: Exclusion) -> str:
    """Empty where that was not kept yet."""
    return str(exclusion.set_by or BY_COMMAND) if exclusion.set_at else ""


def told(effects: Effects) -> list[str]:
    hit = ngettext("It hits %(count)s organisation.", "It hits %(count)s organisations.", effects.tenants)
    return [hit % {"count": effects.tenants}, _renewals(effects.renewals_ended)]


def _renewals(ended: int) -> str:
    if not ended:
        return _("It ends no renewal.")
    said = ngettext(
        "It ends the renewal of up to %(count)s running subscription that was bought by self-service.",
        "It ends the renewal of up to %(count)s running subscriptions that were bought by self-service.",
        ended,
    )
    return said % {"count": ended}
