"""Spend limits: how much of each is taken, and the forms that set, change and end one."""

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
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Product
from policies import costs, limits
from policies.models import Counted, LimitMode, Period, SpendLimit
from policies.operations import spend_limits
from policies.operations.spend_limits import Terms
from tenants.access import Actor, Right
from tenants.amounts import money
from tenants.dates import listed_minute
from tenants.directory.models import Department, Membership, Tenant
from tenants.procurement import BY_COMMAND, READS, Section, badge
from tenants.procurement_form import FormAdmin
from tenants.refusal import Refused
from tenants.signin.acting import actor_of_request
from tenants.text import LONGEST_REASON


class SpendLimitForm(forms.Form):
    """What a limit says."""

    period = forms.ChoiceField(label=gettext_lazy("For"), choices=Period, widget=forms.RadioSelect)
    amount = forms.DecimalField(
        label=gettext_lazy("At most"),
        min_value=0,
        max_digits=12,
        decimal_places=3,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    currency = forms.CharField(
        label=gettext_lazy("Currency"), help_text=gettext_lazy("The one that your organisation buys in."), max_length=3
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("What would pass it"),
        choices=[
            (LimitMode.HARD, gettext_lazy("is refused")),
            (LimitMode.APPROVAL, gettext_lazy("asks for an approval")),
        ],
        widget=forms.RadioSelect,
    )
    counts = forms.MultipleChoiceField(
        label=gettext_lazy("Counts"), choices=Counted, widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Stays in the journal for good. Do not name people."),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    @property
    def terms(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("period", "amount", "currency", "mode", "counts")}


class NewSpendLimitForm(SpendLimitForm):
    """What it limits can never be changed: another one is set for that."""

    scope = forms.ChoiceField(label=gettext_lazy("Limits"))
    person = forms.EmailField(
        # Of no type of its own: the stylesheet knows fields of text.
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off"}),
        label=gettext_lazy("Person"),
        help_text=gettext_lazy("The e-mail address, where it limits a person."),
        required=False,
    )
    field_order = ("scope", "person")

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant
        departments = Department.objects.filter(tenant=tenant).order_by("name")
        self.fields["scope"].choices = [  # type: ignore[attr-defined]  # it is a ChoiceField
            ("tenant:", _("The organisation")),
            ("member:", _("A person")),
            (_("Departments"), [(f"department:{row.pk}", row.name) for row in departments]),
            (_("Products"), [(f"product:{row.pk}", row.name) for row in Product.objects.order_by("name")]),
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("scope") == "member:":
            people = Membership.objects.of(self.tenant).members()
            found = people.filter(user__email__iexact=given.get("person", "")).first()
            if found is None:
                self.add_error("person", _("Nobody in your organisation has this e-mail address."))
            else:
                given["scope"] = f"member:{found.pk}"
        return given


@admin.register(SpendLimit)
class SpendLimitAdmin(FormAdmin):
    """How much may be spent, and how much of that is taken."""

    right = Right.READ_POLICY
    list_title = gettext_lazy("Spend limits")
    list_before_template = "admin/_spend_limits.html"
    list_display = ["what", "shown_period", "shown_amount", "bar", "shown_committed", "shown_charged", "shown_mode"]
    sortable_by: Sequence[str] = ()
    ordering = ["-created_at"]
    empty_text = gettext_lazy("Without a limit your people may spend what your policies allow.")
    form_title = gettext_lazy("What it says")
    read_only_note = gettext_lazy("Global and billing admins change limits.")

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("new/", guarded(self.new_view), name="policies_spendlimit_new"),
            path("<path:object_id>/end/", guarded(self.end_view), name="policies_spendlimit_end"),
            *super().get_urls(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What is taken is summed up for one tenant, so that an operator reads limits as that tenant's admin only.
        actor = actor_of_request(request)
        return actor is not None and actor.tenant is not None and actor.may(Right.READ_POLICY)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SpendLimit]:
        tenant = self.actor(request).organisation
        return SpendLimit.objects.with_sums(tenant, limits.this_month(tenant, self.actor(request).now())).with_scope()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        told = {"may_change": self.may_change(self.actor(request))}
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def new_view(self, request: HttpRequest) -> HttpResponse:
        if not self.may_change(self.actor(request)):
            raise PermissionDenied
        form = self.new_form(request, request.POST if request.method == "POST" else None)
        if request.method in READS:
            return self.page(request, None, form=form, title=_("New spend limit"))
        if form.is_valid():
            level, _colon, scope_id = form.cleaned_data["scope"].partition(":")
            try:
                spend_limits.add(
                    tenant=form.tenant,
                    level=level,
                    scope_id=scope_id,
                    terms=Terms(**form.terms),
                    reason=form.cleaned_data["reason"],
                    by=self.actor(request),
                    at=self.actor(request).now(),
                )
            except Refused as refused:
                self.blame(form, refused)
            else:
                messages.success(request, _("The limit holds from the next purchase on."))
                return redirect("admin:policies_spendlimit_changelist")
        return self.page(request, None, 400, form=form, title=_("New spend limit"))

    def new_form(self, request: HttpRequest, data: Any) -> NewSpendLimitForm:
        tenant = self.actor(request).organisation
        initial = {
            "scope": "tenant:",
            "period": Period.MONTH,
            "mode": LimitMode.HARD,
            "counts": [Counted.SELF_SERVICE],
            "currency": costs.currency_of(tenant),
        }
        return NewSpendLimitForm(tenant, data, initial=initial)

    def end_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What was asked for below the form: there is no limit any more."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        row, actor = self.found(request, object_id), self.actor(request)
        if not self.may_change(actor):
            raise PermissionDenied
        try:
            spend_limits.remove(limit=row, reason=request.POST.get("reason", ""), by=actor, at=actor.now())
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect(self.next_page(row))
        messages.success(request, _("The limit is gone."))
        return redirect("admin:policies_spendlimit_changelist")

    def may_change(self, actor: Actor) -> bool:
        return actor.tenant is not None and actor.may(Right.CHANGE_POLICY)

    def form_for(self, row: SpendLimit, data: Any = None) -> SpendLimitForm:
        initial = {name: getattr(row, name) for name in ("period", "currency", "mode", "counts")}
        return SpendLimitForm(data, initial=initial | {"amount": row.amount.normalize().__format__("f")})

    def keep(self, row: SpendLimit, form: forms.Form, *, by: Actor, at: datetime) -> SpendLimit:
        said = dict(form.cleaned_data)
        return spend_limits.change(limit=row, by=by, at=at, **said)

    def said(self, row: SpendLimit) -> str:
        return _("The limit holds from the next purchase on.")

    def next_page(self, row: SpendLimit) -> str:
        return reverse("admin:policies_spendlimit_change", args=[row.pk])

    def blame(self, form: forms.Form, refused: Refused) -> None:
        field = {"amount.amount": "amount", "amount.currency": "currency", "scope.id": "scope"}.get(
            refused.field, refused.field
        )
        form.add_error(field if field in form.fields else None, str(refused))

    def sections(self, request: HttpRequest, row: SpendLimit | None) -> list[Section]:
        if row is None:
            return []
        shown = ["what", "shown_period", "shown_amount", "bar", "shown_committed", "shown_charged", "shown_mode"]
        facts = [self.line(name, row) for name in [*shown, "shown_counts", "author", "set_at", "reason"]]
        return [
            Section(title=_("What holds now"), rows=[line for line in facts if line.value]),
            *(
                [Section(title=_("End it"), template="admin/_spend_limit_end.html", data=row)]
                if self.may_change(self.actor(request))
                else []
            ),
        ]

    @admin.display(description=gettext_lazy("limits"))
    def what(self, limit: SpendLimit) -> str:
        return str(limit)

    @admin.display(description=gettext_lazy("for"))
    def shown_period(self, limit: SpendLimit) -> str:
        return limit.get_period_display()

    @admin.display(description=gettext_lazy("at most"))
    def shown_amount(self, limit: SpendLimit) -> str:
        return money(limit.amount, limit.currency)

    @admin.display(description=gettext_lazy("taken"))
    def bar(self, limit: SpendLimit) -> str:
        share = int(limit.committed * 100 / limit.amount) if limit.amount else 100
        text = _("%(share)s%%") % {"share": share}
        return format_html(
            '<progress class="sw-bar" max="100" value="{}" aria-label="{}"></progress> {}', min(share, 100), text, text
        )

    @admin.display(description=gettext_lazy("committed"))
    def shown_committed(self, limit: SpendLimit) -> str:
        return money(limit.committed, limit.currency)

    @admin.display(description=gettext_lazy("spent"))
    def shown_charged(self, limit: SpendLimit) -> str:
        return money(limit.charged, limit.currency)

    @admin.display(description=gettext_lazy("what passes it"))
    def shown_mode(self, limit: SpendLimit) -> str:
        kind = "red" if limit.mode == LimitMode.HARD else "amber"
        return badge(limit.get_mode_display(), kind)

    @admin.display(description=gettext_lazy("counts"))
    def shown_counts(self, limit: SpendLimit) -> str:
        return ", ".join(str(Counted(kind).label) for kind in limit.counts)

    @admin.display(description=gettext_lazy("set by"))
    def author(self, limit: SpendLimit) -> str:
        return str(limit.set_by or BY_COMMAND)

    @admin.display(description=gettext_lazy("set"))
    def set_at(self, limit: SpendLimit) -> str:
        return listed_minute(limit.set_at)
