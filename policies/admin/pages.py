"""The pages beside the list of product policies: many products at once, those that are new, and the settings."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from licensing.models import Product
from policies.admin import changing
from policies.admin.shown import tenant_of
from policies.admin.tried import PREVIEW, settings_tried, tell, tried
from policies.forms import PoliciesForm, ResumeForm, SettingsForm, StopForm
from policies.models import PolicyValue, SelfServiceProduct
from policies.operations import inbox, policies, settings
from policies.operations.scopes import Scope
from tenants.access import Actor, Right
from tenants.procurement import READS, ProcurementAdmin, Row, Section
from tenants.procurement_form import blame
from tenants.refusal import Refused

LIST = "admin:policies_selfserviceproduct_changelist"
SETTINGS = "admin:policies_selfserviceproduct_settings"


class PolicyPages(ProcurementAdmin):
    """Each is one form, and one operation behind it."""

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "several": self.several_view,
            "new": self.new_view,
            "settings": self.settings_view,
            "switch": self.switch_view,
        }
        guarded = self.admin_site.admin_view
        routes = [path(f"{n}/", guarded(v), name=f"policies_selfserviceproduct_{n}") for n, v in pages.items()]
        return [*routes, *super().get_urls()]

    def several_view(self, request: HttpRequest) -> HttpResponse:
        """The same value for the products that were ticked on the list."""
        return self.many_page(request, SelfServiceProduct.objects.order_by("name"), title=_("Change several policies"))

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """The inbox: products that came later and wait for a value of their own."""
        actor = self.reader(request)
        return self.many_page(
            request,
            inbox.new_products(tenant_of(actor)),
            title=_("New products"),
            intro=_("They came after you began, and nobody has decided about them. Until then the default holds."),
            empty=_("No product waits for a decision."),
        )

    def many_page(self, request: HttpRequest, products: Iterable[SelfServiceProduct], **shown: Any) -> HttpResponse:
        actor = self.writer(request)
        rows = policies.in_force(tenant_of(actor), products, at=actor.now())
        form = PoliciesForm(request.POST or None, initial={"products": request.GET.getlist("products")})
        field: Any = form.fields["products"]
        field.choices = [(row.product.pk, _named(row)) for row in rows]
        chosen = {row.product.pk: row.product for row in rows}
        if request.method == "POST" and form.is_valid():
            wanted = [chosen[key] for key in form.cleaned_data["products"]]
            if PREVIEW in request.POST:
                shown["touched"] = tried(actor, form, [Scope(product=product) for product in wanted])
            elif (said := self.keep_many(actor, wanted, form)) is not None:
                told = ngettext("%(count)s product changed.", "%(count)s products changed.", len(wanted))
                messages.success(request, told % {"count": len(wanted)})
                tell(request, [policy.reach for policy in said])
                return redirect(LIST)
        return self.form_page(request, form if rows else None, save_label=_("Save"), can_be_tried=True, **shown)

    def keep_many(
        self, actor: Actor, products: Sequence[Product], form: PoliciesForm
    ) -> list[policies.ProductPolicy] | None:
        value, reason = form.cleaned_data["value"], form.cleaned_data["reason"]
        try:
            return policies.set_product_policies(
                tenant=tenant_of(actor),
                products=products,
                value=value,
                reason=reason,
                existing=form.said_of_existing,
                by=actor,
                at=actor.now(),
            )
        except Refused as refused:
            blame(form, refused)
            return None

    def settings_view(self, request: HttpRequest) -> HttpResponse:
        """What the organisation says over all its policies."""
        actor = self.reader(request)
        now = settings.of(tenant_of(actor))
        if request.method == "POST":
            self.writer(request)
        form = SettingsForm(request.POST or None, initial=asdict(now))
        touched = None
        if request.method == "POST" and form.is_valid():
            if PREVIEW in request.POST:
                touched = settings_tried(actor, form, default_for_new_products=form.others["default_for_new_products"])
            elif self.change(request, actor, form, existing=form.said_of_existing, **form.others):
                messages.success(request, _("The settings are kept."))
                return redirect(SETTINGS)
        return self.form_page(
            request,
            form if actor.may(Right.CHANGE_POLICY) else None,
            title=_("Policy settings"),
            save_label=_("Save"),
            can_be_tried=True,
            touched=touched,
            switch_url=reverse("admin:policies_selfserviceproduct_switch"),
            now=now,
            sections=[] if actor.may(Right.CHANGE_POLICY) else [_settings_to_read(now)],
        )

    def switch_view(self, request: HttpRequest) -> HttpResponse:
        """Stops all self-service buying, or lets it go on; says first what that does."""
        actor = self.writer(request)
        stops = settings.of(tenant_of(actor)).self_service_enabled
        if request.method == "POST":
            # What the page said, not the other way round because somebody else was faster.
            stops = request.POST.get("wanted") != "on"
        return self.stop_page(request, actor) if stops else self.resume_page(request, actor)

    def stop_page(self, request: HttpRequest, actor: Actor) -> HttpResponse:
        form, touched = StopForm(request.POST or None), None
        if request.method == "POST" and form.is_valid():
            if PREVIEW in request.POST:
                touched = settings_tried(actor, form, self_service_enabled=False)
            elif self.change(
                request, actor, form, self_service_enabled=False, existing=form.said_of_existing, **form.others
            ):
                messages.success(request, _("Self-service buying is stopped."))
                return redirect(SETTINGS)
        return self.form_page(request, form, wanted="off", can_be_tried=True, touched=touched, **_switching(stops=True))

    def resume_page(self, request: HttpRequest, actor: Actor) -> HttpResponse:
        form = ResumeForm(request.POST or None)
        kept = request.method == "POST" and form.is_valid()
        if kept and self.change(request, actor, form, self_service_enabled=True, **form.cleaned_data):
            messages.success(request, _("People may buy again."))
            return redirect(SETTINGS)
        return self.form_page(request, form, wanted="on", **_switching(stops=False))

    def change(self, request: HttpRequest, actor: Actor, form: forms.Form, **wanted: Any) -> bool:
        try:
            now = settings.change(tenant=tenant_of(actor), by=actor, at=actor.now(), **wanted)
        except Refused as refused:
            blame(form, refused)
            return False
        tell(request, [now.reach])
        return True

    def reader(self, request: HttpRequest) -> Actor:
        if request.method not in (*READS, "POST") or not self.has_view_permission(request):
            raise PermissionDenied
        return self.actor(request)

    def writer(self, request: HttpRequest) -> Actor:
        actor = self.reader(request)
        if not actor.may(Right.CHANGE_POLICY):
            raise PermissionDenied
        return actor

    def form_page(self, request: HttpRequest, form: forms.Form | None, **shown: Any) -> TemplateResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/policy_form.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "parent_title": self.list_title,
                "parent_url": reverse(LIST),
                "form": form,
                **shown,
            },
            status=400 if form is not None and form.errors else 200,
        )


def _named(row: policies.ProductPolicy) -> str:
    return _("%(product)s (now: %(value)s)") % {"product": row.product, "value": PolicyValue(row.value).label}


def _settings_to_read(now: settings.Settings) -> Section:
    labels = {name: field.label for name, field in SettingsForm.base_fields.items()}
    said = {name: changing.setting(name, value) for name, value in asdict(now).items() if name in labels}
    return Section(rows=[Row(label=labels[name] or "", value=told) for name, told in said.items()])


def _switching(stops: bool) -> dict[str, Any]:
    if stops:
        return {
            "title": _("Stop all self-service buying"),
            "save_label": _("Stop all self-service buying"),
            "danger": True,
            "effects": [
                _("From now on nobody in your organisation can buy, add seats or reactivate by themselves."),
                _("What was bought stays, keeps working and renews, unless you choose otherwise below."),
                _("Policies stay as they are for when you resume."),
                _("You can still buy for the organisation."),
            ],
        }
    return {
        "title": _("Let people buy again"),
        "save_label": _("Let people buy again"),
        "effects": [_("From now on your people may buy again what the policies allow.")],
    }
