"""May this person buy this product, and why? Asked by whoever may read policies."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from licensing.models import Plan, Product
from policies.admin.shown import tenant_of
from policies.explanation import Line, ask, explain, in_words
from policies.models.decision import Outcome
from tenants import clock
from tenants.dates import listed_minute
from tenants.directory.models import Membership, Tenant
from tenants.procurement import READS, ProcurementAdmin, badge

LIST = "admin:policies_selfserviceproduct_changelist"
# The pages of rows that decide, by the rule that they decide.
PAGES = {
    "policy_allows": "admin:policies_policy_change",
    "spend_is_within_limit": "admin:policies_spendlimit_change",
}
COLOURS = {Outcome.ALLOWED: "green", Outcome.REFUSED: "red"}


class ExplainForm(forms.Form):
    """Who, what and how many."""

    user = forms.EmailField(
        label=gettext_lazy("Work e-mail"),
        max_length=254,
        error_messages={
            "required": gettext_lazy("Type the person's work e-mail."),
            "invalid": gettext_lazy("Type a whole address."),
        },
    )
    product = forms.ModelChoiceField(
        Product.objects.select_related("family").order_by("name"),
        label=gettext_lazy("Product"),
        error_messages={
            "required": gettext_lazy("Choose a product."),
            "invalid_choice": gettext_lazy("Choose one of these."),
        },
    )
    plan = forms.ModelChoiceField(
        Plan.objects.select_related("product").order_by("product__name", "term"),
        label=gettext_lazy("Plan"),
        help_text=gettext_lazy("Without one it is the product's cheapest."),
        empty_label=gettext_lazy("The cheapest"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )
    quantity = forms.IntegerField(
        label=gettext_lazy("Seats"),
        help_text=gettext_lazy("Left empty it is as few as can be bought."),
        required=False,
    )

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = Membership.objects.of(tenant)

    def clean_user(self) -> Membership:
        found = self.people.by_email([self.cleaned_data["user"].lower()]).select_related("tenant", "user").first()
        if found is None:
            raise forms.ValidationError(gettext_lazy("There is no such person in your organisation."))
        return found

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        plan, product = given.get("plan"), given.get("product")
        if plan and product and plan.product_id != product.pk:
            self.add_error("plan", gettext_lazy("This product has no such plan."))
        return given


class ExplainPage(ProcurementAdmin):
    """Only reads: what is asked stands in the address, so that an answer can be linked to."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.explain_view)
        return [path("explain/", view, name="policies_selfserviceproduct_explain"), *super().get_urls()]

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READS or not self.has_view_permission(request):
            raise PermissionDenied
        form = ExplainForm(tenant_of(self.actor(request)), request.GET or None)
        told = self.told(form) if form.is_bound and form.is_valid() else {}
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/explain.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": _("Explain a decision"),
                "parent_title": self.list_title,
                "parent_url": reverse(LIST),
                "form": form,
                **told,
            },
            status=400 if form.errors else 200,
        )

    def told(self, form: ExplainForm) -> dict[str, Any]:
        given = form.cleaned_data
        person, product = given["user"], given["product"]
        asked, answer = ask(
            person, product, plan=given["plan"], quantity=given["quantity"], at=clock.now(person.tenant)
        )
        told = explain(answer, asked=asked, in_full=True)
        outcome = Outcome(told.outcome)
        return {
            "person": person,
            "product": product,
            "asked": in_words(asked),
            "outcome": badge(outcome.label, COLOURS.get(outcome, "amber")),
            "lines": [_shown(line) for line in told.lines],
        }


def _shown(line: Line) -> dict[str, Any]:
    page = PAGES.get(line.rule)
    row = line.source.id
    return {
        "title": line.title,
        "verdict": badge(_("Passed"), "green") if line.passed else badge(_("Failed"), "red"),
        "code": line.code,
        "detail": line.detail,
        "would_pass": line.would_pass,
        "came_from": line.came_from,
        "url": reverse(page, args=[row]) if page and row else "",
        "set_by": line.set_by,
        "set_at": listed_minute(line.set_at),
    }
