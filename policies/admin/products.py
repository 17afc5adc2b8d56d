"""Product policies: what the people of an organisation may buy themselves."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from policies.admin.explain import ExplainPage
from policies.admin.pages import PolicyPages
from policies.admin.shown import LEVELS, changes_of, tenant_of, value_badge
from policies.admin.tried import PREVIEW, tell, tried
from policies.forms import PolicyForm
from policies.models import PolicyValue, SelfServiceProduct
from policies.operations import policies, settings
from policies.operations.scopes import Scope
from tenants.access import Actor, Right
from tenants.dates import listed_day
from tenants.journal.models import Event
from tenants.procurement import BY_COMMAND, READS, Section
from tenants.procurement_form import blame
from tenants.refusal import Refused
from tenants.signin.acting import actor_of_request


@admin.register(SelfServiceProduct)
class ProductPolicyAdmin(ExplainPage, PolicyPages):
    """For each product, whether the people of the organisation may buy it; changed with a reason."""

    right = Right.READ_POLICY
    list_title = gettext_lazy("Product policies")
    list_intro = gettext_lazy(
        "What your people may buy themselves. A change holds for the next purchase; what was bought stays as it is."
    )
    list_display_links = ["name"]
    list_display = ["chosen", "name", "value", "source", "set_by", "set_at", "reason"]
    sortable_by: Sequence[str] = ()
    ordering = ["family__name", "name"]
    empty_text = gettext_lazy("There is no product that people could buy themselves.")
    detail_template = "admin/policy.html"
    list_before_template = "admin/_policies.html"

    def get_urls(self) -> list[URLPattern]:
        claiming = self.admin_site.admin_view(self.claiming_view)
        return [path("claiming/", claiming, name="policies_selfserviceproduct_claiming"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        actor = self.actor(request)
        told = {
            "members_claim_seats": settings.members_claim_seats(tenant_of(actor)),
            "may_change": actor.may(Right.CHANGE_POLICY),
        }
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def claiming_view(self, request: HttpRequest) -> HttpResponse:
        """The switch above the list: whether members take free seats themselves."""
        actor = self.actor(request)
        if request.method != "POST" or not self.has_view_permission(request) or not actor.may(Right.CHANGE_POLICY):
            raise PermissionDenied
        allowed = request.POST.get("allowed") == "on"
        settings.let_members_claim_seats(tenant=tenant_of(actor), allowed=allowed, by=actor, at=actor.now())
        said = _("Members take free seats themselves now.") if allowed else _("Only admins give seats now.")
        messages.success(request, said)
        return redirect("admin:policies_selfserviceproduct_changelist")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        actor = actor_of_request(request)
        return actor is not None and actor.tenant is not None and actor.may(Right.READ_POLICY)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SelfServiceProduct]:
        return SelfServiceProduct.objects.all()

    def complete(self, request: HttpRequest, rows: Sequence[SelfServiceProduct]) -> None:
        for product, policy in zip(
            rows, policies.in_force(tenant_of(self.actor(request)), rows, at=self.actor(request).now()), strict=True
        ):
            product.policy = policy

    def get_list_display(self, request: HttpRequest) -> list[str]:
        may_change = self.actor(request).may(Right.CHANGE_POLICY)
        return [name for name in super().get_list_display(request) if name != "chosen" or may_change]

    @admin.display(description=gettext_lazy("choose"))
    def chosen(self, product: SelfServiceProduct) -> str:
        """Ticks it for the page that changes several; the form stands above the list."""
        box = '<input type="checkbox" name="products" value="{}" form="several" aria-label="{}">'
        return format_html(box, product.pk, product.name)

    @admin.display(description=gettext_lazy("value"))
    def value(self, product: SelfServiceProduct) -> str:
        return value_badge(product.policy.value)

    @admin.display(description=gettext_lazy("where it comes from"))
    def source(self, product: SelfServiceProduct) -> Any:
        return LEVELS[product.policy.source.level]

    @admin.display(description=gettext_lazy("set by"))
    def set_by(self, product: SelfServiceProduct) -> str:
        source = product.policy.source
        return str(source.set_by or BY_COMMAND) if source.set_at else ""

    @admin.display(description=gettext_lazy("when"))
    def set_at(self, product: SelfServiceProduct) -> str:
        return listed_day(product.policy.source.set_at)

    @admin.display(description=gettext_lazy("reason"))
    def reason(self, product: SelfServiceProduct) -> str:
        return str(product.policy.reason)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        actor = self.actor(request)
        product = self.found(request, object_id)
        if request.method in READS:
            return self.page(request, product, form=self.fresh_form(actor, product))
        if request.method != "POST" or not actor.may(Right.CHANGE_POLICY):
            raise PermissionDenied
        form = PolicyForm(request.POST)
        if PREVIEW in request.POST and form.is_valid():
            touched = tried(actor, form, [Scope(product=product)])
            return self.page(request, product, 400 if touched is None else 200, form=form, touched=touched)
        if form.is_valid() and (said := self.keep(actor, product, form)) is not None:
            changed = {"product": product.name, "value": PolicyValue(form.cleaned_data["value"]).label}
            messages.success(request, _("%(product)s: %(value)s. The next purchase follows it.") % changed)
            tell(request, [said.reach])
            return redirect("admin:policies_selfserviceproduct_changelist")
        return self.page(request, product, 400, form=form)

    def fresh_form(self, actor: Actor, product: SelfServiceProduct) -> PolicyForm | None:
        """None for whoever may only read."""
        if not actor.may(Right.CHANGE_POLICY):
            return None
        now = policies.in_force(tenant_of(actor), [product], at=actor.now())[0]
        return PolicyForm(initial={"value": now.value, "seen": now.version})

    def keep(self, actor: Actor, product: SelfServiceProduct, form: PolicyForm) -> policies.ProductPolicy | None:
        """Change the policy; what is wrong is said on the form."""
        try:
            return policies.set_product_policy(
                tenant=tenant_of(actor),
                product=product,
                value=form.cleaned_data["value"],
                reason=form.cleaned_data["reason"],
                existing=form.said_of_existing,
                expecting=form.cleaned_data["seen"],
                by=actor,
                at=actor.now(),
            )
        except policies.PolicyChangedMeanwhile as changed:
            form.data = {name: form.data.get(name, "") for name in form.fields} | {"seen": changed.version}
            form.add_error(None, str(changed))
        except Refused as refused:
            blame(form, refused)
        return None

    def sections(self, request: HttpRequest, row: SelfServiceProduct) -> list[Section]:
        self.complete(request, [row])
        shown = [self.line(name, row) for name in ("value", "source", "set_by", "set_at", "reason")]
        return [
            Section(title=_("What holds now"), rows=[line for line in shown if line.value]),
            Section(title=_("Changes"), template="admin/_policy_changes.html", data=self.changes(request, row)),
        ]

    def changes(self, request: HttpRequest, product: SelfServiceProduct) -> list[dict[str, str]]:
        return changes_of(Event.objects.of(tenant_of(self.actor(request))).about(product.pk))
