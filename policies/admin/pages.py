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
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from licensing.models import Product
from policies.admin.shown import tenant_of
from policies.admin.tried import PREVIEW, tried
from policies.forms import PoliciesForm, SettingsForm, SwitchForm
from policies.models import PolicyValue, SelfServiceProduct
from policies.operations import inbox, policies, settings
from policies.operations.scopes import Scope
from tenants.access import Actor, Right
from tenants.procurement import READS, ProcurementAdmin, Row, Section
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
        rows = policies.in_force(tenant_of(actor), products, at=timezone.now())
        form = PoliciesForm(request.POST or None, initial={"products": request.GET.getlist("products")})
        field: Any = form.fields["products"]
        field.choices = [(row.product.pk, _named(row)) for row in rows]
        chosen = {row.product.pk: row.product for row in rows}
        if request.method == "POST" and form.is_valid():
            wanted = [chosen[key] for key in form.cleaned_data["products"]]
            if PREVIEW in request.POST:
                shown["touched"] = tried(actor, form, [Scope(product=product) for product in wanted])
            elif self.keep_many(actor, wanted, form):
                told = ngettext("%(count)s product changed.", "%(count)s products changed.", len(wanted))
                messages.success(request, told % {"count": len(wanted)})
                return redirect(LIST)
        return self.form_page(request, form if rows else None, save_label=_("Save"), can_be_tried=True, **shown)

    def keep_many(self, actor: Actor, products: Sequence[Product], form: PoliciesForm) -> bool:
        value, reason = form.cleaned_data["value"], form.cleaned_data["reason"]
        try:
            policies.set_product_policies(
                tenant=tenant_of(actor),
                products=products,
                value=value,
                reason=reason,
                existing=form.said_of_existing,
                by=actor,
                at=timezone.now(),
            )
        except Refused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, str(refused))
            return False
        return True

    def settings_view(self, request: HttpRequest) -> HttpResponse:
        """What the organisation says over all its policies."""
        actor = self.reader(request)
        now = settings.of(tenant_of(actor))
        if request.method == "POST":
            self.writer(request)
        form = SettingsForm(request.POST or None, initial=asdict(now))
        if request.method == "POST" and form.is_valid() and self.change(actor, form, **form.cleaned_data):
            messages.success(request, _("The settings are kept."))
            return redirect(SETTINGS)
        return self.form_page(
            request,
            form if actor.may(Right.CHANGE_POLICY) else None,
            title=_("Policy settings"),
            save_label=_("Save"),
            switch_url=reverse("admin:policies_selfserviceproduct_switch"),
            now=now,
            sections=[] if actor.may(Right.CHANGE_POLICY) else [_settings_to_read(now)],
        )

    def switch_view(self, request: HttpRequest) -> HttpResponse:
        """Stops all self-service buying, or lets it go on; says first what that does."""
        actor = self.writer(request)
        stops = settings.of(tenant_of(actor)).self_service_enabled
        form = SwitchForm(request.POST or None)
        if request.method == "POST":
            # What the page said, not the other way round because somebody else was faster.
            stops = request.POST.get("wanted") != "on"
        wanted = {"self_service_enabled": not stops}
        if request.method == "POST" and form.is_valid() and self.change(actor, form, **wanted, **form.cleaned_data):
            messages.success(request, _("Self-service buying is stopped.") if stops else _("People may buy again."))
            return redirect(SETTINGS)
        return self.form_page(request, form, wanted="off" if stops else "on", **_switching(stops))

    def change(self, actor: Actor, form: forms.Form, **wanted: Any) -> bool:
        try:
            settings.change(tenant=tenant_of(actor), by=actor, at=timezone.now(), **wanted)
        except Refused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, str(refused))
            return False
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
    said = asdict(now) | {"default_for_new_products": PolicyValue(now.default_for_new_products).label}
    return Section(rows=[Row(label=labels[name] or "", value=said[name]) for name in said if name in labels])


def _switching(stops: bool) -> dict[str, Any]:
    if stops:
        return {
            "title": _("Stop all self-service buying"),
            "save_label": _("Stop all self-service buying"),
            "danger": True,
            "effects": [
                _("From now on nobody in your organisation can buy, add seats or reactivate by themselves."),
                _("What was bought stays, keeps working and renews. Policies stay as they are for when you resume."),
                _("You can still buy for the organisation."),
            ],
        }
    return {
        "title": _("Let people buy again"),
        "save_label": _("Let people buy again"),
        "effects": [_("From now on your people may buy again what the policies allow.")],
    }
